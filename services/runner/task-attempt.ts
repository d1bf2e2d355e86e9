import { setTimeout as delay } from "node:timers/promises";
import type { AgentTask } from "../../contracts/task.ts";
import { PlatformError } from "../../contracts/errors.ts";
import { isTransient } from "../runtime/database.ts";
import type { Logger } from "../runtime/logger.ts";
import { LeaseLostError, timedOutError, toTaskError } from "./errors.ts";
import { EventWriter } from "./event-writer.ts";
import { ApprovalAskedTwiceError, approvalExpiredError } from "./pauses/errors.ts";
import type { AttemptEnd, ClaimedTask } from "./claimed-task.ts";
import type { TaskLeases } from "./task-leases.ts";
import type { ExecuteTask, StopReason, TaskExecution, TaskOutcome, TaskPause } from "./task-runner.ts";

/** The work must end within 2 s of its signal; what takes longer than this is ended without waiting for it. */
const STOP_PATIENCE_MS = 5_000;
const RETRY_MS = 200;

const HANDED_BACK = {
  code: "WORKER_STOPPED",
  message: "the worker was stopped before the task ended",
  remedy: "Nothing: the task starts again on another worker, and this start does not count.",
};

const RECORD_WAS_AWAY = {
  code: "RECORD_UNAVAILABLE",
  message: "the database could not be reached while the task needed it",
  remedy: "Nothing: the task starts again by itself, and this start does not count.",
};
/** A start that the record's absence ended is not followed by the next one at once. */
const RECORD_WAIT_MS = 1_000;

/** What the work came to, and what had stopped it by then. */
interface Decision {
  /** Undefined when it did not end in time after it had been told to stop. */
  readonly outcome: TaskOutcome | undefined;
  readonly reason: StopReason | undefined;
  /** The work itself could not reach the record: that is no fault of the task's. */
  readonly recordWasAway: boolean;
}

export interface AttemptDeps {
  /** Where the attempt is recorded. */
  readonly leases: Pick<TaskLeases, "append" | "save" | "pause" | "finish" | "handBack">;
  readonly execute: ExecuteTask;
  readonly log: Logger;
}

/** How an attempt was left in the record. */
export type AttemptReport =
  | { readonly kind: "ended"; readonly status: AttemptEnd["status"]; readonly executionTimeMs: number }
  | { readonly kind: "paused" | "handed_back" | "lost" | "abandoned" };

/** One claimed task on its way to its end: runs the work, stops it when it must, and records how it ended. */
export class TaskAttempt {
  readonly claimed: ClaimedTask;
  readonly #deps: AttemptDeps;
  readonly #stop = new AbortController();
  readonly #abandon = new AbortController();
  readonly #events: EventWriter;
  #decision: Decision | undefined;
  /** When the lease was last known to be held, by performance.now(). */
  renewedAt = performance.now();

  constructor(deps: AttemptDeps, claimed: ClaimedTask) {
    this.#deps = deps;
    this.claimed = claimed;
    this.#events = new EventWriter((batch, bodies) => this.#orLost(() => deps.leases.append(claimed, batch, bodies)));
  }

  /** Tells the work to stop. The first reason is the one that counts. */
  stop(reason: StopReason): void {
    this.#stop.abort(reason);
  }

  /** Leaves the task to whoever finds its lease expired: nothing more is written, even if the record comes back. */
  abandon(): void {
    this.stop("shutdown");
    this.#abandon.abort();
  }

  /** Never rejects. */
  async run(): Promise<AttemptReport> {
    const { task, cancelRequested, approvalExpired, ranMs } = this.claimed;
    const remainingMs = Math.max(0, task.timeoutSeconds * 1_000 - ranMs);
    const timer = setTimeout(() => this.stop("timed_out"), remainingMs);
    if (cancelRequested) this.stop("cancelled");
    else if (approvalExpired) this.stop("approval_expired");
    const decision = await this.#work();
    clearTimeout(timer);
    try {
      return await this.#record(decision);
    } catch (error) {
      const lost = error instanceof LeaseLostError;
      const log = { event: lost ? "task_lease_lost" : "task_abandoned", taskId: task.taskId, err: error };
      this.#deps.log.warn(log, lost ? "lease lost, the result is dropped" : "task left to be recovered");
      return { kind: lost ? "lost" : "abandoned" };
    }
  }

