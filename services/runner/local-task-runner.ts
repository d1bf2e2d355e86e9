import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { Approval } from "../../contracts/approval.ts";
import { TaskConflictError, TaskNotFoundError } from "../../contracts/errors.ts";
import type { PlanLimits, PlanTier } from "../../contracts/plan.ts";
import { isTerminal, type AgentTask, type TaskResult, type TaskStatus, type TaskWait } from "../../contracts/task.ts";
import { isTerminalEvent, type TaskEvent } from "../../contracts/task-event.ts";
import type { Logger } from "../runtime/logger.ts";
import { RunnerClosedError } from "./errors.ts";
import { LocalShares, type LocalWaitingTask } from "./admission/local-shares.ts";
import { countLocal, explainLocalWait, measureLocalLoad } from "./local-load.ts";
import { LocalTask } from "./local-task.ts";
import type { RunnerMetrics } from "./metrics.ts";
import { checkLoad, checkRetryable, checkStorable, checkPlan, fingerprint, toRetry } from "./submission.ts";
import { TaskAttempt } from "./task-attempt.ts";
import type { ExecuteTask, FollowOptions, GivenAnswer, TaskRunner } from "./task-runner.ts";
import { isAborted, Watchers } from "./watchers.ts";

export interface LocalTaskRunnerDeps {
  readonly execute: ExecuteTask;
  /** Tasks that run at once, of all workspaces together. */
  readonly concurrency: number;
  /** @throws WorkspaceNotFoundError */
  readonly planOf: (workspaceId: string) => Promise<PlanTier>;
  readonly planLimits: Readonly<Record<PlanTier, PlanLimits>>;
  readonly log: Logger;
  readonly metrics?: RunnerMetrics;
  /** How long `close` lets tasks run on. @default 20 */
  readonly shutdownGraceSeconds?: number;
  /** Ended tasks that are remembered; the result of an older one has expired. @default 10_000 */
  readonly maxEndedTasks?: number;
}

const MINUTE_MS = 60_000;
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Runs tasks in this process and remembers them as long as it lives. */
export class LocalTaskRunner implements TaskRunner {
  readonly #deps: LocalTaskRunnerDeps;
  readonly #tasks = new Map<string, LocalTask>();
  /** Ids of ended tasks, the oldest first. */
  readonly #ended: string[] = [];
  readonly #running = new Map<TaskAttempt, Promise<void>>();
  readonly #watchers = new Watchers();
  readonly #shares = new LocalShares();
  readonly #closed = new AbortController();
  #closing: Promise<void> | undefined;
  #submissions = 0;

  constructor(deps: LocalTaskRunnerDeps) {
    this.#deps = deps;
  }

