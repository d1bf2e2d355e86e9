import { PlatformError } from "../../../contracts/errors.ts";
import type { TaskError } from "../../../contracts/task.ts";
import { isTransient } from "../../runtime/database.ts";

export class WorkflowNotFoundError extends PlatformError {
  constructor(workflowId: string, version?: number) {
    const which = version === undefined ? "" : `, version ${version},`;
    super("WORKFLOW_NOT_FOUND", `workflow ${workflowId}${which} is unknown`, {
      remedy: "List the workspace's workflows with `automatos workflow ls`, or give the recipe with the request.",
      status: 404,
    });
  }
}

export class TooManyWorkflowsError extends PlatformError {
  constructor(workspaceId: string, limit: number) {
    super("TOO_MANY_WORKFLOWS", `workspace ${workspaceId} has had ${limit} workflows, which is the most`, {
      remedy: "Use the name of one that is no longer needed; its versions stay apart.",
      status: 409,
    });
  }
}

export class WorkflowSourceError extends PlatformError {
  constructor() {
    super("WORKFLOW_SOURCE", "the request gives a recipe and names a version of the stored one", {
      remedy: "Give one of them.",
      status: 422,
    });
  }
}

export class WorkflowInputTooLargeError extends PlatformError {
  constructor(bytes: number, limit: number) {
    super("WORKFLOW_INPUT_TOO_LARGE", `the input is ${bytes} bytes of JSON, at most ${limit} are taken`, {
      remedy: "Put what is large into a file of the workspace and give its path.",
      status: 422,
    });
  }
}

export class WorkflowNotStorableError extends PlatformError {
  constructor(path: string) {
    super("WORKFLOW_NOT_STORABLE", `the workflow holds a NUL character or broken Unicode in ${path}`, {
      remedy: "Remove it, or write such contents with encoding base64.",
      status: 422,
    });
  }
}

export class ExecutionNotFoundError extends PlatformError {
  constructor(executionId: string) {
    super("WORKFLOW_EXECUTION_NOT_FOUND", `execution ${executionId} is unknown`, {
      remedy: "Check the id with `automatos workflow ls`, and that the token belongs to its workspace.",
      status: 404,
    });
  }
}

export class ExecutionConflictError extends PlatformError {
  constructor(executionId: string) {
    super("WORKFLOW_EXECUTION_CONFLICT", `execution ${executionId} was asked for before with other contents`, {
      remedy: "Send the same contents again to find the first execution, or choose a new id.",
      status: 409,
    });
  }
}

export class ExecutionNotRetryableError extends PlatformError {
  constructor(executionId: string, state: string) {
    super("WORKFLOW_EXECUTION_NOT_RETRYABLE", `execution ${executionId} is ${state}`, {
      remedy: "Retry one that failed, was cancelled or timed out; wait for or cancel one that has not ended.",
      status: 409,
    });
  }
}

export class TooManyExecutionsError extends PlatformError {
  constructor(workspaceId: string, limit: number) {
    super("TOO_MANY_EXECUTIONS", `workspace ${workspaceId} has ${limit} executions under way, which is the most`, {
      remedy: "Wait until some have ended, or cancel some.",
      status: 429,
      retryAfterSeconds: 10,
    });
  }
}

/** A step cannot be made a task: it fails with this. */
export class StepNotResolvableError extends PlatformError {
  constructor(code: "UNRESOLVED" | "VALUE_TOO_LARGE" | "TASK_INVALID", message: string, remedy: string) {
    super(`WORKFLOW_STEP_${code}`, message, { remedy, status: 422 });
  }
}

/** Whether what was thrown may well not be thrown the next time. Anything else is thrown each time. */
export const passes = (thrown: unknown): boolean =>
  isTransient(thrown) || (thrown instanceof PlatformError && thrown.status >= 500);

const BROKE = {
  code: "WORKFLOW_BROKE",
  remedy: "Give the operator the execution's id: the log of the API has the reason.",
} as const;
export const stepBroke = (stepId: string): TaskError => ({
  ...BROKE,
  message: `step ${stepId} could not be submitted`,
});
export const OUTPUT_BROKE: TaskError = { ...BROKE, message: "the output could not be made" };

export const DEADLINE_PASSED: TaskError = {
  code: "WORKFLOW_TIMED_OUT",
  message: "the execution took longer than its timeoutSeconds",
  remedy: "Raise the recipe's timeoutSeconds, then retry the execution: what completed is kept.",
};

export const stepsFailed = (steps: readonly string[]): TaskError => ({
  code: "WORKFLOW_STEP_FAILED",
  message: `failed: ${steps.slice(0, 10).join(", ")}${steps.length > 10 ? ` and ${steps.length - 10} more` : ""}`,
  remedy: "Look at the steps' errors, then retry the execution: what completed is kept.",
});
