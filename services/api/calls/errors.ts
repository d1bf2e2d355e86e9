import { PlatformError } from "../../../contracts/errors.ts";

export class NoWorkerError extends PlatformError {
  constructor(cause?: unknown) {
    super("NO_WORKER", "no worker takes tool calls at present", {
      remedy: "Call again after the seconds in Retry-After; if it persists, start a worker or look at its log.",
      status: 503,
      retryAfterSeconds: 2,
      cause,
    });
  }
}

/** The call may have done a part of its work. */
export class WorkerLostError extends PlatformError {
  constructor(cause: unknown) {
    super("WORKER_LOST", "the worker went away during the call; what the call had started was ended with it", {
      remedy:
        "See what the call has done so far, then call again; work that must survive a worker is submitted as a task.",
      status: 502,
      cause,
    });
  }
}

/** Nobody is left to read this: it is for the logs. No refusal, as the call may have done a part of its work. */
export class CallerLeftError extends PlatformError {
  constructor(cause: unknown) {
    super("CALLER_LEFT", "the caller went away during the call; what the call had started was ended with it", {
      remedy: "Keep the connection until the call has ended; work that must survive its caller is submitted as a task.",
      status: 502,
      cause,
    });
  }
}

/** As a worker has answered. */
export class WorkerRefusalError extends PlatformError {}

export class UpgradeRequiredError extends PlatformError {
  constructor() {
    super("UPGRADE_REQUIRED", "a terminal is a WebSocket", {
      remedy: "Open it with a WebSocket client, or use `automatos workspace shell`.",
      status: 426,
    });
  }
}

export class OriginRefusedError extends PlatformError {
  constructor(origin: string) {
    super("ORIGIN_REFUSED", `pages of ${origin.slice(0, 200)} may not open terminals here`, {
      remedy: "Open it from a page of the API's own origin, or from a program, which sends no Origin.",
      status: 403,
    });
  }
}
