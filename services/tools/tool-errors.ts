import { PlatformError } from "../../contracts/errors.ts";

/** Too many calls at once; none of this one has been done. */
export class ToolBusyError extends PlatformError {
  constructor(workspaceId: string, limit: number) {
    super("TOOL_BUSY", `workspace ${workspaceId} has ${limit} tool calls under way at the API, which is the most`, {
      remedy: "Call again after the seconds in Retry-After, or make fewer calls at once.",
      status: 429,
      retryAfterSeconds: 1,
    });
  }
}

export class ToolTimedOutError extends PlatformError {
  constructor(tool: string, seconds: number) {
    super("TOOL_TIMED_OUT", `${tool} had no answer within ${seconds} s`, {
      remedy: "Ask for less, raise timeoutSeconds where the tool has it, or try again later.",
      status: 504,
    });
  }
}

/** Nobody waits for the answer any more. */
export class ToolCancelledError extends PlatformError {
  constructor(tool: string) {
    super("TOOL_CANCELLED", `${tool} was stopped before it had ended`, {
      remedy: "Call it again if it is still wanted.",
      status: 409,
    });
  }
}

/** What an adapter asked did not answer as it should. */
export class ToolServiceFailedError extends PlatformError {
  constructor(tool: string, what: string, cause?: unknown) {
    super("TOOL_SERVICE_FAILED", `the service behind ${tool} ${what}`, {
      remedy:
        "Try again later; if it lasts, have an administrator look at that service and at the API's configuration.",
      status: 502,
      cause,
    });
  }
}

/** The service understood the call and refuses it. */
export class ToolCallRefusedError extends PlatformError {
  constructor(tool: string, says: string) {
    super("TOOL_CALL_REFUSED", `${tool} was refused: ${says}`, {
      remedy: "Correct the call by what the message says.",
      status: 422,
    });
  }
}

export class NetworkAccessOffError extends PlatformError {
  constructor(tool: string) {
    super("NETWORK_ACCESS_OFF", `${tool} needs the network, and the task has none`, {
      remedy: "Submit the task with resources.networkAccess true.",
      status: 403,
    });
  }
}

/** The API could not be reached, or its answer is none. */
export class ApiToolUnreachableError extends PlatformError {
  constructor(tool: string, mayHaveRun: boolean, cause: unknown) {
    const doubt = mayHaveRun ? "; the call may or may not have been done" : "";
    super("API_TOOL_UNREACHABLE", `the API gave no answer to ${tool}${doubt}`, {
      remedy: "Call it again once the API is up; check first whether a call that changes something has been done.",
      status: 503,
      cause,
    });
  }
}

/** The configuration names an adapter whose secret is not among TOOL_SECRETS. */
export class ToolSecretMissingError extends PlatformError {
  constructor(key: string) {
    super("TOOL_SECRET_MISSING", `the tools' configuration needs the secret ${key}, which is not set`, {
      remedy: `Add ${key} to the stack's secret automatos:toolSecrets (TOOL_SECRETS of the API).`,
      status: 500,
    });
  }
}
