import { statfs } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { PlatformError, WorkspaceQuotaExceededError } from "../../contracts/errors.ts";
import type { Logger } from "../runtime/logger.ts";
import { isNearlyUsed, type UsageMeter } from "../workspace/usage.ts";

/** Bytes of the volume on which the workspaces are. */
export interface VolumeSpace {
  readonly totalBytes: number;
  readonly freeBytes: number;
}

export interface QuotaGuardDeps {
  readonly usage: Pick<UsageMeter, "read" | "measure">;
  /** Reads the volume's space. @default statfs of `volumeDir` */
  readonly space?: () => Promise<VolumeSpace>;
  readonly volumeDir: string;
  /** Free space that tasks leave to the rest of the machine. @default 5 % of the volume, from 1 GiB to 10 GiB */
  readonly reserveBytes?: (totalBytes: number) => number;
  readonly log: Logger;
}

export interface GuardedTask {
  readonly workspaceId: string;
  readonly quotaBytes: number;
  /** Told once when little room is left. */
  readonly onNearlyUsed: (usedBytes: number) => void;
}

/** The watch over one running task. */
export interface TaskGuard {
  /** Fires with a WorkspaceQuotaExceededError or a VolumeFullError: what the task runs must stop. */
  readonly signal: AbortSignal;
  /** Ends the watch. Idempotent. */
  stop(): void;
}

interface Watched {
  readonly tasks: Set<{ readonly task: GuardedTask; readonly controller: AbortController; told: boolean }>;
  readonly stopped: AbortController;
  /** What the workspace held when the watch began; its growth since is what its tasks wrote. */
  firstBytes: number | undefined;
}

const GIB = 1024 ** 3;
const LOOK_MS = 500;
/** A measurement is followed by so many times its own duration of rest: it takes a tenth of the time at most. */
const REST_PER_MEASUREMENT = 9;
/** A workspace that grew by less is not what filled the volume. */
const SUSPECT_BYTES = 16 * 1024 ** 2;

export class VolumeFullError extends PlatformError {
  constructor(freeBytes: number, reserveBytes: number) {
    super("VOLUME_FULL", `the volume of the workspaces has ${freeBytes} bytes free, ${reserveBytes} must stay free`, {
      remedy: "Tell the operator to make room on the volume of WORKSPACES_DIR or to enlarge it, then retry the task.",
      status: 507,
    });
  }
}

/**
 * Watches what running tasks write. A workspace is measured again and again while one of its tasks runs, and stopped
 * when it is over its quota. Between two measurements a task can write much: when the volume's reserve is touched, the
 * workspace that grew most is stopped at once, so that no tenant takes the disk from the others.
 */
export class QuotaGuard {
  readonly #deps: QuotaGuardDeps;
  readonly #watched = new Map<string, Watched>();
  #watchingVolume = false;

  constructor(deps: QuotaGuardDeps) {
    this.#deps = deps;
  }

  watch(task: GuardedTask): TaskGuard {
    const { workspaceId } = task;
    const watched = this.#watched.get(workspaceId) ?? this.#begin(workspaceId);
    const entry = { task, controller: new AbortController(), told: false };
    watched.tasks.add(entry);
    return {
      signal: entry.controller.signal,
      stop: () => {
        watched.tasks.delete(entry);
        if (watched.tasks.size > 0 || watched.stopped.signal.aborted) return;
        watched.stopped.abort();
        this.#watched.delete(workspaceId);
      },
    };
  }

  #begin(workspaceId: string): Watched {
    const watched: Watched = { tasks: new Set(), stopped: new AbortController(), firstBytes: undefined };
    this.#watched.set(workspaceId, watched);
    void this.#watchWorkspace(workspaceId, watched);
    if (!this.#watchingVolume) void this.#watchVolume();
    return watched;
  }

  async #watchWorkspace(workspaceId: string, watched: Watched): Promise<void> {
    const { signal } = watched.stopped;
    const before = await this.#deps.usage.read(workspaceId).catch(() => undefined);
    watched.firstBytes = before?.usedBytes;
    let restMs = LOOK_MS;
    while (await rested(restMs, signal)) {
      const startedAt = performance.now();
      await this.#measure(workspaceId, watched);
      restMs = Math.max(LOOK_MS, (performance.now() - startedAt) * REST_PER_MEASUREMENT);
    }
  }

  /** Measures and stops what is over its quota. Resolves to what the workspace grew by; 0 when it cannot be known. */
  async #measure(workspaceId: string, watched: Watched): Promise<number> {
    try {
      const { usedBytes } = await this.#deps.usage.measure(workspaceId);
      for (const entry of watched.tasks) {
        const { quotaBytes, onNearlyUsed } = entry.task;
        if (usedBytes >= quotaBytes) {
          entry.controller.abort(new WorkspaceQuotaExceededError(workspaceId, usedBytes, quotaBytes));
        } else if (!entry.told && isNearlyUsed(usedBytes, quotaBytes)) {
          entry.told = true;
          onNearlyUsed(usedBytes);
        }
      }
      watched.firstBytes ??= usedBytes;
      return usedBytes - watched.firstBytes;
    } catch (error) {
      this.#deps.log.warn({ event: "usage_watch_failed", workspaceId, err: error }, "workspace could not be measured");
      return 0;
    }
  }

  async #watchVolume(): Promise<void> {
    this.#watchingVolume = true;
    while (this.#watched.size > 0) {
      await this.#guardReserve().catch((error: unknown) => {
        this.#deps.log.warn({ event: "volume_watch_failed", err: error }, "free space could not be read");
      });
      await delay(LOOK_MS, undefined, { ref: false });
    }
    this.#watchingVolume = false;
  }

  async #guardReserve(): Promise<void> {
    const { volumeDir, space = () => volumeSpace(volumeDir), reserveBytes = defaultReserve } = this.#deps;
    const { totalBytes, freeBytes } = await space();
    const reserve = reserveBytes(totalBytes);
    if (freeBytes >= reserve) return;
    const grown = await Promise.all(
      [...this.#watched].map(async ([workspaceId, watched]) => ({
        workspaceId,
        watched,
        bytes: await this.#measure(workspaceId, watched),
      })),
    );
    const most = grown.sort((a, b) => b.bytes - a.bytes)[0];
    if (most === undefined || most.bytes < SUSPECT_BYTES) return;
    const { workspaceId, watched, bytes } = most;
    this.#deps.log.error(
      { event: "volume_reserve_touched", workspaceId, grownBytes: bytes, freeBytes, reserveBytes: reserve },
      "the volume is full: tasks of the workspace that grew most are stopped",
    );
    for (const { controller } of watched.tasks) controller.abort(new VolumeFullError(freeBytes, reserve));
  }
}

/** Why a task must stop, when it is for what it wrote; undefined when it runs on, or stops for another reason. */
export function limitReached(signal: AbortSignal): PlatformError | undefined {
  return signal.aborted && signal.reason instanceof PlatformError ? signal.reason : undefined;
}

const rested = (ms: number, signal: AbortSignal): Promise<boolean> =>
  delay(ms, undefined, { signal, ref: false }).then(
    () => true,
    () => false,
  );

const defaultReserve = (totalBytes: number): number => Math.min(Math.max(GIB, totalBytes * 0.05), 10 * GIB);

async function volumeSpace(dir: string): Promise<VolumeSpace> {
  const { bsize, blocks, bavail } = await statfs(dir);
  return { totalBytes: blocks * bsize, freeBytes: bavail * bsize };
}
