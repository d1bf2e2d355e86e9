import type { TaskError } from "./task.ts";

/**
 * An error that a caller can do something about. Each situation has a subclass with a stable code.
 * `message` states the fact with its values, lower case, no full stop; `remedy` is a sentence: the next step.
 */
export class PlatformError extends Error {
  readonly code: string;
  readonly remedy: string;
  /** The HTTP status that the API answers with. */
  readonly status: number;
  /** Seconds after which trying again makes sense, for `Retry-After`. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    code: string,
    message: string,
    details: { remedy: string; status: number; cause?: unknown; retryAfterSeconds?: number },
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.code = code;
    this.remedy = details.remedy;
    this.status = details.status;
    this.retryAfterSeconds = details.retryAfterSeconds;
  }

  toTaskError(): TaskError {
    return { code: this.code, message: this.message, remedy: this.remedy };
  }
}

export class TaskNotFoundError extends PlatformError {
  constructor(taskId: string) {
    super("TASK_NOT_FOUND", `task ${taskId} is unknown, or its result has expired`, {
      remedy: "Check the id with `automatos task ls`, and that the token belongs to the task's workspace.",
      status: 404,
    });
  }
}

export class TaskConflictError extends PlatformError {
  constructor(taskId: string) {
    super("TASK_CONFLICT", `task ${taskId} was submitted before with other contents`, {
      remedy: "Submit the same contents again to find the first task, or choose a new task id.",
      status: 409,
    });
  }
}

export class TaskNotRetryableError extends PlatformError {
  constructor(taskId: string, state: string) {
    super("TASK_NOT_RETRYABLE", `task ${taskId} is ${state}`, {
      remedy: "Retry a task that failed, was cancelled or timed out; wait for or cancel one that has not ended.",
      status: 409,
    });
  }
}

export class WorkspaceNotFoundError extends PlatformError {
  constructor(workspaceId: string) {
    super("WORKSPACE_NOT_FOUND", `workspace ${workspaceId} is unknown`, {
      remedy: "Create it with POST /api/workspaces or `automatos workspace create`.",
      status: 404,
    });
  }
}

/** A change or a submission to a workspace that is on its way, or lives elsewhere. */
export class WorkspaceNotOpenError extends PlatformError {
  constructor(workspaceId: string, state: "leaving" | "arriving" | "moved", peer: string | null) {
    const other = peer ?? "another installation";
    const fact = {
      leaving: `is leaving for ${other}`,
      arriving: `is arriving from ${other}`,
      moved: `has moved to ${other}`,
    };
    super(state === "moved" ? "WORKSPACE_MOVED" : "WORKSPACE_MOVING", `workspace ${workspaceId} ${fact[state]}`, {
      remedy:
        state === "moved"
          ? "Use the API of its new home."
          : "Wait until the move has ended; `automatos workspace move --status` shows how far it is.",
      status: 409,
      ...(state === "moved" ? {} : { retryAfterSeconds: 10 }),
    });
  }
}

export class QueueFullError extends PlatformError {
  constructor(workspaceId: string, queued: number, limit: number) {
    super("QUEUE_FULL", `workspace ${workspaceId} has ${queued} of at most ${limit} waiting tasks`, {
      remedy: "Wait until some have run, cancel some, or move the workspace to a larger plan.",
      status: 429,
      retryAfterSeconds: 10,
    });
  }
}

export class SubmissionRateExceededError extends PlatformError {
  constructor(workspaceId: string, limit: number, retryAfterSeconds: number) {
    super("SUBMISSION_RATE_EXCEEDED", `workspace ${workspaceId} may submit ${limit} tasks a minute`, {
      remedy: "Submit again after the seconds in Retry-After, or move the workspace to a larger plan.",
      status: 429,
      retryAfterSeconds,
    });
  }
}

export class TimeoutAbovePlanError extends PlatformError {
  constructor(timeoutSeconds: number, maxTimeoutSeconds: number, plan: string) {
    super("TIMEOUT_ABOVE_PLAN", `timeoutSeconds ${timeoutSeconds} is above the ${maxTimeoutSeconds} of plan ${plan}`, {
      remedy: "Lower timeoutSeconds, or move the workspace to a larger plan.",
      status: 422,
    });
  }
}

export class ResourcesAbovePlanError extends PlatformError {
  constructor(resource: "memoryMb" | "cpuMillicores", asked: number, limit: number, plan: string) {
    super("RESOURCES_ABOVE_PLAN", `resources.${resource} ${asked} is above the ${limit} of plan ${plan}`, {
      remedy: `Lower resources.${resource}, or move the workspace to a larger plan.`,
      status: 422,
    });
  }
}

export class WorkspaceQuotaExceededError extends PlatformError {
  constructor(workspaceId: string, usedBytes: number, quotaBytes: number) {
    super(
      "WORKSPACE_QUOTA_EXCEEDED",
      `workspace ${workspaceId} holds ${usedBytes} bytes, its quota is ${quotaBytes} bytes`,
      {
        remedy:
          "Drop cached repositories or artifacts with `automatos workspace repos|artifacts rm`, or move the workspace to a larger plan.",
        status: 507,
      },
    );
  }
}

export class ToolDeniedError extends PlatformError {
  constructor(tool: string) {
    super("TOOL_DENIED", `this workspace denies ${tool}`, {
      remedy: `Allow ${tool} in the workspace's tool policy (PUT /api/workspaces/{id}/tools).`,
      status: 403,
    });
  }
}

/** Nothing of the call has been done: it can be made once a person has approved it. */
export class ToolNeedsApprovalError extends PlatformError {
  constructor(tool: string) {
    super("TOOL_NEEDS_APPROVAL", `this workspace asks a person before ${tool}, and nobody has approved this call`, {
      remedy: `Have the call approved, or allow ${tool} in the workspace's tool policy (PUT /api/workspaces/{id}/tools).`,
      status: 403,
    });
  }
}

/** This installation has no adapter for the tool. */
export class ToolNotConfiguredError extends PlatformError {
  constructor(tool: string, key: string) {
    super("TOOL_NOT_CONFIGURED", `${tool} is not configured here`, {
      remedy: `Ask an administrator to set ${key}; GET /api/workspaces/{id}/tools says which tools there are.`,
      status: 501,
    });
  }
}

export class SandboxUnavailableError extends PlatformError {
  constructor(reason: string, remedy: string) {
    super("SANDBOX_UNAVAILABLE", `execute_command needs a sandbox: ${reason}`, { remedy, status: 503 });
  }
}
