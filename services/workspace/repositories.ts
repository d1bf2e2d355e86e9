import { randomBytes } from "node:crypto";
import { z } from "zod";
import type { Logger } from "pino";
import type { TaskRepository } from "../../contracts/task.ts";
import type { TaskEventBody } from "../../contracts/task-event.ts";
import type { CachedRepository } from "../../contracts/workspace.ts";
import type { Sandbox, SandboxProfile } from "../sandbox/sandbox.ts";
import { UNFINISHED } from "./leftovers.ts";
import { RepositoryInUseError, RepositoryNotFoundError } from "./repository-errors.ts";
import { type RepositoryLocks, repositoryLockName, withLock } from "./repository-locks.ts";
import { repositoryUrl } from "./repository-url.ts";
import { RepositoryUses } from "./repository-uses.ts";
import { makeReady } from "./repository-work.ts";
import { SafeFs } from "./safe-fs.ts";
import { ServiceRecords } from "./service-records.ts";
import { FolderSizes } from "./usage/folder-sizes.ts";
import type { UsageMeter } from "./usage/usage-meter.ts";
import type { IsLive } from "./workspace-volume.ts";
import { workspacePath } from "./workspace-path.ts";

/** What the service remembers of a clone. */
const RepositoryRecord = z.strictObject({
  url: z.string(),
  lastUsedAt: z.iso.datetime(),
  lastTaskId: z.uuid(),
});

const MAX_LISTED = 10_000;
/** A repository that is used is not waited for: dropping it is refused. Only a clone or fetch holds the lock longer. */
const DROP_LOCK_TIMEOUT_MS = 10_000;

export interface EnsureRequest {
  readonly workspaceId: string;
  readonly taskId: string;
  readonly repository: TaskRepository;
  readonly sandbox: Sandbox;
  readonly profile: SandboxProfile;
  readonly signal: AbortSignal;
  /** Told what git prints: progress and complaints. */
  readonly onOutput?: (stream: "stdout" | "stderr", text: string) => void;
}

/** The clones below `repos/`: made on their first use, fetched ever after, shared by all tasks of the workspace. */
export class Repositories {
  readonly #rootDir: string;
  readonly #locks: RepositoryLocks;
  readonly #meter: UsageMeter;
  readonly #logger: Logger;
  readonly #now: () => Date;
  readonly #records: ServiceRecords;
  readonly #uses: RepositoryUses;
  readonly #sizes: FolderSizes;

  constructor(deps: {
    readonly rootDir: string;
    readonly locks: RepositoryLocks;
    readonly meter: UsageMeter;
    /** Whether a task is running now: what a task that crashed used is free again. */
    readonly isLive: IsLive;
    readonly logger: Logger;
    readonly now?: () => Date;
  }) {
    this.#rootDir = deps.rootDir;
    this.#locks = deps.locks;
    this.#meter = deps.meter;
    this.#logger = deps.logger;
    this.#now = deps.now ?? (() => new Date());
    this.#records = new ServiceRecords(deps.rootDir);
    this.#uses = new RepositoryUses(this.#records, deps.isLive);
    this.#sizes = new FolderSizes({ ...deps, records: this.#records, now: this.#now });
  }

