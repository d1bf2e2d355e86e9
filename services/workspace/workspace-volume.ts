import { randomUUID } from "node:crypto";
import { chmod, mkdir, readdir } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import type { Logger } from "pino";
import type { PlanTier } from "../../contracts/plan.ts";
import { makeFolder, makeOwn } from "./make-folders.ts";
import { makeHomeLinks } from "./credentials/home-links.ts";
import { type RepositoryLocks, withLock, workspaceLockName } from "./repository-locks.ts";
import { SafeFs } from "./safe-fs.ts";
import { ServiceRecords } from "./service-records.ts";
import { type Discard, removeCredentials, removeLeftovers, removeUnfinished } from "./leftovers.ts";
import { TaskFolder, taskFolderPath } from "./task-folder.ts";
import { Trash } from "./trash.ts";
import type { UsageMeter } from "./usage/usage-meter.ts";
import { finishSwapLocked, finishSwaps } from "./backup/tree-swap.ts";
import { changeMeta, type MetaChange } from "./workspace-meta.ts";
import { workspacePath } from "./workspace-path.ts";

export type { TaskFolder } from "./task-folder.ts";

/** Folders of a workspace that stay. */
const FOLDERS = ["repos", "tasks", "artifacts"] as const;
/** Locks of a workspace are held for milliseconds: who waits longer waits for something that is broken. */
const LOCK_TIMEOUT_MS = 30_000;
/** What `close` waits for files to be removed; the rest is removed at the next start. */
const CLOSE_TIMEOUT_MS = 3_000;

/**
 * Who opened a task's folder last: an earlier attempt that has lost its lease must not remove the next one's. Null: the
 * task does not run at present and goes on later with what is there.
 */
const OpenTask = z.strictObject({ holder: z.string().nullable() });

/** Whether a task is running now, as the record says. */
export type IsLive = (taskId: string) => Promise<boolean>;

export interface RecoveryReport {
  readonly workspaces: number;
  /** Tasks whose folder was removed, as nobody runs them. */
  readonly removedTasks: readonly string[];
}

/**
 * The files of all workspaces: one folder each below `rootDir`, which only that workspace's user may enter.
 *
 * Whatever is below a workspace may have been made by an agent, and may change at any moment: it is only touched
 * through SafeFs, and nothing that is read there is believed.
 */
export class WorkspaceVolume {
  readonly #rootDir: string;
  readonly #meter: Pick<UsageMeter, "prepare"> | undefined;
  readonly #locks: RepositoryLocks;
  readonly #isLive: IsLive | undefined;
  readonly #isKept: IsLive;
  readonly #log: Logger;
  readonly #now: () => Date;
  readonly #records: ServiceRecords;
  readonly #trash: Trash;

  constructor(deps: {
    readonly rootDir: string;
    /** Makes a workspace's folder where the file system is to account for it. @default a plain folder */
    readonly meter?: Pick<UsageMeter, "prepare">;
    readonly locks: RepositoryLocks;
    /** Whether a task is running now, as the record says: lets `prepare` remove what a crash left. @default nothing is removed */
    readonly isLive?: IsLive;
    /** Whether a task that does not run goes on later with the files that it has left. @default none does */
    readonly isKept?: IsLive;
    readonly logger: Logger;
    /** Told after files of a workspace were removed in the background. */
    readonly onRemoved?: (workspaceId: string) => void;
    readonly now?: () => Date;
  }) {
    this.#rootDir = deps.rootDir;
    this.#meter = deps.meter;
    this.#locks = deps.locks;
    this.#isLive = deps.isLive;
    this.#isKept = deps.isKept ?? (async () => false);
    this.#log = deps.logger;
    this.#now = deps.now ?? (() => new Date());
    this.#records = new ServiceRecords(deps.rootDir);
    this.#trash = new Trash({ ...deps, records: this.#records });
  }

