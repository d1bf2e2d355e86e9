import { PlatformError } from "../../contracts/errors.ts";
import type { WorkerEnv } from "../../contracts/service-env.ts";
import type { Pool } from "../runtime/database.ts";
import type { NotificationListener } from "../runtime/listener.ts";
import type { Logger } from "../runtime/logger.ts";
import { BackupBox } from "../workspace/backup/backup-box.ts";
import { BackupLeases } from "../workspace/backup/backup-leases.ts";
import { WorkspaceRestoringError } from "../workspace/backup/errors.ts";
import { BackupWorker, type BackupWorkerDeps } from "../workspace/backup/backup-worker.ts";
import { RunDoer } from "../workspace/backup/do-run.ts";
import { RestoredTrees } from "../workspace/backup/restored-trees.ts";
import { Restic } from "../workspace/backup/restic.ts";
import type { RepositoryLocks } from "../workspace/repository-locks.ts";
import type { UsageMeter } from "../workspace/usage/usage-meter.ts";
import type { WorkspaceStore } from "../workspace/workspace-store.ts";
import type { WorkspaceVolume } from "../workspace/workspace-volume.ts";

export interface BackupsDeps {
  readonly env: WorkerEnv;
  readonly workerId: string;
  readonly pool: Pool;
  readonly listener: NotificationListener;
  readonly locks: RepositoryLocks;
  readonly volume: WorkspaceVolume;
  readonly usage: UsageMeter;
  readonly workspaces: WorkspaceStore;
  readonly log: Logger;
}

/** This worker's part in the backups of workspaces: it has their volume. */
export function createBackups(deps: BackupsDeps): BackupWorker {
  const { env, workerId, pool, listener, log } = deps;
  const leaseSeconds = env.LEASE_SECONDS;
  const leases = new BackupLeases({ pool, workerId, leaseSeconds });
  const trees = new RestoredTrees({ ...deps, rootDir: env.WORKSPACES_DIR, planLimits: env.PLAN_LIMITS });
  const configured = configure(deps, leases, trees);
  return new BackupWorker({ pool, listener, leases, trees, leaseSeconds, holder: workerId, configured, log });
}

function configure(deps: BackupsDeps, leases: BackupLeases, trees: RestoredTrees): BackupWorkerDeps["configured"] {
  const { env, locks, volume, usage, workspaces, log } = deps;
  const { BACKUP: config, BACKUP_SECRETS: secrets } = env;
  if (config === undefined || secrets === undefined) return undefined;
  try {
    const box = new BackupBox({ runtimeDir: env.RUNTIME_DIR });
    const doer = new RunDoer({
      rootDir: env.WORKSPACES_DIR,
      box,
      restic: new Restic({ box, config, secrets }),
      keep: config.keep,
      leases,
      locks,
      trees,
      volume,
      usage,
      workspaces,
      planLimits: env.PLAN_LIMITS,
    });
    return { doer, config };
  } catch (error) {
    if (!(error instanceof PlatformError)) throw error;
    // Tasks run without it; backups wait for a worker that has what this one lacks.
    log.error({ event: "backups_unavailable", err: error, remedy: error.remedy }, "this worker can do no backups");
    return { problem: error };
  }
}

/** @throws WorkspaceRestoringError while the workspace's files are being replaced */
export async function requireInPlace(pool: Pool, workspaceId: string): Promise<void> {
  const { rowCount } = await pool.query(
    "SELECT FROM workspace_backups WHERE workspace_id = $1 AND kind = 'restore' AND state = 'running'",
    [workspaceId],
  );
  if (rowCount !== 0) throw new WorkspaceRestoringError(workspaceId);
}
