import type { ApprovalDecision, ApprovalStatus } from "../../../contracts/approval.ts";
import { PlatformError } from "../../../contracts/errors.ts";
import type { TaskError } from "../../../contracts/task.ts";

export class ApprovalNotFoundError extends PlatformError {
  constructor(taskId: string, callId: string) {
    super("APPROVAL_NOT_FOUND", `task ${taskId} has not asked about call ${callId}`, {
      remedy: "See its questions with `automatos approvals --task <id>` or GET /api/tasks/{id}/approvals.",
      status: 404,
    });
  }
}

/** The question is settled: by another answer, by time, or because its task has ended. */
export class ApprovalDecidedError extends PlatformError {
  constructor(taskId: string, callId: string, status: Exclude<ApprovalStatus, "waiting">) {
    super("APPROVAL_DECIDED", `call ${callId} of task ${taskId} can no longer be answered: ${STATES[status]}`, {
      remedy: "Nothing can change it; submit the task again (`automatos task retry`) if it is still wanted.",
      status: 409,
    });
  }
}

const STATES = {
  approved: "it was approved",
  denied: "it was denied",
  expired: "nobody answered in time",
  withdrawn: "the task has ended",
} as const satisfies Record<Exclude<ApprovalStatus, "waiting">, string>;

export class CheckpointTooLargeError extends PlatformError {
  constructor(taskId: string, chars: number, limit: number) {
    super(
      "CHECKPOINT_TOO_LARGE",
      `task ${taskId} has ${chars} characters to keep for a pause, at most ${limit} can be`,
      {
        remedy: "Have the steps write less: put long output into files below artifacts/.",
        status: 422,
      },
    );
  }
}

/** An answer is to one call as it was shown: the same name must not stand for another call later. */
export class ApprovalAskedTwiceError extends PlatformError {
  constructor(taskId: string, callId: string, decision: ApprovalDecision) {
    super("APPROVAL_ASKED_TWICE", `task ${taskId} asks again about call ${callId}, which was ${decision} before`, {
      remedy: "Report it: every call needs an id of its own.",
      status: 500,
    });
  }
}

/** Where a task ended because nobody had answered its question. */
export const approvalExpiredError = (approvalTimeoutSeconds: number): TaskError => ({
  code: "APPROVAL_EXPIRED",
  message: `nobody answered the task's question within its ${approvalTimeoutSeconds} s`,
  remedy:
    "Retry the task and answer with `automatos task approve` or `automatos task deny`; approvalTimeoutSeconds says how long it waits.",
});
