import type { PlanTier } from "../../contracts/plan.ts";
import {
  isTerminal,
  TASK_TRANSITIONS,
  type AgentTask,
  type TaskError,
  type TaskResult,
  type TaskState,
  type TaskStatus,
} from "../../contracts/task.ts";
import type { TaskEvent, TaskEventBody } from "../../contracts/task-event.ts";
import type { AttemptEnd, ClaimedTask } from "./task-leases.ts";

export interface LocalTaskInput {
  readonly task: AgentTask;
  readonly print: Buffer;
  readonly submission: number;
  readonly retryOf: string | null;
  readonly plan: PlanTier;
  /** Called after each event. */
  readonly onChange: () => void;
}

/** The record of one task in memory: what the tables and triggers of the database are to the queued runner. */
export class LocalTask {
  readonly task: AgentTask;
  readonly print: Buffer;
  readonly plan: PlanTier;
  readonly submittedAt = new Date();
  readonly events: TaskEvent[] = [];
  readonly #input: LocalTaskInput;
  state: TaskState = "pending";
  result: TaskResult | null = null;
  #attempt = 0;
  #startedAt: Date | null = null;
  #startedMs = 0;
  #cancelRequested = false;

  constructor(input: LocalTaskInput) {
    this.#input = input;
    this.task = input.task;
    this.print = input.print;
    this.plan = input.plan;
    this.#record({ type: "task_submitted" });
    this.#move("queued");
    this.#record({ type: "task_queued" });
  }

  /** Milliseconds until it may start; negative: since when it might have. */
  get dueInMs(): number {
    const due = Math.max(this.submittedAt.getTime(), Date.parse(this.task.notBefore ?? "") || 0);
    return due - Date.now();
  }

  get isDue(): boolean {
    return this.dueInMs <= 0;
  }

  /** The place in the order of submission. */
  get submission(): number {
    return this.#input.submission;
  }

  status(): TaskStatus {
    return {
      taskId: this.task.taskId,
      workspaceId: this.task.workspaceId,
      taskType: this.task.taskType,
      priority: this.task.priority,
      status: this.state,
      attempt: this.#attempt,
      maxRetries: this.task.maxRetries,
      cancelRequested: this.#cancelRequested,
      submittedAt: this.submittedAt.toISOString(),
      startedAt: this.#startedAt?.toISOString() ?? null,
      completedAt: this.result?.completedAt ?? null,
      error: this.result?.error ?? null,
      retryOf: this.#input.retryOf,
      correlationId: this.task.correlationId ?? null,
    };
  }

  claim(token: string, workerId: string): ClaimedTask {
    this.#record({ type: "task_admitted" });
    this.#move("running");
    this.#attempt += 1;
    this.#startedAt = new Date();
    this.#startedMs = performance.now();
    this.#record({ type: "task_started", workerId, attempt: this.#attempt });
    return { task: this.task, attempt: this.#attempt, token, cancelRequested: false };
  }

  requestCancel(): void {
    if (this.#cancelRequested) return;
    this.#cancelRequested = true;
    this.#record({ type: "cancel_requested" });
  }

  async append(_lease: ClaimedTask, _batch: number, bodies: readonly TaskEventBody[]): Promise<void> {
    for (const body of bodies) this.#record(body);
  }

  async finish(
    _lease: ClaimedTask,
    end: AttemptEnd,
  ): Promise<{ status: AttemptEnd["status"]; executionTimeMs: number }> {
    return this.end(this.#cancelRequested ? { ...end, status: "cancelled", result: null, error: null } : end);
  }

  async handBack(_lease: ClaimedTask, error: TaskError): Promise<void> {
    if (this.#cancelRequested) {
      this.end({ status: "cancelled", result: null, error: null, steps: [], tokensUsed: 0 });
      return;
    }
    this.#attempt -= 1;
    this.#move("queued");
    this.#record({ type: "task_requeued", attempt: this.#attempt, error });
  }

  end(end: AttemptEnd): { status: AttemptEnd["status"]; executionTimeMs: number } {
    const executionTimeMs = this.state === "running" ? performance.now() - this.#startedMs : 0;
    this.#move(end.status);
    this.result = {
      taskId: this.task.taskId,
      status: end.status,
      result: end.result ?? null,
      error: end.error,
      steps: [...end.steps],
      tokensUsed: end.tokensUsed,
      executionTimeMs,
      startedAt: this.#startedAt?.toISOString() ?? null,
      completedAt: new Date().toISOString(),
    };
    this.#record({ type: "task_ended", result: this.result });
    return { status: end.status, executionTimeMs };
  }

  #move(to: TaskState): void {
    if (isTerminal(this.state) || !TASK_TRANSITIONS[this.state].includes(to)) {
      throw new TypeError(`task ${this.task.taskId} cannot go from ${this.state} to ${to}`);
    }
    this.state = to;
  }

  #record(body: TaskEventBody): void {
    const sequence = this.events.length + 1;
    this.events.push({ taskId: this.task.taskId, sequence, at: new Date().toISOString(), body });
    this.#input.onChange();
  }
}
