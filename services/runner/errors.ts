import { PlatformError } from "../../contracts/errors.ts";
import type { TaskError } from "../../contracts/task.ts";

/** The holder of a task learns that it is no longer his: nothing he writes for it is kept. */
export class LeaseLostError extends Error {
  constructor(taskId: string) {
    super(`the lease of task ${taskId} was lost`);
    this.name = "LeaseLostError";
  }
}

/** The queues are away. Nothing is lost by it: the record knows what they hold. */
export class QueuesUnreachableError extends Error {
  constructor() {
    super("the queues cannot be reached at present");
    this.name = "QueuesUnreachableError";
  }
}

export class RunnerBackendUnavailableError extends PlatformError {
  constructor(backend: string, reason: string, remedy: string) {
    super("RUNNER_BACKEND_UNAVAILABLE", `task runner backend ${backend} cannot be had: ${reason}`, {
      remedy,
      status: 503,
    });
  }
}

export class RunnerClosedError extends PlatformError {
  constructor() {
    super("RUNNER_CLOSED", "this task runner takes no more work", {
      remedy: "Submit the task again in a moment: the service is being restarted.",
      status: 503,
      retryAfterSeconds: 5,
    });
  }
}

export class NothingToRunError extends PlatformError {
  constructor(taskId: string) {
    super("NOTHING_TO_RUN", `task ${taskId} has neither a prompt nor steps`, {
      remedy: "Give the task a `prompt` for a model, `steps` (a list of tool calls), or both.",
      status: 422,
    });
  }
}

export class TaskNotStorableError extends PlatformError {
  constructor(taskId: string, path: string) {
    super("TASK_NOT_STORABLE", `task ${taskId} holds a NUL character or broken Unicode in ${path}`, {
      remedy: "Remove it, or write such contents with encoding base64.",
      status: 422,
    });
  }
}

/** Where a task ended because its time was over. */
export const timedOutError = (timeoutSeconds: number): TaskError => ({
  code: "TASK_TIMED_OUT",
  message: `the task ran longer than its ${timeoutSeconds} s`,
  remedy: "Raise timeoutSeconds as far as the plan allows, or split the task.",
});

/** What a task failed with, from whatever was thrown while it ran. */
export function toTaskError(thrown: unknown): TaskError {
  if (thrown instanceof PlatformError) return thrown.toTaskError();
  if (thrown instanceof Error && "code" in thrown && thrown.code === "ENOSPC") {
    return {
      code: "VOLUME_FULL",
      message: "nothing more fits on the volume of the workspaces",
      remedy: "Ask the operator to free or enlarge it, then retry the task.",
    };
  }
  return {
    code: "TASK_EXECUTION_FAILED",
    message: thrown instanceof Error ? thrown.message : String(thrown),
    remedy: "Look at the task's events and the worker's log for this task id, then retry it.",
  };
}
