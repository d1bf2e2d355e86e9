import { setTimeout as delay } from "node:timers/promises";
import { PlatformError, WorkspaceQuotaExceededError } from "../../contracts/errors.ts";
import type { TaskEventBody } from "../../contracts/task-event.ts";
import type { Logger } from "../runtime/logger.ts";
import { admitByQuota, isNearlyUsed } from "../workspace/usage/admit-by-quota.ts";
import type { UsageMeter } from "../workspace/usage/usage-meter.ts";
import type { QuotaMetrics } from "./quota-metrics.ts";
import {
  defaultReserve,
  readVolumeSpace,
  type Shortage,
  shortageOf,
  VolumeFullError,
  type VolumeSpace,
} from "./volume-space.ts";

export interface QuotaGuardDeps {
  readonly usage: Pick<UsageMeter, "status" | "read" | "look" | "measure" | "writtenBytes">;
  /** Reads the volume's space. @default statfs of `volumeDir` */
  readonly space?: () => Promise<VolumeSpace>;
  readonly volumeDir: string;
  /** Free space that tasks leave to the rest of the machine. @default 5 % of the volume, from 1 GiB to 10 GiB */
  readonly reserveBytes?: (totalBytes: number) => number;
  readonly metrics?: QuotaMetrics;
  readonly log: Logger;
}

export interface GuardedTask {
  readonly workspaceId: string;
  readonly quotaBytes: number;
  /** Told once when little room is left. */
  readonly onNearlyUsed: (usedBytes: number) => void;
}

/** What the file system has refused a write for: `quota` (EDQUOT) or `space` (ENOSPC). */
export type Refusal = "quota" | "space";

/** The watch over one running task. */
export interface TaskGuard {
  /** Fires with a WorkspaceQuotaExceededError or a VolumeFullError: what the task runs must stop. */
  readonly signal: AbortSignal;
  /** Something that the task ran was refused a write: looks at once, and stops the task where that is the reason. */
  refused(refusal: Refusal): Promise<void>;
  /** Ends the watch. Idempotent. */
  stop(): void;
}

interface Watched {
  readonly tasks: Set<{ readonly task: GuardedTask; readonly controller: AbortController; told: boolean }>;
  readonly stopped: AbortController;
  /** Of the task that began last, or of the plan since. */
  quotaBytes: number;
  /** What the workspace held when the watch began; its growth since is what its tasks wrote. */
  firstBytes: number | undefined;
  firstEntries: number | undefined;
}

type Growth = Readonly<Record<Shortage["of"], number>>;

const LOOK_MS = 500;
/** A look is followed by so many times its own duration of rest: it takes a tenth of the time at most. */
const REST_PER_LOOK = 9;
/** A workspace that grew by less is not what filled the volume. */
const SUSPECT = { bytes: 16 * 1024 ** 2, inodes: 4_096 } as const;

/**
 * Watches what running tasks write. A workspace is looked at again and again while one of its tasks runs, and stopped
 * when it is over its quota. Where nothing refuses a write a task can write much between two looks: when the volume's
 * reserve is touched, the workspace that grew most is stopped at once, so that no tenant takes the disk from the others;
 * when none grew as far as can be seen, the one whose processes have written most.
 */
export class QuotaGuard {
  readonly #deps: QuotaGuardDeps;
  readonly #watched = new Map<string, Watched>();
  #watchingVolume = false;
  /** When the volume's reserve was last untouched, or first seen to be touched. */
  #freeBefore: number | undefined;

  constructor(deps: QuotaGuardDeps) {
    this.#deps = deps;
  }

  /**
   * Before a task begins; reads what is known, and no files.
   *
   * @returns A warning to tell the task's owner, when little room is left.
   * @throws WorkspaceQuotaExceededError
   */
  async admit(workspaceId: string, quotaBytes: number): Promise<TaskEventBody | undefined> {
    const { usage, metrics } = this.#deps;
    try {
      const warning = await admitByQuota(usage, workspaceId, quotaBytes);
      if (warning !== undefined) metrics?.nearlyUsed(workspaceId);
      return warning;
    } catch (error) {
      if (error instanceof WorkspaceQuotaExceededError) metrics?.refused(workspaceId);
      throw error;
    }
  }

  watch(task: GuardedTask): TaskGuard {
    const { workspaceId, quotaBytes } = task;
    const watched = this.#watched.get(workspaceId) ?? this.#begin(workspaceId, quotaBytes);
    watched.quotaBytes = quotaBytes;
    const entry = { task, controller: new AbortController(), told: false };
    watched.tasks.add(entry);
    return {
      signal: entry.controller.signal,
      refused: (refusal) => this.#judgeRefusal(workspaceId, watched, refusal),
      stop: () => {
        watched.tasks.delete(entry);
        if (watched.tasks.size > 0 || watched.stopped.signal.aborted) return;
        watched.stopped.abort();
        this.#watched.delete(workspaceId);
        this.#deps.metrics?.forget(workspaceId);
      },
    };
  }

  /** The workspace has another plan: its running tasks are held to that from now on. */
  changeQuota(workspaceId: string, quotaBytes: number): void {
    const watched = this.#watched.get(workspaceId);
    if (watched !== undefined) watched.quotaBytes = quotaBytes;
  }

  #begin(workspaceId: string, quotaBytes: number): Watched {
    const stopped = new AbortController();
    const watched: Watched = { tasks: new Set(), stopped, quotaBytes, firstBytes: undefined, firstEntries: undefined };
    this.#watched.set(workspaceId, watched);
    void this.#watchWorkspace(workspaceId, watched);
    if (!this.#watchingVolume) void this.#watchVolume();
    return watched;
  }

