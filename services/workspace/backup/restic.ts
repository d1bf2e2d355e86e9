import { spawnSync } from "node:child_process";
import { z } from "zod";
import type { BackupConfig, BackupSecrets } from "../../../contracts/backup.ts";
import {
  BackupBucketMissingError,
  BackupKeyMissingError,
  BackupProgramError,
  RepositoryLockedError,
} from "./errors.ts";
import type { BackupBox, BoxRun, Mount } from "./backup-box.ts";
import { findProgramFiles, type ProgramFiles } from "./program-files.ts";
import { repositoryPassword } from "./repository-key.ts";
import { explainRestic, isPassingTrouble, isRefusal, NoRepositoryError, WrongPasswordError } from "./restic-errors.ts";

/** What a repository is used for, by one run. */
export interface RepositoryUse {
  readonly workspaceId: string;
  /** Who the program runs as. */
  readonly uid: number;
  readonly signal: AbortSignal;
}

const Summary = z.looseObject({
  message_type: z.literal("summary"),
  total_files_processed: z.int(),
  total_bytes_processed: z.int(),
  data_added: z.int(),
  snapshot_id: z.string(),
});
export type BackupSummary = z.infer<typeof Summary> & { readonly unreadable: number };

const Forgotten = z.array(z.looseObject({ keep: z.array(z.looseObject({ id: z.string() })).nullable() }));
const Lock = z.looseObject({ hostname: z.string() });

/** A backup in which some entries could not be read. */
const INCOMPLETE = 3;
/** A store that only fails for so long is given up, though restic itself would go on for a quarter of an hour. */
const PATIENCE_MS = 120_000;
/** restic writes files with holes as such from this version on. */
const SPARSE_SINCE = [0, 15];

export interface ResticDeps {
  readonly box: BackupBox;
  readonly config: BackupConfig;
  readonly secrets: BackupSecrets;
  /** What a run waits for a store that only fails, in ms. @default 2 min */
  readonly patienceMs?: number;
  readonly program?: string;
}

/** restic on the repositories of workspaces: one each, with a password of its own (docs/decisions/0035). */
export class Restic {
  readonly #deps: ResticDeps;
  readonly #program: ProgramFiles;
  readonly #isSparse: boolean;
  /** By workspace: the key of the stack that opens its repository, as an index. */
  readonly #opens = new Map<string, number>();

