import { PlatformError } from "../../../contracts/errors.ts";

/** What the model asked for is no call of a tool that it has. */
export class MalformedCallError extends PlatformError {
  constructor(problem: string) {
    super("TOOL_CALL_MALFORMED", `this is no call that can be made: ${problem}`, {
      remedy: "Make the call again in its right form, or go on without it.",
      status: 400,
    });
  }
}

export class CallDeniedByPersonError extends PlatformError {
  constructor(comment: string | null) {
    super("TOOL_CALL_DENIED", `a person denied this call${comment === null ? "" : `: ${comment}`}`, {
      remedy: "Do not make it again; reach the aim in another way, or say in the answer what is missing.",
      status: 403,
    });
  }
}

/** The worker was lost, or the task was moved, while the call was under way. */
export class CallInterruptedError extends PlatformError {
  constructor() {
    super("TOOL_CALL_INTERRUPTED", "the call was interrupted; it may or may not have happened", {
      remedy: "Look at what is there before it is made again.",
      status: 500,
    });
  }
}
