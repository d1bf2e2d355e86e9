import type { Approval, ApprovalAnswer, ApprovalDecision, ApprovalQuestion } from "../../contracts/approval.ts";
import type { JsonValue } from "../../contracts/json.ts";
import type { AgentTask, StepResult, TaskError, TaskResult, TaskStatus, TaskWait } from "../../contracts/task.ts";
import type { TaskEvent, TaskEventBody } from "../../contracts/task-event.ts";

/** Where and how a task runs. Each backend obeys tests/contract/task-runner.contract.ts. */
export interface TaskRunner {
  /**
   * Accepts a task and returns at once: when this resolves, the task survives the loss of every process (of this
   * process, with the local backend). Submitting the same task again is a no-op that resolves to its present status.
   *
   * @throws TaskConflictError when the id was submitted before with other contents.
   * @throws WorkspaceNotFoundError, QueueFullError, SubmissionRateExceededError, TimeoutAbovePlanError,
   * ResourcesAbovePlanError
   */
  submit(task: AgentTask, options?: { readonly retryOf?: string }): Promise<TaskStatus>;
  /** @throws TaskNotFoundError when the task is unknown. */
  status(taskId: string): Promise<TaskStatus>;
  /**
   * Why a queued task has not started, and its place; null when it does not wait.
   *
   * @throws TaskNotFoundError when the task is unknown.
   */
  waiting(taskId: string): Promise<TaskWait | null>;
  /**
   * Waits until the task has ended, at most `waitMs` (default 0: does not wait).
   * Resolves to null when it has not ended by then.
   *
   * @throws TaskNotFoundError when the task is unknown, or its result has expired.
   */
  result(
    taskId: string,
    options?: { readonly waitMs?: number; readonly signal?: AbortSignal },
  ): Promise<TaskResult | null>;
  /**
   * Asks a task to stop; what runs is killed within 2 s. Resolves to false when it had already ended.
   *
   * @throws TaskNotFoundError when the task is unknown.
   */
  cancel(taskId: string): Promise<boolean>;
  /**
   * The questions that a task has asked so far, in the order in which it did.
   *
   * @throws TaskNotFoundError when the task is unknown.
   */
  approvals(taskId: string): Promise<Approval[]>;
  /**
   * Answers a question of a paused task, which starts again in its turn. The same decision again is a no-op that
   * resolves to the question as it stands.
   *
   * @throws TaskNotFoundError, ApprovalNotFoundError
   * @throws ApprovalDecidedError when it was decided otherwise, has expired, or its task has ended without an answer.
   */
  answer(taskId: string, callId: string, answer: GivenAnswer): Promise<Approval>;
  /**
   * Submits the task again under a new id. A task that has not ended, or has completed, is refused.
   *
   * @throws TaskNotFoundError, TaskNotRetryableError
   */
  retry(taskId: string, newTaskId: string): Promise<TaskStatus>;
  /**
   * Replays the events after sequence number `after` (default 0: all), then follows live, and ends after the terminal
   * event. Numbers have no gap and no repeat, whatever reconnects happen below, however slowly they are taken. Ends early
   * when `signal` fires.
   *
   * @throws TaskNotFoundError when the task is unknown.
   */
  events(taskId: string, options?: FollowOptions): AsyncIterable<TaskEvent>;
  /** Stops taking work, and resolves when what runs in this process has ended or been handed back. Idempotent. */
  close(): Promise<void>;
}

export interface FollowOptions {
  readonly after?: number;
  readonly signal?: AbortSignal;
  /** Called from time to time while a follower is more than 1,000 events behind the newest one. */
  readonly onBehind?: (lag: { readonly events: number; readonly newest: number }) => void;
}

/** What a person says to a task's question, and who he is. */
export interface GivenAnswer {
  readonly decision: ApprovalDecision;
  readonly by: string;
  readonly comment: string | null;
}

/** Why a running attempt must stop: the `reason` of its AbortSignal. */
export type StopReason = "cancelled" | "timed_out" | "approval_expired" | "lease_lost" | "shutdown";

/** One attempt to run a task, as the runner hands it to the code that does the work. */
export interface TaskExecution {
  readonly task: AgentTask;
  /** From 1; grows with each time a lost worker made it start again. */
  readonly attempt: number;
  /** What an earlier attempt saved last, with `save` or with a pause; null where none did. */
  readonly checkpoint: JsonValue | null;
  /** What people have answered to this task's questions so far, by callId. */
  readonly approvals: ReadonlyMap<string, ApprovalAnswer>;
  /** Fires with a StopReason. The execution must then end what it started, within 2 s, and return or throw. */
  readonly signal: AbortSignal;
  /** Records an event, in order. Returns at once; the runner has written all of them before the terminal event. */
  readonly emit: (body: TaskEventBody) => void;
  /**
   * Resolves when all that was emitted so far is in the record: what must not happen unseen waits for it.
   *
   * @throws LeaseLostError
   */
  readonly recorded: () => Promise<void>;
  /**
   * Keeps what the task needs to go on from here if it has to start again; replaces what was kept before. Resolves
   * when it is written.
   *
   * @throws LeaseLostError when the task is another's by now; the attempt has been told to stop.
   * @throws CheckpointTooLargeError
   */
  readonly save: (checkpoint: JsonValue) => Promise<void>;
  /**
   * Says how the attempt ended before the clean-up that follows it: a signal that fires later changes nothing of it.
   * Optional; the first call counts, and what the execution returns or throws after it does not.
   */
  readonly decide: (outcome: TaskOutcome) => void;
}

/** How the work ended when nothing stopped it. A thrown PlatformError counts as `failed` with its code. */
export interface TaskEnd {
  readonly status: "completed" | "failed";
  readonly result: unknown;
  readonly error: TaskError | null;
  readonly steps: readonly StepResult[];
  readonly tokensUsed: number;
}

/**
 * The task cannot go on before a person has answered: it gives up its lease and its slot, and starts again with
 * `checkpoint` and the answer among its `approvals`. A callId that was answered before must not be asked about again.
 */
export interface TaskPause {
  readonly status: "paused";
  readonly question: ApprovalQuestion;
  readonly checkpoint: JsonValue;
  /** What was done and used until now by the task as a whole: shown if it ends without going on. */
  readonly steps: readonly StepResult[];
  readonly tokensUsed: number;
}

export type TaskOutcome = TaskEnd | TaskPause;

/** Does the work of one attempt. Must not outlive its signal by more than 2 s. */
export type ExecuteTask = (execution: TaskExecution) => Promise<TaskOutcome>;