  /**
   * Makes a repository ready for a task: cloned or fetched, and `ref` checked out. Tasks and processes take turns.
   *
   * What an earlier task left uncommitted or unpushed is kept on a branch `automatos/left-over-<task>`. While another
   * running task uses the repository its working tree is left alone and only fetched. A clone that git cannot use is
   * moved aside and made anew. Each of these is a warning.
   *
   * @throws RepositoryUrlRefusedError, RepositoryUnreachableError, RepositoryRefNotFoundError,
   *   RepositoryCheckoutFailedError, RepositoryLockLostError, and the signal's reason when it fires
   */
  async ensure(request: EnsureRequest): Promise<{ readonly event: TaskEventBody; readonly warnings: TaskEventBody[] }> {
    const { workspaceId, taskId, repository } = request;
    const { name, ref } = repository;
    const url = repositoryUrl(repository.url);
    const startedMs = performance.now();
    const lockName = repositoryLockName(workspaceId, name);
    return withLock(this.#locks, lockName, request.signal, async (signal) => {
      const inUse = (await this.#uses.others(workspaceId, name, taskId)).length > 0;
      await this.#uses.add(workspaceId, name, taskId);
      const before = await this.#records.read(workspaceId, record(name), RepositoryRecord);
      const dir = workspacePath(this.#rootDir, workspaceId);
      const { action, commit, warnings } = await makeReady({
        git: { sandbox: request.sandbox, profile: request.profile, signal, onOutput: request.onOutput },
        files: new SafeFs(dir),
        workspaceId,
        name,
        url,
        ref,
        inUse,
        leftBy: before?.lastTaskId ?? taskId,
      });
      const lastUsedAt = this.#now().toISOString();
      await this.#records.write(workspaceId, record(name), { url, lastUsedAt, lastTaskId: taskId });
      const durationMs = Math.round(performance.now() - startedMs);
      const ids = { workspaceId, taskId, repository: name };
      this.#logger.info({ event: "repository_ready", ...ids, action, durationMs }, "repository ready");
      return { event: { type: "repository_ready", name, url, action, commit, durationMs }, warnings };
    });
  }

  /** The task uses none of its repositories any longer. Idempotent. */
  async releaseTask(workspaceId: string, taskId: string): Promise<void> {
    await this.#uses.removeTask(workspaceId, taskId);
  }

  /**
   * Every folder below `repos/`, those that agents made themselves too (their `url` is null). Sizes are those of the
   * last measurement, at most a minute old when the list is asked for again; only what is new, or was fetched since, is
   * measured first.
   */
  async list(workspaceId: string): Promise<CachedRepository[]> {
    const dir = workspacePath(this.#rootDir, workspaceId);
    const { entries } = await new SafeFs(dir).list("repos", { maxEntries: MAX_LISTED }).catch((error: unknown) => {
      if ((error as { code?: unknown }).code === "FILE_NOT_FOUND") return { entries: [] };
      throw error;
    });
    const listed: CachedRepository[] = [];
    for (const { path, type, modifiedAt } of entries) {
      const name = path.slice("repos/".length);
      if (type !== "directory" || UNFINISHED.test(name)) continue;
      const known = await this.#records.read(workspaceId, record(name), RepositoryRecord);
      const lastUsedAt = known?.lastUsedAt ?? modifiedAt.toISOString();
      const { usedBytes, measuredAt } = await this.#sizes.read(workspaceId, path, new Date(lastUsedAt));
      listed.push({ name, url: known?.url ?? null, sizeBytes: usedBytes, measuredAt, lastUsedAt });
    }
    return listed;
  }

  /**
   * Removes a clone and all that is in it.
   *
   * @throws RepositoryNotFoundError, RepositoryInUseError
   */
  async drop(workspaceId: string, name: string): Promise<void> {
    if (!isOneName(name)) throw new RepositoryNotFoundError(name);
    const files = new SafeFs(workspacePath(this.#rootDir, workspaceId));
    const signal = AbortSignal.timeout(DROP_LOCK_TIMEOUT_MS);
    await withLock(this.#locks, repositoryLockName(workspaceId, name), signal, async () => {
      const [user] = await this.#uses.others(workspaceId, name, undefined);
      if (user !== undefined) throw new RepositoryInUseError(name, user);
      await files.stat(`repos/${name}`).catch((error: unknown) => {
        if ((error as { code?: unknown }).code === "FILE_NOT_FOUND") throw new RepositoryNotFoundError(name);
        throw error;
      });
      // Out of sight in one step: a crash while removing leaves no half repository.
      const dropped = `repos/.dropped-${randomBytes(6).toString("hex")}-${name.slice(0, 40)}`;
      await files.move(`repos/${name}`, dropped);
      await this.#records.remove(workspaceId, record(name));
      await this.#sizes.forget(workspaceId, `repos/${name}`);
      await files.remove(dropped);
    });
    await this.#meter.measure(workspaceId);
  }
}

const record = (name: string) => ["repositories", `${name}.json`];

const isOneName = (name: string) => name !== "" && name !== "." && name !== ".." && !/[/\0]/.test(name);