  /** Makes the folder of all workspaces: their users may pass through it, and not list it. Idempotent. */
  async prepareRoot(): Promise<void> {
    await mkdir(this.#rootDir, { recursive: true });
    await chmod(this.#rootDir, 0o711);
    await this.#records.prepare();
  }

  /** The absolute path of a workspace's folder. */
  workspaceDir(workspaceId: string): string {
    return workspacePath(this.#rootDir, workspaceId);
  }

  /**
   * Makes the workspace's folder, or repairs it after a crash: every step may already have been done. Something else in
   * the place of one of its folders is moved aside, not removed.
   *
   * @returns The folder's absolute path.
   */
  async prepare(
    workspace: { readonly workspaceId: string; readonly planTier: PlanTier; readonly createdAt: string },
    owner: { readonly uid: number; readonly quotaBytes: number },
  ): Promise<string> {
    const { workspaceId } = workspace;
    const dir = this.workspaceDir(workspaceId);
    await this.#locked(workspaceId, async () => {
      // A restored tree on its way here comes first: an empty folder in its place would be taken for the workspace's.
      await finishSwapLocked({ rootDir: this.#rootDir, workspaceId });
      await this.#account(workspaceId, owner);
      await makeOwn(dir, owner.uid);
      for (const folder of FOLDERS) {
        const aside = await makeFolder(dir, folder, owner.uid, this.#now());
        if (aside === undefined) continue;
        this.#log.warn({ event: "workspace_repaired", folder, aside }, "something stood in a folder's place");
      }
      if (this.#isLive !== undefined) await this.#removeLeftovers(workspaceId, this.#isLive);
      await this.#changeMeta(workspaceId, owner.uid, (meta) => ({
        lastTaskAt: null,
        reposCached: [],
        totalTasksRun: 0,
        ...meta,
        workspaceId,
        createdAt: workspace.createdAt,
        planTier: workspace.planTier,
        storageQuotaBytes: owner.quotaBytes,
      }));
    });
    return dir;
  }

  /** The folder with its account; one from before may only be replaced while nobody works in it. */
  async #account(workspaceId: string, owner: { readonly uid: number; readonly quotaBytes: number }): Promise<void> {
    if (this.#meter === undefined) return;
    const inUse = (await this.#records.names(workspaceId, ["tasks"])).length > 0;
    await this.#meter.prepare({ workspaceId, ...owner }, { inUse });
    await this.#trash.sweep(workspaceId); // what was replaced
  }

  /**
   * Makes the folder of a task that starts. What an earlier attempt left there is removed, or taken over with `keep`.
   * After `prepare`.
   */
  async openTask(
    workspaceId: string,
    taskId: string,
    uid: number,
    options: { readonly keep?: boolean } = {},
  ): Promise<TaskFolder> {
    const workspaceDir = this.workspaceDir(workspaceId);
    const holder = randomUUID();
    return this.#locked(workspaceId, async () => {
      await this.#records.write(workspaceId, ["tasks", `${taskId}.json`], { holder });
      if (options.keep !== true) await this.#trash.discard(workspaceId, taskFolderPath(taskId));
      return TaskFolder.create(taskId, {
        workspaceDir,
        files: new SafeFs(workspaceDir, { owner: { uid, gid: uid } }),
        close: () => this.#endTask(workspaceId, taskId, () => this.#removeTask(workspaceId, taskId, uid, holder)),
        leave: () => this.#endTask(workspaceId, taskId, () => this.#leaveTask(workspaceId, taskId, holder)),
        logger: this.#log,
      });
    });
  }

  /**
   * Removes the folder of a task that has ended while nobody ran it. No-op where this volume has none, and for a task
   * that runs or goes on later.
   */
  async removeEnded(workspaceId: string, taskId: string, isLive: IsLive): Promise<void> {
    const record = ["tasks", `${taskId}.json`];
    if ((await this.#records.read(workspaceId, record, OpenTask)) === undefined) return;
    await this.#endTask(workspaceId, taskId, async () => {
      if ((await isLive(taskId)) || (await this.#isKept(taskId))) return;
      await this.#trash.discard(workspaceId, taskFolderPath(taskId));
      await this.#records.remove(workspaceId, record);
    });
  }

  /**
   * Makes the links by which a task's programs find its credentials (credentials/home-links.ts); they are gone when no
   * task of the workspace runs any more. After `openTask`.
   *
   * @returns the paths where something else stands.
   */
  async linkCredentials(workspaceId: string, links: ReadonlyMap<string, string>, uid: number): Promise<string[]> {
    const home = { records: this.#records, workspaceDir: this.workspaceDir(workspaceId), workspaceId };
    return links.size === 0 ? [] : this.#locked(workspaceId, () => makeHomeLinks(home, links, uid));
  }

  /**
   * Puts restored trees in place that were on their way there, and removes what a crash left in every workspace: folders
   * of tasks that nobody runs, credentials, half clones, and what was being removed. A workspace where that fails is
   * logged and does not stop the others.
   */
  async recover(isLive: IsLive): Promise<RecoveryReport> {
    const removedTasks: string[] = [];
    let workspaces = 0;
    const failed = (workspaceId: string, error: unknown): void =>
      this.#log.error({ event: "recovery_failed", workspaceId, err: error }, "workspace could not be cleaned up");
    await finishSwaps({ rootDir: this.#rootDir, locks: this.#locks }, failed);
    for (const workspaceId of await readdir(this.#rootDir)) {
      if (!z.uuid().safeParse(workspaceId).success) continue;
      workspaces += 1;
      try {
        removedTasks.push(...(await this.#locked(workspaceId, () => this.#removeLeftovers(workspaceId, isLive))));
        await this.#trash.sweep(workspaceId);
      } catch (error) {
        failed(workspaceId, error);
      }
    }
    if (removedTasks.length > 0) this.#log.info({ event: "recovered", removedTasks }, "left-overs of tasks removed");
    return { workspaces, removedTasks };
  }

  /** Removes, in the background, what was moved to a workspace's trash by others. */
  async sweep(workspaceId: string): Promise<void> {
    await this.#trash.sweep(workspaceId);
  }

  /** Waits a little for what is being removed in the background. Idempotent. */
  async close(): Promise<void> {
    const over = new AbortController();
    const timeout = delay(CLOSE_TIMEOUT_MS, undefined, { signal: over.signal }).catch(() => undefined);
    await Promise.race([this.#trash.settled(), timeout]);
    over.abort();
  }

  #removeLeftovers(workspaceId: string, isLive: IsLive): Promise<string[]> {
    const workspaceDir = this.workspaceDir(workspaceId);
    const discard = this.#discard(workspaceId);
    const isKept = this.#isKept;
    return removeLeftovers({ workspaceDir, workspaceId, records: this.#records, discard, isLive, isKept });
  }

  async #endTask(workspaceId: string, taskId: string, work: () => Promise<void>): Promise<void> {
    try {
      await this.#locked(workspaceId, work);
    } catch (error) {
      // The task itself has ended as it has; what is left is removed at the next start.
      this.#log.error({ event: "task_cleanup_failed", workspaceId, taskId, err: error }, "task left files behind");
    }
  }

  async #leaveTask(workspaceId: string, taskId: string, holder: string): Promise<void> {
    const record = ["tasks", `${taskId}.json`];
    if ((await this.#records.read(workspaceId, record, OpenTask))?.holder !== holder) return;
    await this.#records.write(workspaceId, record, { holder: null });
    await this.#removeUnused(workspaceId);
  }

  async #removeTask(workspaceId: string, taskId: string, uid: number, holder: string): Promise<void> {
    const record = ["tasks", `${taskId}.json`];
    if ((await this.#records.read(workspaceId, record, OpenTask))?.holder !== holder) return;
    await this.#trash.discard(workspaceId, taskFolderPath(taskId));
    await this.#records.remove(workspaceId, record);
    await this.#removeUnused(workspaceId);
    const reposCached = (await this.#records.names(workspaceId, ["repositories"])).map((name) => name.slice(0, -5));
    await this.#changeMeta(workspaceId, uid, (meta) => ({
      ...meta,
      lastTaskAt: this.#now().toISOString(),
      reposCached,
      totalTasksRun: (meta.totalTasksRun ?? 0) + 1,
    }));
  }

  /** Removes what only running tasks need, when none runs. */
  async #removeUnused(workspaceId: string): Promise<void> {
    for (const name of await this.#records.names(workspaceId, ["tasks"])) {
      if ((await this.#records.read(workspaceId, ["tasks", name], OpenTask))?.holder !== null) return;
    }
    const workspaceDir = this.workspaceDir(workspaceId);
    const files = new SafeFs(workspaceDir);
    await removeCredentials(files, { records: this.#records, workspaceDir, workspaceId });
    // A clone that was stopped counts against the quota until it is gone.
    await removeUnfinished(files, this.#discard(workspaceId));
  }

  async #changeMeta(workspaceId: string, uid: number, change: MetaChange): Promise<void> {
    await changeMeta(
      { records: this.#records, workspaceDir: this.workspaceDir(workspaceId), workspaceId, uid },
      change,
    );
  }

  #discard(workspaceId: string): Discard {
    return (path) => this.#trash.discard(workspaceId, path);
  }

  #locked<Result>(workspaceId: string, work: () => Promise<Result>): Promise<Result> {
    return withLock(this.#locks, workspaceLockName(workspaceId), AbortSignal.timeout(LOCK_TIMEOUT_MS), work);
  }
}
