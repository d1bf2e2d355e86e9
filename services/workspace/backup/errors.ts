import { PlatformError } from "../../../contracts/errors.ts";

/** This installation has no store for backups. */
export class BackupNotConfiguredError extends PlatformError {
  constructor() {
    super("BACKUP_NOT_CONFIGURED", "backups are not configured here", {
      remedy:
        "Ask an administrator to set `backup` (endpoint, bucket) and its secrets in the stack: docs/guides/backup.md.",
      status: 501,
    });
  }
}

export class BackupNotFoundError extends PlatformError {
  constructor(runId: string) {
    super("BACKUP_NOT_FOUND", `backup ${runId} is unknown, has not succeeded, or was removed by retention`, {
      remedy: "List the workspace's backups with `automatos workspace backups`.",
      status: 404,
    });
  }
}

export class NoBackupError extends PlatformError {
  constructor(workspaceId: string) {
    super("NO_BACKUP", `workspace ${workspaceId} has no backup`, {
      remedy: "Make one with `automatos workspace backup`.",
      status: 409,
    });
  }
}

export class BackupRunConflictError extends PlatformError {
  constructor(runId: string, kind: string) {
    super("BACKUP_RUN_CONFLICT", `another ${kind}, run ${runId}, has not ended`, {
      remedy: "Wait for it with `automatos workspace backups`, and ask again.",
      status: 409,
    });
  }
}

/** A restore takes the place of all files: nothing may be working with them. */
export class WorkspaceBusyError extends PlatformError {
  constructor(workspaceId: string, tasks: number) {
    super("WORKSPACE_BUSY", `${tasks} tasks of workspace ${workspaceId} run, are about to, or are paused`, {
      remedy: "Wait for them or cancel them (`automatos task ls`), and restore again.",
      status: 409,
    });
  }
}

/** Of calls without a task while the workspace's files are being replaced. */
export class WorkspaceRestoringError extends PlatformError {
  constructor(workspaceId: string) {
    super("WORKSPACE_RESTORING", `the files of workspace ${workspaceId} are being restored`, {
      remedy: "Call again when the restore has ended; `automatos workspace backups` shows it.",
      status: 409,
      retryAfterSeconds: 10,
    });
  }
}

/** The store is away or unwell: the same may succeed later. */
export class BackupStoreUnreachableError extends PlatformError {
  constructor(endpoint: string, said: string) {
    super("BACKUP_STORE_UNREACHABLE", `the store at ${endpoint} does not answer as it should: ${said}`, {
      remedy: "Check the store and the worker's way to it. It is tried again by itself.",
      status: 503,
    });
  }
}

export class BackupStoreRefusedError extends PlatformError {
  constructor(endpoint: string, said: string) {
    super("BACKUP_STORE_REFUSED", `the store at ${endpoint} refuses the stack's access key: ${said}`, {
      remedy:
        "Set backupSecrets.accessKeyId and backupSecrets.secretAccessKey of the stack to a key that may read and write the bucket.",
      status: 502,
    });
  }
}

export class BackupBucketMissingError extends PlatformError {
  constructor(endpoint: string, bucket: string) {
    super("BACKUP_BUCKET_MISSING", `the store at ${endpoint} has no bucket ${bucket}`, {
      remedy: "Create the bucket, or correct `backup.bucket` of the stack.",
      status: 502,
    });
  }
}

export class BackupKeyMissingError extends PlatformError {
  constructor(keyIds: readonly string[]) {
    super("BACKUP_KEY_MISSING", `no key of the stack (${keyIds.join(", ")}) opens the workspace's repository`, {
      remedy: "Put the key that it was made with back into backupSecrets.keys of the stack.",
      status: 502,
    });
  }
}

/** Something in the store is not what was put there. */
export class BackupDamagedError extends PlatformError {
  constructor(said: string) {
    super("BACKUP_DAMAGED", `the backup cannot be read back as it was written: ${said}`, {
      remedy:
        "Look for damage in the store (`restic check --read-data`, docs/guides/backup.md); make a new backup now, try an older one to restore.",
      status: 502,
    });
  }
}

/** What came back from the store is whole by its own sums, and not what the workspace held. */
export class BackupDiffersError extends PlatformError {
  constructor(entries: number, example: string | undefined) {
    super("BACKUP_DIFFERS", `${entries} entries are not as they were when the backup was made: ${example ?? ""}`, {
      remedy: "Keep the workspace's files as they are, make a new backup and check it.",
      status: 502,
    });
  }
}

export class NoSpaceToRestoreError extends PlatformError {
  constructor(neededBytes: number, freeBytes: number) {
    super("NO_SPACE_TO_RESTORE", `${neededBytes} bytes are to be restored, the volume has ${freeBytes} free`, {
      remedy: "Make room on the volume of the workspaces: the backup is restored beside the present files first.",
      status: 507,
    });
  }
}

export class RestoreAboveQuotaError extends PlatformError {
  constructor(totalBytes: number, quotaBytes: number) {
    super("RESTORE_ABOVE_QUOTA", `the backup holds ${totalBytes} bytes, the workspace's quota is ${quotaBytes} bytes`, {
      remedy: "Move the workspace to a larger plan, or restore an older, smaller backup.",
      status: 507,
    });
  }
}

export class RestoreNotPossibleError extends PlatformError {
  constructor(reason: string) {
    super("RESTORE_NOT_POSSIBLE", `the workspace's folder cannot be replaced: ${reason}`, {
      remedy: "Restore by hand into the workspace's volume: docs/guides/backup.md.",
      status: 501,
    });
  }
}

/** Another run of the repository has not ended, or was cut off less than 30 minutes ago. */
export class RepositoryLockedError extends PlatformError {
  constructor(said: string) {
    super("BACKUP_REPOSITORY_LOCKED", `the workspace's repository is in use: ${said}`, {
      remedy: "It is tried again by itself; a lock that was left behind counts no more after 30 minutes.",
      status: 503,
    });
  }
}

/** The record of runs, or a lock that lives in it, was away: the same may succeed later. */
export class BackupRecordAwayError extends PlatformError {
  constructor(cause: unknown) {
    super("BACKUP_RECORD_UNREACHABLE", "the platform's database was away while this was done", {
      remedy: "It is tried again by itself.",
      status: 503,
      cause,
    });
  }
}

export class BackupProgramError extends PlatformError {
  constructor(program: string, said: string) {
    super("BACKUP_PROGRAM_FAILED", `${program} failed: ${said}`, {
      remedy: "Read the worker's log for the run; if it stays, report it with that.",
      status: 500,
    });
  }
}

export class BackupProgramMissingError extends PlatformError {
  constructor(program: string) {
    super("BACKUP_PROGRAM_MISSING", `${program} is not installed on the worker's machine`, {
      remedy: `Install it (\`apt-get install ${program === "bwrap" ? "bubblewrap" : program}\`); the worker's image has it.`,
      status: 501,
    });
  }
}

/** Its worker was lost again and again. */
export class BackupWorkerLostError extends PlatformError {
  constructor(attempts: number) {
    super("BACKUP_WORKER_LOST", `the worker was lost ${attempts} times while it did this`, {
      remedy: "Look into the workers' logs for why they end, then ask for it again.",
      status: 500,
    });
  }
}
