import { randomUUID } from "node:crypto";
import { chmod, chown, lstat, mkdir, readdir } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import type { Logger } from "pino";
import type { PlanTier } from "../../contracts/plan.ts";
import { WorkspaceMeta } from "../../contracts/workspace.ts";
import { walkTo } from "./directory-handle.ts";
import { type RepositoryLocks, withLock, workspaceLockName } from "./repository-locks.ts";
import { SafeFs } from "./safe-fs.ts";
import { ServiceRecords } from "./service-records.ts";
import { type Discard, removeCredentials, removeLeftovers, removeUnfinished } from "./leftovers.ts";
import { TaskFolder, taskFolderPath } from "./task-folder.ts";
import { Trash } from "./trash.ts";
import { workspacePath } from "./workspace-path.ts";

export type { TaskFolder } from "./task-folder.ts";

/** Folders of a workspace that stay. */
const FOLDERS = ["repos", "tasks", "artifacts"] as const;
const META_FILE = ".workspace_meta.json";
/** Locks of a workspace are held for milliseconds: who waits longer waits for something that is broken. */
const LOCK_TIMEOUT_MS = 30_000;
/** What `close` waits for files to be removed; the rest is removed at the next start. */
const CLOSE_TIMEOUT_MS = 3_000;

/** Who opened a task's folder last: an earlier attempt that has lost its lease must not remove the next one's. */
const OpenTask = z.strictObject({ holder: z.string() });

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
  readonly #locks: RepositoryLocks;
  readonly #isLive: IsLive | undefined;
  readonly #log: Logger;
  readonly #now: () => Date;
  readonly #records: ServiceRecords;
  readonly #trash: Trash;
  readonly #asRoot = process.getuid?.() === 0;

  constructor(deps: {
    readonly rootDir: string;
    readonly locks: RepositoryLocks;
    /** Whether a task is running now, as the record says: lets `prepare` remove what a crash left. @default nothing is removed */
    readonly isLive?: IsLive;
    readonly logger: Logger;
    /** Told after files of a workspace were removed in the background. */
    readonly onRemoved?: (workspaceId: string) => void;
    readonly now?: () => Date;
  }) {
    this.#rootDir = deps.rootDir;
    this.#locks = deps.locks;
    this.#isLive = deps.isLive;
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
      await this.#makeOwn(dir, owner.uid);
      for (const folder of FOLDERS) await this.#makeFolder(dir, folder, owner.uid);
      if (this.#isLive !== undefined) await this.#removeLeftovers(workspaceId, this.#isLive);
      await this.#writeMeta(workspaceId, owner.uid, (meta) => ({
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

  /** Makes the folder of a task that starts; what an earlier attempt left there is removed. After `prepare`. */
  async openTask(workspaceId: string, taskId: string, uid: number): Promise<TaskFolder> {
    const workspaceDir = this.workspaceDir(workspaceId);
    const holder = randomUUID();
    return this.#locked(workspaceId, async () => {
      await this.#records.write(workspaceId, ["tasks", `${taskId}.json`], { holder });
      await this.#trash.discard(workspaceId, taskFolderPath(taskId));
      return TaskFolder.create(taskId, {
        workspaceDir,
        files: new SafeFs(workspaceDir, { owner: { uid, gid: uid } }),
        close: () => this.#closeTask(workspaceId, taskId, uid, holder),
        logger: this.#log,
      });
    });
  }

  /**
   * Removes what a crash left in every workspace: folders of tasks that nobody runs, credentials, half clones, and what
   * was being removed. A workspace where that fails is logged and does not stop the others.
   */
  async recover(isLive: IsLive): Promise<RecoveryReport> {
    const removedTasks: string[] = [];
    let workspaces = 0;
    for (const workspaceId of await readdir(this.#rootDir)) {
      if (!z.uuid().safeParse(workspaceId).success) continue;
      workspaces += 1;
      try {
        removedTasks.push(...(await this.#locked(workspaceId, () => this.#removeLeftovers(workspaceId, isLive))));
        await this.#trash.sweep(workspaceId);
      } catch (error) {
        this.#log.error({ event: "recovery_failed", workspaceId, err: error }, "workspace could not be cleaned up");
      }
    }
    if (removedTasks.length > 0) this.#log.info({ event: "recovered", removedTasks }, "left-overs of tasks removed");
    return { workspaces, removedTasks };
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
    return removeLeftovers({ workspaceDir, workspaceId, records: this.#records, discard, isLive });
  }

  async #closeTask(workspaceId: string, taskId: string, uid: number, holder: string): Promise<void> {
    try {
      await this.#locked(workspaceId, () => this.#removeTask(workspaceId, taskId, uid, holder));
    } catch (error) {
      // The task itself has ended as it has; what is left is removed at the next start.
      this.#log.error({ event: "task_cleanup_failed", workspaceId, taskId, err: error }, "task left files behind");
    }
  }

  async #removeTask(workspaceId: string, taskId: string, uid: number, holder: string): Promise<void> {
    const record = ["tasks", `${taskId}.json`];
    if ((await this.#records.read(workspaceId, record, OpenTask))?.holder !== holder) return;
    const files = new SafeFs(this.workspaceDir(workspaceId));
    await this.#trash.discard(workspaceId, taskFolderPath(taskId));
    await this.#records.remove(workspaceId, record);
    if ((await this.#records.names(workspaceId, ["tasks"])).length === 0) {
      await removeCredentials(files);
      // A clone that was stopped counts against the quota until it is gone.
      await removeUnfinished(files, this.#discard(workspaceId));
    }
    const reposCached = (await this.#records.names(workspaceId, ["repositories"])).map((name) => name.slice(0, -5));
    await this.#writeMeta(workspaceId, uid, (meta) => ({
      ...meta,
      lastTaskAt: this.#now().toISOString(),
      reposCached,
      totalTasksRun: (meta.totalTasksRun ?? 0) + 1,
    }));
  }

  /** The record beside the workspaces counts; the file in the workspace is its copy for whoever looks there. */
  async #writeMeta(
    workspaceId: string,
    uid: number,
    change: (meta: Partial<WorkspaceMeta>) => Partial<WorkspaceMeta>,
  ): Promise<void> {
    const before = await this.#records.read(workspaceId, ["meta.json"], WorkspaceMeta);
    const meta = WorkspaceMeta.parse(change(before ?? {}));
    await this.#records.write(workspaceId, ["meta.json"], meta);
    const files = new SafeFs(this.workspaceDir(workspaceId), { owner: { uid, gid: uid } });
    const content = `${JSON.stringify(meta, undefined, 2)}\n`;
    try {
      await files.replaceFile(META_FILE, content, { mode: 0o644 });
    } catch (error) {
      if ((error as { code?: unknown }).code !== "NOT_A_FILE") throw error;
      await files.remove(META_FILE); // a directory of that name
      await files.replaceFile(META_FILE, content, { mode: 0o644 });
    }
  }

  async #makeOwn(dir: string, uid: number): Promise<void> {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    const stats = await lstat(dir);
    if (!stats.isDirectory()) throw new Error(`${dir} is no directory`);
    if (this.#asRoot && stats.uid !== uid) await chown(dir, uid, uid);
    if ((stats.mode & 0o777) !== 0o700) await chmod(dir, 0o700);
  }

  async #makeFolder(dir: string, folder: string, uid: number): Promise<void> {
    const files = new SafeFs(dir, { owner: { uid, gid: uid } });
    const present = await files.stat(folder).catch(() => undefined);
    if (present !== undefined && present.type !== "directory") {
      const aside = `${folder}.replaced-${this.#now().getTime()}`;
      await files.move(folder, aside);
      this.#log.warn({ event: "workspace_repaired", folder, aside }, "something stood in a folder's place");
    }
    await files.mkdirs(folder, { mode: 0o755 });
    const handle = await walkTo(dir, [folder]);
    try {
      // A crash may have come between making it and giving it away.
      if (this.#asRoot && (await handle.stat()).uid !== uid) await handle.chown(uid, uid);
    } finally {
      await handle.close();
    }
  }

  #discard(workspaceId: string): Discard {
    return (path) => this.#trash.discard(workspaceId, path);
  }

  #locked<Result>(workspaceId: string, work: () => Promise<Result>): Promise<Result> {
    return withLock(this.#locks, workspaceLockName(workspaceId), AbortSignal.timeout(LOCK_TIMEOUT_MS), work);
  }
}
