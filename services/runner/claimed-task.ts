import type { ApprovalAnswer } from "../../contracts/approval.ts";
import type { JsonValue } from "../../contracts/json.ts";
import type { AgentTask } from "../../contracts/task.ts";
import type { TaskEnd } from "./task-runner.ts";

/** A task that this process may run until its lease ends. `token` fences: without it nothing is written for the task. */
export interface ClaimedTask {
  readonly task: AgentTask;
  readonly attempt: number;
  readonly token: string;
  /** Somebody asked to cancel it before it was claimed. */
  readonly cancelRequested: boolean;
  /** What it saved last; null where it did not. */
  readonly checkpoint: JsonValue | null;
  /** What people have answered to its questions, by callId. */
  readonly approvals: ReadonlyMap<string, ApprovalAnswer>;
  /** It asked a question that nobody answered in time. */
  readonly approvalExpired: boolean;
  /** How long it ran before, in attempts that ended in a pause. */
  readonly ranMs: number;
}

/** How an attempt ends: as the work said, or as the runner decided. */
export type AttemptEnd = Omit<TaskEnd, "status"> & {
  readonly status: "completed" | "failed" | "cancelled" | "timed_out";
};