  /** @throws BackupProgramMissingError */
  constructor(deps: ResticDeps) {
    this.#deps = deps;
    this.#program = findProgramFiles(deps.program ?? "restic");
    const { stdout } = spawnSync(this.#program.path, ["version"], { encoding: "utf8", env: { HOME: "/" } });
    const [, major = "0", minor = "0"] = /^restic (\d+)\.(\d+)/.exec(stdout) ?? [];
    this.#isSparse = Number(major) > 0 || Number(minor) >= (SPARSE_SINCE[1] ?? 0);
  }

  /** Backs up `/workspace` and `/list.ndjson`, as they are mounted; makes the repository where there is none. */
  async backup(use: RepositoryUse, runId: string, mounts: readonly Mount[]): Promise<BackupSummary> {
    let summary: z.infer<typeof Summary> | undefined;
    let unreadable = 0;
    const run = async () => {
      unreadable = 0;
      const args = ["backup", "--json", "--host", "automatos", "--tag", runId, "--one-file-system"];
      await this.#run(use, [...args, "/workspace", "/list.ndjson"], {
        mounts,
        readsAll: true,
        accepts: [INCOMPLETE],
        onOutput: (line) => (summary = parseLine(line, Summary) ?? summary),
        onError: (line) => (unreadable += line.includes('"message_type":"error"') ? 1 : 0),
      });
    };
    try {
      await run();
    } catch (error) {
      if (!(error instanceof NoRepositoryError)) throw error;
      await this.#requireBucket(use);
      await this.#run(use, ["init"]);
      await run();
    }
    if (summary === undefined) throw new BackupProgramError("restic", "backup ended without a summary");
    return { ...summary, unreadable };
  }

  /** Restores a snapshot below `/restore`, as it is mounted. */
  async restore(use: RepositoryUse, snapshotId: string, mounts: readonly Mount[]): Promise<void> {
    const sparse = this.#isSparse ? ["--sparse"] : [];
    await this.#run(use, ["--no-cache", "restore", snapshotId, "--target", "/restore", ...sparse], { mounts });
  }

  /** Removes what is kept no longer. Resolves to the ids of the snapshots that stay. */
  async forget(use: RepositoryUse, keep: BackupConfig["keep"], mounts: readonly Mount[]): Promise<string[]> {
    const counts = Object.entries(keep).flatMap(([name, count]) =>
      count > 0 ? [`--keep-${name}`, String(count)] : [],
    );
    let kept: string[] | undefined;
    await this.#run(use, ["forget", "--json", "--prune", "--group-by", "", ...counts], {
      mounts,
      onOutput: (line) => {
        const groups = parseLine(line, Forgotten);
        if (groups !== undefined) kept = groups.flatMap((group) => (group.keep ?? []).map(({ id }) => id));
      },
    });
    if (kept === undefined) throw new BackupProgramError("restic", "forget did not say what it keeps");
    return kept;
  }

  /** `init` would make one. With a region named restic never asks for the bucket itself; without, it does. */
  async #requireBucket(use: RepositoryUse): Promise<void> {
    await this.#once(use, ["--no-cache", "cat", "config"], { asksForRegion: true }).catch((error: unknown) => {
      if (error instanceof BackupBucketMissingError) throw error; // whatever else there is, `init` says
    });
  }

  /** With the key that opens the repository; one of before is replaced by the newest. */
  async #run(use: RepositoryUse, args: readonly string[], options: RunOptions = {}): Promise<void> {
    try {
      await this.#unlocked(use, args, options);
    } catch (error) {
      if (!(error instanceof WrongPasswordError)) throw error;
      await this.#findKey(use);
      await this.#unlocked(use, args, options);
    }
  }

  async #findKey(use: RepositoryUse): Promise<void> {
    const { keys } = this.#deps.secrets;
    for (const index of keys.keys()) {
      this.#opens.set(use.workspaceId, index);
      try {
        await this.#once(use, ["--no-cache", "cat", "config"], {});
      } catch (error) {
        if (error instanceof WrongPasswordError) continue;
        throw error;
      }
      if (index === 0) return;
      const password = this.#password(use.workspaceId, 0);
      const files = { "/new-password": password };
      await this.#unlocked(use, ["--no-cache", "key", "passwd", "--new-password-file", "/new-password"], { files });
      this.#opens.delete(use.workspaceId);
      return;
    }
    this.#opens.delete(use.workspaceId);
    throw new BackupKeyMissingError(keys.map(({ keyId }) => keyId));
  }

  /** A lock that a process of this machine left when it was killed stands in nobody's way. */
  async #unlocked(use: RepositoryUse, args: readonly string[], options: RunOptions): Promise<void> {
    try {
      await this.#once(use, args, options);
    } catch (error) {
      if (!(error instanceof RepositoryLockedError) || !(await this.#areLocksDead(use))) throw error;
      await this.#once(use, ["--no-cache", "unlock", "--remove-all"], {});
      await this.#once(use, args, options);
    }
  }

  async #areLocksDead(use: RepositoryUse): Promise<boolean> {
    const ids: string[] = [];
    await this.#once(use, ["--no-cache", "--no-lock", "list", "locks"], { onOutput: (line) => ids.push(line.trim()) });
    for (const id of ids) {
      let text = "";
      await this.#once(use, ["--no-cache", "--no-lock", "cat", "lock", id], { onOutput: (line) => (text += line) });
      const lock = parseLine(text, Lock);
      if (lock === undefined || !this.#deps.box.isDead(lock.hostname)) return false;
    }
    return true;
  }

  async #once(use: RepositoryUse, args: readonly string[], options: RunOptions): Promise<void> {
    const { box, config } = this.#deps;
    const stop = new AbortController();
    let failingSince: number | undefined;
    const { code, stderr } = await box
      .run({
        program: this.#program,
        args,
        mounts: [],
        ...options,
        uid: use.uid,
        network: true,
        environment: {
          ...this.#environment(use.workspaceId),
          ...(options.asksForRegion !== true && { AWS_DEFAULT_REGION: config.region }),
        },
        signal: AbortSignal.any([use.signal, stop.signal]),
        onOutput: (line) => {
          if (line.includes('"message_type":"status"')) failingSince = undefined;
          options.onOutput?.(line);
        },
        onError: (line) => {
          options.onError?.(line);
          if (isPassingTrouble(line)) failingSince ??= Date.now();
          const isOver =
            failingSince !== undefined && Date.now() - failingSince > (this.#deps.patienceMs ?? PATIENCE_MS);
          if (isOver || (isPassingTrouble(line) && isRefusal(line))) stop.abort(explainRestic(line, config));
        },
      })
      .catch((error: unknown) => {
        throw stop.signal.aborted && !use.signal.aborted ? stop.signal.reason : error;
      });
    if (code === 0 || (options.accepts ?? []).includes(code ?? -1)) return;
    throw explainRestic(stderr, config);
  }

  #password(workspaceId: string, index: number): string {
    const key = this.#deps.secrets.keys[index];
    if (key === undefined) throw new TypeError("no such key"); // the environment's schema asks for one
    return repositoryPassword(key, workspaceId);
  }

  #environment(workspaceId: string): Record<string, string> {
    const { endpoint, bucket, prefix } = this.#deps.config;
    const { accessKeyId, secretAccessKey } = this.#deps.secrets;
    return {
      RESTIC_REPOSITORY: `s3:${new URL(endpoint).origin}/${bucket}/${prefix}/${workspaceId}`,
      RESTIC_PASSWORD: this.#password(workspaceId, this.#opens.get(workspaceId) ?? 0),
      RESTIC_CACHE_DIR: "/cache",
      RESTIC_PROGRESS_FPS: "1",
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      TMPDIR: "/tmp",
      HOME: "/tmp",
    };
  }
}

interface RunOptions extends Pick<Partial<BoxRun>, "mounts" | "files" | "readsAll" | "onOutput" | "onError"> {
  /** Exit codes beside 0 that are no failure. */
  readonly accepts?: readonly number[];
  /** Leaves it to the store to say where the bucket is. @default false */
  readonly asksForRegion?: boolean;
}

function parseLine<Schema extends z.ZodType>(line: string, schema: Schema): z.output<Schema> | undefined {
  if (!/^\s*[[{]/.test(line)) return undefined;
  try {
    return schema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined; // words that begin like JSON
  }
}