  async #watchWorkspace(workspaceId: string, watched: Watched): Promise<void> {
    const { signal } = watched.stopped;
    const before = await this.#deps.usage.read(workspaceId).catch(() => undefined);
    watched.firstBytes = before?.usedBytes;
    watched.firstEntries = before?.usedEntries;
    let restMs = LOOK_MS;
    while (await rested(restMs, signal)) {
      const startedAt = performance.now();
      await this.#look(workspaceId, watched);
      restMs = Math.max(LOOK_MS, (performance.now() - startedAt) * REST_PER_LOOK);
    }
  }

  /** Looks and stops what is over its quota. Resolves to what the workspace grew by; 0 where it cannot be known. */
  async #look(workspaceId: string, watched: Watched, options?: { readonly held: boolean }): Promise<Growth> {
    try {
      let { usedBytes, usedEntries } = await this.#deps.usage.look(workspaceId, options);
      // What was removed a moment ago may still be counted: nobody is stopped for that.
      if (usedBytes >= watched.quotaBytes) ({ usedBytes, usedEntries } = await this.#deps.usage.measure(workspaceId));
      this.#judge(workspaceId, watched, usedBytes);
      watched.firstBytes ??= usedBytes;
      watched.firstEntries ??= usedEntries;
      const inodes = (usedEntries ?? 0) - (watched.firstEntries ?? 0);
      return { bytes: usedBytes - watched.firstBytes, inodes };
    } catch (error) {
      this.#deps.log.warn({ event: "usage_watch_failed", workspaceId, err: error }, "workspace could not be measured");
      return { bytes: 0, inodes: 0 };
    }
  }

  #judge(workspaceId: string, watched: Watched, usedBytes: number): void {
    const { metrics } = this.#deps;
    const { quotaBytes } = watched;
    metrics?.used(workspaceId, usedBytes, quotaBytes);
    if (usedBytes >= quotaBytes) {
      this.#stop(watched, new WorkspaceQuotaExceededError(workspaceId, usedBytes, quotaBytes));
      metrics?.exceeded(workspaceId);
    } else if (isNearlyUsed(usedBytes, quotaBytes)) {
      for (const entry of watched.tasks) {
        if (entry.told) continue;
        entry.told = true;
        metrics?.nearlyUsed(workspaceId);
        entry.task.onNearlyUsed(usedBytes);
      }
    }
  }

  async #judgeRefusal(workspaceId: string, watched: Watched, refusal: Refusal): Promise<void> {
    try {
      const { usage } = this.#deps;
      const { usedBytes } = await usage.measure(workspaceId);
      this.#judge(workspaceId, watched, usedBytes);
      if (usedBytes >= watched.quotaBytes || !usage.status.hardLimit) return;
      // A single write may be larger than what is left. A program can say anything, so a part must be used indeed.
      const full =
        refusal === "quota" ? isNearlyUsed(usedBytes, watched.quotaBytes) : await this.#isOnlyWorkspaceFull();
      if (full) this.#stop(watched, new WorkspaceQuotaExceededError(workspaceId, usedBytes, watched.quotaBytes));
    } catch (error) {
      this.#deps.log.warn({ event: "usage_watch_failed", workspaceId, err: error }, "workspace could not be measured");
    }
  }

  /** Where "no space" is also what a full workspace is told: whether the volume of all has room. */
  async #isOnlyWorkspaceFull(): Promise<boolean> {
    return this.#deps.usage.status.kind === "volume" && (await this.#shortage()).shortage === undefined;
  }

  #stop(watched: Watched, reason: PlatformError): void {
    for (const { controller } of watched.tasks) controller.abort(reason);
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

  async #shortage(): Promise<{ readonly freeBytes: number; readonly shortage: Shortage | undefined }> {
    const { volumeDir, space = () => readVolumeSpace(volumeDir), reserveBytes = defaultReserve } = this.#deps;
    const found = await space();
    return { freeBytes: found.freeBytes, shortage: shortageOf(found, reserveBytes) };
  }

  async #guardReserve(): Promise<void> {
    const { freeBytes, shortage } = await this.#shortage();
    if (shortage === undefined || this.#freeBefore === undefined) this.#freeBefore = freeBytes;
    if (shortage === undefined) return;
    const { usage, log } = this.#deps;
    const grown = await this.#most(shortage.of, async (workspaceId, watched) => {
      const growth = await this.#look(workspaceId, watched, { held: true });
      return growth[shortage.of];
    });
    // A file may be hidden in a way that /proc does not tell: who has written then, and kept it nowhere, is stopped.
    const isLost = shortage.of === "bytes" && this.#freeBefore - freeBytes >= SUSPECT.bytes;
    const isHidden = grown === undefined && !usage.status.hardLimit && isLost;
    const most = isHidden ? await this.#most("bytes", (workspaceId) => usage.writtenBytes(workspaceId)) : grown;
    if (most === undefined) return;
    const { workspaceId, watched, amount } = most;
    log.error(
      { event: "volume_reserve_touched", workspaceId, [isHidden ? "written" : "grown"]: amount, shortage },
      `the volume is full: tasks of the workspace that ${isHidden ? "wrote" : "grew"} most are stopped`,
    );
    this.#stop(watched, new VolumeFullError(shortage));
  }

  /** The workspace of which there is most; undefined when none has enough to have filled the volume. */
  async #most(of: Shortage["of"], amountOf: (workspaceId: string, watched: Watched) => Promise<number>) {
    const all = await Promise.all(
      [...this.#watched].map(async ([workspaceId, watched]) => {
        return { workspaceId, watched, amount: await amountOf(workspaceId, watched) };
      }),
    );
    const most = all.sort((a, b) => b.amount - a.amount)[0];
    return most === undefined || most.amount < SUSPECT[of] ? undefined : most;
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
