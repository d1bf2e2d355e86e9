import { PlatformError } from "../../contracts/errors.ts";

export class UnauthenticatedError extends PlatformError {
  constructor(reason: "missing" | "unknown") {
    super("UNAUTHENTICATED", reason === "missing" ? "the request carries no bearer token" : "the token is not valid", {
      remedy: "Send `Authorization: Bearer <token>` with a token that is neither revoked nor expired.",
      status: 401,
    });
  }
}

export class AdminRequiredError extends PlatformError {
  constructor(action: string) {
    super("ADMIN_REQUIRED", `${action} needs an admin token`, {
      remedy: "Ask an administrator, or use an admin token: a workspace token cannot change its own limits.",
      status: 403,
    });
  }
}

export class ApproverTokenError extends PlatformError {
  constructor(tokenId: string) {
    super("APPROVER_TOKEN", `token ${tokenId} may approve, so a workspace token cannot revoke it`, {
      remedy: "Ask an administrator, or use an admin token: an agent must not lock out who answers its questions.",
      status: 403,
    });
  }
}

export class RouteNotFoundError extends PlatformError {
  constructor(method: string, path: string) {
    super("ROUTE_NOT_FOUND", `there is no ${method} ${path}`, {
      remedy: "See /docs or /openapi.json for every route.",
      status: 404,
    });
  }
}

export class MethodNotAllowedError extends PlatformError {
  constructor(method: string, path: string, allowed: readonly string[]) {
    super("METHOD_NOT_ALLOWED", `${path} takes ${allowed.join(", ")}, not ${method}`, {
      remedy: "See /docs or /openapi.json for what every route takes.",
      status: 405,
    });
  }
}

export class WorkspaceRequiredError extends PlatformError {
  constructor() {
    super("WORKSPACE_REQUIRED", "an admin token belongs to no workspace, and the request names none", {
      remedy: "Give workspaceId.",
      status: 400,
    });
  }
}

export class TaskNotRunningError extends PlatformError {
  constructor(taskId: string, state: string) {
    super("TASK_NOT_RUNNING", `task ${taskId} is ${state}: only a running task calls tools`, {
      remedy: "Submit the task again if it is still wanted.",
      status: 409,
    });
  }
}

export class TokenNotFoundError extends PlatformError {
  constructor(tokenId: string) {
    super("TOKEN_NOT_FOUND", `token ${tokenId} is unknown`, {
      remedy: "List the tokens to find its id; revoked tokens stay in the list.",
      status: 404,
    });
  }
}

export class WorkerNotFoundError extends PlatformError {
  constructor(workerId: string) {
    super("WORKER_NOT_FOUND", `worker ${workerId} is unknown`, {
      remedy: "List the workers with GET /api/admin/workers.",
      status: 404,
    });
  }
}

export class TooManyStreamsError extends PlatformError {
  constructor(limit: number) {
    super("TOO_MANY_STREAMS", `this process serves its limit of ${limit} event streams`, {
      remedy: "Close streams that nobody reads, or ask for the result with ?wait= instead.",
      status: 503,
      retryAfterSeconds: 5,
    });
  }
}

export class TooManyWorkspaceStreamsError extends PlatformError {
  constructor(limit: number) {
    super("TOO_MANY_WORKSPACE_STREAMS", `this process serves the workspace its share of ${limit} event streams`, {
      remedy: "Close streams that nobody reads, or ask for the result with ?wait= instead.",
      status: 429,
      retryAfterSeconds: 5,
    });
  }
}

export class RecordUnavailableError extends PlatformError {
  constructor(cause: unknown) {
    super("RECORD_UNAVAILABLE", "the database cannot be reached at the moment", {
      remedy: "Send the same request again after the seconds in Retry-After; the same task id is the same task.",
      status: 503,
      retryAfterSeconds: 2,
      cause,
    });
  }
}

export class TooManyEgressRulesError extends PlatformError {
  constructor(workspaceId: string, rules: number, limit: number) {
    super("TOO_MANY_EGRESS_RULES", `workspace ${workspaceId} would have ${rules} of at most ${limit} egress rules`, {
      remedy: "Remove rules that are not needed, or let one `*.suffix` stand for many.",
      status: 409,
    });
  }
}
