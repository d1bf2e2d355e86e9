import type { Approval } from "../../contracts/approval.ts";
import type { JsonValue } from "../../contracts/json.ts";
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
import { LocalQuestions } from "./pauses/local-questions.ts";
import { checkCheckpoint } from "./pauses/question.ts";
import type { AttemptEnd, ClaimedTask } from "./claimed-task.ts";
import type { GivenAnswer, TaskPause } from "./task-runner.ts";

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
  readonly questions: LocalQuestions;
  readonly #input: LocalTaskInput;
  state: TaskState = "pending";
  result: TaskResult | null = null;
  #attempt = 0;
  #startedAt: Date | null = null;
  #startedMs = 0;
  #cancelRequested = false;
  #checkpoint: JsonValue | null = null;
  /** What it came to before it paused. */
  #done: Pick<TaskPause, "steps" | "tokensUsed"> = { steps: [], tokensUsed: 0 };
  #ranMs = 0;
  #answeredAt = 0;

  constructor(input: LocalTaskInput) {
    this.#input = input;
    this.task = input.task;
    this.print = input.print;
    this.plan = input.plan;
    this.questions = new LocalQuestions(input.task);
    this.#record({ type: "task_submitted" });
    this.#move("queued");
    this.#record({ type: "task_queued" });
  }

  /** Milliseconds until it may start, or until its question expires; negative: since when it might have started. */
  get dueInMs(): number {
    const { open } = this.questions;
    const due =
      open === undefined
        ? Math.max(this.submittedAt.getTime(), Date.parse(this.task.notBefore ?? "") || 0, this.#answeredAt)
        : Date.parse(open.expiresAt);
    return due - Date.now();
  }

  get isDue(): boolean {
    return this.questions.open === undefined && this.dueInMs <= 0;
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
    return {
      task: this.task,
      attempt: this.#attempt,
      token,
      cancelRequested: false,
      checkpoint: this.#checkpoint,
      approvals: this.questions.answers(),
      approvalExpired: this.questions.hasExpired,
      ranMs: this.#ranMs,
    };
  }

  async save(_lease: ClaimedTask, checkpoint: JsonValue): Promise<void> {
    checkCheckpoint(this.task.taskId, checkpoint);
    this.#checkpoint = structuredClone(checkpoint);
  }

  async pause(lease: ClaimedTask, pause: TaskPause): Promise<"queued" | "cancelled"> {
    this.#done = pause;
    if (this.#cancelRequested) {
      this.endCancelled();
      return "cancelled";
    }
    await this.save(lease, pause.checkpoint);
    this.#ranMs += performance.now() - this.#startedMs;
    this.#attempt -= 1;
    this.#move("queued");
    const { callId, tool, level, summary, expiresAt } = this.questions.ask(pause.question);
    this.#record({ type: "approval_requested", callId, tool, level, summary, expiresAt });
    return "queued";
  }

  /** @throws ApprovalNotFoundError, ApprovalDecidedError */
  answer(callId: string, given: GivenAnswer): Approval {
    this.expireQuestion();
    const { approval, isNew } = this.questions.answer(callId, given);
    if (isNew) this.#answered({ callId, ...given });
    return approval;
  }

  /** Settles the open question if its time is over. */
  expireQuestion(): void {
    const expired = this.questions.expire();
    if (expired === undefined) return;
    this.#answered({ callId: expired.callId, decision: "expired", by: null, comment: null });
  }

  #answered(decided: Omit<Extract<TaskEventBody, { type: "approval_decided" }>, "type">): void {
    this.#answeredAt = Date.now();
    this.#record({ type: "approval_decided", ...decided });
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
    bodies: readonly TaskEventBody[],
  ): Promise<{ status: AttemptEnd["status"]; executionTimeMs: number }> {
    for (const body of bodies) this.#record(body);
    return this.end(this.#cancelRequested ? { ...end, status: "cancelled", result: null, error: null } : end);
  }

  /** Ends it as cancelled, with what it had done before it paused. */
  endCancelled(): void {
    const { steps, tokensUsed } = this.#done;
    this.end({ status: "cancelled", result: null, error: null, steps, tokensUsed });
  }

  async handBack(_lease: ClaimedTask, error: TaskError): Promise<void> {
    if (this.#cancelRequested) {
      this.endCancelled();
      return;
    }
    this.#attempt -= 1;
    this.#move("queued");
    this.#record({ type: "task_requeued", attempt: this.#attempt, error });
  }

  end(end: AttemptEnd): { status: AttemptEnd["status"]; executionTimeMs: number } {
    const executionTimeMs = this.#ranMs + (this.state === "running" ? performance.now() - this.#startedMs : 0);
    this.#move(end.status);
    this.questions.withdraw();
    this.#checkpoint = null;
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