  async submit(task: AgentTask, options: { readonly retryOf?: string } = {}): Promise<TaskStatus> {
    checkStorable(task);
    const print = fingerprint(task);
    const known = this.#known(task.taskId, print);
    if (known !== undefined) return known;
    const plan = await this.#deps.planOf(task.workspaceId);
    // Another call may have come first in the meantime; from here on nothing waits.
    const other = this.#known(task.taskId, print);
    if (other !== undefined) return other;
    if (this.#closing !== undefined) throw new RunnerClosedError();

    const limits = this.#deps.planLimits[plan];
    checkPlan(task, plan, limits);
    checkLoad(task.workspaceId, measureLocalLoad(this.#tasks.values(), task.workspaceId), limits);
    const submission = ++this.#submissions;
    const onChange = (): void => this.#watchers.wake(task.taskId);
    const local = new LocalTask({ task, print, submission, retryOf: options.retryOf ?? null, plan, onChange });
    this.#tasks.set(task.taskId, local);
    this.#deps.metrics?.submitted(task);
    const status = local.status();
    this.#scheduleWhenDue(local);
    return status;
  }

  async status(taskId: string): Promise<TaskStatus> {
    return this.#find(taskId).status();
  }

  async waiting(taskId: string): Promise<TaskWait | null> {
    const local = this.#find(taskId);
    if (local.state !== "queued") return null;
    return explainLocalWait(local, [...this.#tasks.values()], {
      slots: this.#deps.planLimits[local.plan].maxRunningTasks,
      workerSlots: this.#deps.concurrency,
    });
  }

  async result(
    taskId: string,
    options: { readonly waitMs?: number; readonly signal?: AbortSignal } = {},
  ): Promise<TaskResult | null> {
    const deadline = performance.now() + (options.waitMs ?? 0);
    const signal = this.#orClosed(options.signal);
    const watch = this.#watchers.watch(taskId, signal);
    try {
      for (;;) {
        watch.reset();
        const { result } = this.#find(taskId);
        const remainingMs = deadline - performance.now();
        if (result !== null || remainingMs <= 0 || isAborted(signal)) return result;
        await watch.wait(remainingMs);
      }
    } finally {
      watch.end();
    }
  }

  async cancel(taskId: string): Promise<boolean> {
    const local = this.#find(taskId);
    if (isTerminal(local.state)) return false;
    local.requestCancel();
    if (local.state === "queued") {
      local.endCancelled();
      this.#forgetOldest(taskId);
    }
    for (const attempt of this.#running.keys()) {
      if (attempt.claimed.task.taskId === taskId) attempt.stop("cancelled");
    }
    return true;
  }

  async approvals(taskId: string): Promise<Approval[]> {
    return this.#find(taskId).questions.list();
  }

  async answer(taskId: string, callId: string, answer: GivenAnswer): Promise<Approval> {
    const approval = this.#find(taskId).answer(callId, answer);
    this.#schedule();
    return approval;
  }

  async retry(taskId: string, newTaskId: string): Promise<TaskStatus> {
    const local = this.#find(taskId);
    checkRetryable(taskId, local.state);
    return this.submit(toRetry(local.task, newTaskId), { retryOf: taskId });
  }

  async *events(taskId: string, options: FollowOptions = {}): AsyncGenerator<TaskEvent> {
    const signal = this.#orClosed(options.signal);
    const watch = this.#watchers.watch(taskId, signal);
    try {
      for (let next = options.after ?? 0; !isAborted(signal);) {
        watch.reset();
        const { events, state } = this.#find(taskId);
        const event = events[next];
        if (event !== undefined) {
          yield event;
          if (isTerminalEvent(event)) return;
          next += 1;
        } else if (isTerminal(state)) {
          return;
        } else {
          await watch.wait(MINUTE_MS);
        }
      }
    } finally {
      watch.end();
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const over = new AbortController();
    const graceMs = (this.#deps.shutdownGraceSeconds ?? 20) * 1_000;
    const late = delay(graceMs, undefined, { signal: over.signal }).catch(() => undefined);
    await Promise.race([Promise.all(this.#running.values()), late]);
    over.abort();
    for (const attempt of this.#running.keys()) attempt.stop("shutdown");
    await Promise.all(this.#running.values());
    this.#closed.abort();
  }

  /** Starts what may start, in fair shares, within the workspaces' caps. */
  #schedule(): void {
    if (this.#closing !== undefined) return;
    const waiting = [...this.#tasks.values()].filter((local) => local.state === "queued" && local.isDue);
    const room = this.#deps.concurrency - this.#running.size;
    if (waiting.length === 0 || room <= 0) return;
    for (const taskId of this.#shares.choose(
      waiting.map((local) => this.#asWaiting(local)),
      room,
    )) {
      this.#start(this.#find(taskId));
    }
  }

  /** Timers reach no further than 24 days: a later one looks again. */
  #scheduleWhenDue(local: LocalTask): void {
    local.expireQuestion();
    if (local.isDue) {
      this.#schedule();
      return;
    }
    const again = (): void => {
      if (local.state === "queued") this.#scheduleWhenDue(local);
    };
    setTimeout(again, Math.min(local.dueInMs, MAX_TIMER_MS)).unref();
  }

  #asWaiting(local: LocalTask): LocalWaitingTask {
    const cap = this.#deps.planLimits[local.plan].maxRunningTasks;
    const { workspaceId, priority, taskId } = local.task;
    return {
      id: taskId,
      workspaceId,
      priority,
      submission: local.submission,
      waitedSeconds: -local.dueInMs / 1_000,
      freeSlots: Math.max(0, cap - countLocal(this.#tasks.values(), workspaceId, "running")),
    };
  }

  #start(local: LocalTask): void {
    const { execute, log, metrics } = this.#deps;
    const attempt = new TaskAttempt({ leases: local, execute, log }, local.claim(randomUUID(), "local"));
    const ended = attempt.run().then((report) => {
      this.#running.delete(attempt);
      if (report.kind === "ended") {
        metrics?.completed(local.task, report.status, report.executionTimeMs);
        this.#forgetOldest(local.task.taskId);
      }
      if (report.kind === "paused") this.#scheduleWhenDue(local);
      this.#schedule();
    });
    this.#running.set(attempt, ended);
  }

  #forgetOldest(endedTaskId: string): void {
    this.#ended.push(endedTaskId);
    const excess = this.#ended.length - (this.#deps.maxEndedTasks ?? 10_000);
    for (const taskId of this.#ended.splice(0, Math.max(0, excess))) this.#tasks.delete(taskId);
  }

  #find(taskId: string): LocalTask {
    const local = this.#tasks.get(taskId);
    if (local === undefined) throw new TaskNotFoundError(taskId);
    return local;
  }

  #known(taskId: string, print: Buffer): TaskStatus | undefined {
    const local = this.#tasks.get(taskId);
    if (local !== undefined && !local.print.equals(print)) throw new TaskConflictError(taskId);
    return local?.status();
  }

  #orClosed(signal: AbortSignal | undefined): AbortSignal {
    return signal === undefined ? this.#closed.signal : AbortSignal.any([signal, this.#closed.signal]);
  }
}
