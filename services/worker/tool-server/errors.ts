import { PlatformError } from "../../../contracts/errors.ts";

export class TooManyCallsError extends PlatformError {
  constructor(workspaceId: string, limit: number) {
    super("TOO_MANY_CALLS", `workspace ${workspaceId} has ${limit} calls under way, the most that it may have`, {
      remedy: "Call again after the seconds in Retry-After, close a terminal, or move the workspace to a larger plan.",
      status: 429,
      retryAfterSeconds: 1,
    });
  }
}

export class WorkerBusyError extends PlatformError {
  constructor(total: number, own: number, limit: number) {
    const most = `${total} of at most ${limit} calls under way`;
    super("WORKERS_BUSY", `the worker has ${most}, ${own} of them of this workspace: what is left is for others`, {
      remedy: "Call again after the seconds in Retry-After; if it persists, start more workers.",
      status: 503,
      retryAfterSeconds: 1,
    });
  }
}

export class WorkerStoppingError extends PlatformError {
  constructor() {
    super("WORKER_STOPPING", "the worker is being stopped", {
      remedy: "Call again: another worker takes the call.",
      status: 503,
      retryAfterSeconds: 1,
    });
  }
}

export class CallTimedOutError extends PlatformError {
  constructor(seconds: number) {
    super("CALL_TIMED_OUT", `the call was stopped after ${seconds} s`, {
      remedy: "Raise timeoutSeconds, at most 300, or submit the work as a task.",
      status: 504,
    });
  }
}

export class GrantRefusedError extends PlatformError {
  constructor(cause: unknown) {
    super("GRANT_REFUSED", "the API's grant is missing, expired or not ours", {
      remedy: "Give API and workers the same TASK_TOKEN_KEY, and keep their clocks together.",
      status: 401,
      cause,
    });
  }
}

export class InvalidCallError extends PlatformError {
  constructor(reason: string) {
    super("INVALID_CALL", `the call cannot be read: ${reason}`, {
      remedy: "Run the same version of API and worker.",
      status: 400,
    });
  }
}

export class TerminalUnavailableError extends PlatformError {
  constructor(cause: unknown) {
    super("TERMINAL_UNAVAILABLE", "terminals cannot be had at this worker", {
      remedy: "Install the optional package of @lydell/node-pty for this machine; commands without a terminal run.",
      status: 501,
      cause,
    });
  }
}

/** Bytes that do not exist were asked for. */
export class RangeNotSatisfiableError extends PlatformError {
  constructor(sizeBytes: number) {
    super("RANGE_NOT_SATISFIABLE", `the file has ${sizeBytes} bytes, and the range lies beyond them`, {
      remedy: "Ask for a range within the file.",
      status: 416,
    });
  }
}

export class CallFailedError extends PlatformError {
  constructor(cause: unknown) {
    super("INTERNAL_ERROR", "the call failed for a reason inside the worker", {
      remedy: "Try again; if it persists, give the call's id to whoever runs the service: its logs hold the reason.",
      status: 500,
      cause,
    });
  }
}

/** Nobody is left to be answered. */
export class CallerLeftError extends Error {
  constructor() {
    super("the caller went away before the terminal was opened");
  }
}

export class TreeUnreadableError extends PlatformError {
  constructor(paths: readonly string[]) {
    super("TREE_UNREADABLE", `files that the workspace's own user cannot read: ${paths.join(", ").slice(0, 2_000)}`, {
      remedy: "Make them readable, for example with `automatos workspace exec -- chmod -R u+rX .`, or remove them.",
      status: 409,
    });
  }
}

export class TreeFailedError extends PlatformError {
  constructor(complaint: string) {
    super("TREE_FAILED", `the files could not be carried: ${complaint}`, {
      remedy: "Mend what the message says and run the move again: it sends the files anew.",
      status: 422,
    });
  }
}

export class CallsUnderWayError extends PlatformError {
  constructor(workspaceId: string) {
    super("CALLS_UNDER_WAY", `workspace ${workspaceId} has tool calls, transfers or terminals under way`, {
      remedy: "Close its terminals, wait until its calls have ended, and run the move again.",
      status: 409,
      retryAfterSeconds: 5,
    });
  }
}