  async #work(): Promise<Decision> {
    const { task } = this.claimed;
    const { signal } = this.#stop;
    const patience = Promise.withResolvers<undefined>();
    let patienceTimer: NodeJS.Timeout | undefined;
    const onStop = (): void => {
      patienceTimer = setTimeout(() => patience.resolve(undefined), STOP_PATIENCE_MS);
    };
    if (signal.aborted) onStop();
    else signal.addEventListener("abort", onStop);
    try {
      const outcome = await Promise.race([this.#deps.execute(this.#execution()), patience.promise]);
      if (outcome === undefined) {
        const log = { event: "task_did_not_stop", taskId: task.taskId, reason: String(signal.reason) };
        this.#deps.log.error(log, "task did not stop when told to");
      }
      return this.#decide(outcome);
    } catch (error) {
      if (!signal.aborted && isTransient(error)) {
        this.#deps.log.warn({ event: "task_interrupted", taskId: task.taskId, err: error }, "record was away");
        return this.#decide(undefined, true);
      }
      if (!signal.aborted) {
        this.#deps.log.warn({ event: "task_threw", taskId: task.taskId, err: error }, "task failed with an error");
      }
      return this.#decide({ status: "failed", result: null, error: toTaskError(error), steps: [], tokensUsed: 0 });
    } finally {
      clearTimeout(patienceTimer);
      signal.removeEventListener("abort", onStop);
    }
  }

  #execution(): TaskExecution {
    const { task, attempt, checkpoint, approvals } = this.claimed;
    return {
      task,
      attempt,
      checkpoint,
      approvals,
      signal: this.#stop.signal,
      emit: (body) => this.#events.emit(body),
      recorded: () => this.#events.flush(),
      save: (state) => this.#orLost(() => this.#deps.leases.save(this.claimed, state)),
      decide: (outcome) => void this.#decide(outcome),
    };
  }

  /** The first decision counts: later comes only clean-up. */
  #decide(outcome: TaskOutcome | undefined, recordWasAway = false): Decision {
    this.#decision ??= { outcome, reason: this.#stopReason(), recordWasAway };
    return this.#decision;
  }

  #stopReason(): StopReason | undefined {
    return this.#stop.signal.aborted ? (this.#stop.signal.reason as StopReason) : undefined;
  }

  async #record({ outcome, reason, recordWasAway }: Decision): Promise<AttemptReport> {
    const { leases } = this.#deps;
    if (this.#stopReason() === "lease_lost") throw new LeaseLostError(this.claimed.task.taskId);
    if (recordWasAway) {
      await this.#events.close();
      await delay(RECORD_WAIT_MS, undefined, { signal: this.#abandon.signal });
      await this.#persist(() => leases.handBack(this.claimed, RECORD_WAS_AWAY));
      return { kind: "handed_back" };
    }
    if (reason === "shutdown" && outcome?.status !== "completed" && outcome?.status !== "paused") {
      await this.#events.close();
      await this.#persist(() => leases.handBack(this.claimed, HANDED_BACK));
      return { kind: "handed_back" };
    }
    if (outcome?.status === "paused" && (reason === undefined || reason === "shutdown")) return this.#pause(outcome);
    return this.#finish(decideEnd(this.claimed.task, reason, outcome));
  }

  async #pause(pause: TaskPause): Promise<AttemptReport> {
    const { task, approvals } = this.claimed;
    const { callId } = pause.question;
    const { steps, tokensUsed } = pause;
    const before = approvals.get(callId);
    try {
      await this.#events.close();
      if (before !== undefined) throw new ApprovalAskedTwiceError(task.taskId, callId, before.decision);
      const state = await this.#persist(() => this.#deps.leases.pause(this.claimed, pause));
      return state === "queued" ? { kind: "paused" } : { kind: "ended", status: state, executionTimeMs: 0 };
    } catch (error) {
      if (!(error instanceof PlatformError)) throw error;
      return this.#finish({ status: "failed", result: null, error: error.toTaskError(), steps, tokensUsed });
    }
  }

  async #finish(end: AttemptEnd): Promise<AttemptReport> {
    // All events stand in the record before the last one; the last of them are written with it.
    const bodies = await this.#events.drain();
    return { kind: "ended", ...(await this.#persist(() => this.#deps.leases.finish(this.claimed, end, bodies))) };
  }

  /** As #persist; a lease that turns out to be lost stops the work. */
  async #orLost(write: () => Promise<void>): Promise<void> {
    try {
      await this.#persist(write);
    } catch (error) {
      if (error instanceof LeaseLostError) this.stop("lease_lost");
      throw error;
    }
  }

  /** Repeats `write` while the record is away: its answer is the only thing that may end an attempt. */
  async #persist<T>(write: () => Promise<T>): Promise<T> {
    for (;;) {
      this.#abandon.signal.throwIfAborted();
      try {
        return await write();
      } catch (error) {
        if (!isTransient(error)) throw error;
        await delay(RETRY_MS, undefined, { signal: this.#abandon.signal });
      }
    }
  }
}

function decideEnd(task: AgentTask, reason: StopReason | undefined, outcome: TaskOutcome | undefined): AttemptEnd {
  const done = { steps: outcome?.steps ?? [], tokensUsed: outcome?.tokensUsed ?? 0, result: null };
  if (reason === "cancelled") return { ...done, status: "cancelled", error: null };
  if (reason === "approval_expired") {
    return { ...done, status: "failed", error: approvalExpiredError(task.approvalTimeoutSeconds) };
  }
  if (reason === "timed_out" || outcome === undefined || outcome.status === "paused") {
    // What it had come to by then, such as the last words of a model.
    const result = outcome?.status === "failed" ? outcome.result : null;
    return { ...done, status: "timed_out", result, error: timedOutError(task.timeoutSeconds) };
  }
  return outcome;
}
