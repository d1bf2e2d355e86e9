import { PlatformError } from "../../../contracts/errors.ts";

/** A call of a model that is not answered as it was meant. `code` in lower case is what clients, logs and metrics see. */
export abstract class LlmError extends PlatformError {
  /** The parameter that is wrong, where one is. */
  readonly param: string | null = null;

  get wireCode(): string {
    return this.code.toLowerCase();
  }
}

export class LlmTokenInvalidError extends LlmError {
  constructor(cause?: unknown) {
    super("TASK_TOKEN_INVALID", "the request carries no valid task token", {
      remedy: "Use OPENAI_BASE_URL and OPENAI_API_KEY of the sandbox's environment unchanged, while the task runs.",
      status: 401,
      cause,
    });
  }
}

export class LlmTaskNotRunningError extends LlmError {
  constructor(taskId: string) {
    super("TASK_NOT_RUNNING", `task ${taskId} does not run, so it has no use of models`, {
      remedy: "Call models from a running task; one that has ended or is being cancelled gets no answer.",
      status: 403,
    });
  }
}

export class LlmNotConfiguredError extends LlmError {
  constructor() {
    super("LLM_NOT_CONFIGURED", "this installation has no language model", {
      remedy: "Ask an administrator to set automatos:settings: llm.providers and llm.models of the stack.",
      status: 404,
    });
  }
}

export class LlmRouteUnknownError extends LlmError {
  constructor() {
    super("ROUTE_UNKNOWN", "the gateway serves POST /v1/chat/completions and GET /v1/models alone", {
      remedy: "Use the chat completions of OpenAI's protocol.",
      status: 404,
    });
  }
}

export class ModelUnknownError extends LlmError {
  override readonly param = "model";

  constructor(model: string, known: readonly string[]) {
    super("MODEL_UNKNOWN", `there is no model ${JSON.stringify(model.slice(0, 200))}`, {
      remedy: `Use one of ${known.join(", ")}.`,
      status: 404,
    });
  }
}

export class LlmRequestInvalidError extends LlmError {
  override readonly param: string | null;

  constructor(reason: string, param: string | null = null, cause?: unknown) {
    super("REQUEST_INVALID", reason, {
      remedy: "Send a request for a chat completion as OpenAI's API takes it, as JSON.",
      status: 400,
      cause,
    });
    this.param = param;
  }
}

export class ParameterUnsupportedError extends LlmError {
  override readonly param: string;

  constructor(param: string) {
    super(
      "PARAMETER_UNSUPPORTED",
      `the gateway does not pass on the parameter ${JSON.stringify(param.slice(0, 100))}`,
      {
        remedy:
          "Leave it out, or ask an administrator to list it in the model's `parameters` (llm.models of the stack).",
        status: 400,
      },
    );
    this.param = param;
  }
}

/** A part of a message, or a field of one, that may name what is elsewhere. */
export class PartUnsupportedError extends LlmError {
  override readonly param: string;

  /** @param name its type or its name, where that is a word */
  constructor(param: string, name: string | undefined) {
    super("PART_UNSUPPORTED", `${param}: ${name ?? "a part of no known type"} is not passed on as it stands there`, {
      remedy:
        "Send text, and images (image_url), PDFs (file) and sounds (input_audio) as base64: providers fetch nothing.",
      status: 400,
    });
    this.param = param;
  }
}

/** A tool that the provider would call by itself. */
export class ToolUnsupportedError extends LlmError {
  override readonly param: string;

  /** @param type where that is a word */
  constructor(param: string, type: string | undefined) {
    super("TOOL_UNSUPPORTED", `${param}: a tool of ${type ?? "no known type"} is not passed on as it stands there`, {
      remedy:
        "Define tools of type function or custom, and call them in the sandbox: providers search and run nothing.",
      status: 400,
    });
    this.param = param;
  }
}

export class LlmRequestTooLargeError extends LlmError {
  constructor(maxBytes: number) {
    super("REQUEST_TOO_LARGE", `a request may have ${maxBytes} bytes`, {
      remedy: "Shorten the conversation, or send smaller images.",
      status: 413,
    });
  }
}

export class TaskBudgetExhaustedError extends LlmError {
  constructor(taskId: string, used: number, budget: number) {
    super("TASK_BUDGET_EXHAUSTED", `task ${taskId} has used ${used} of its ${budget} tokens; too few are left`, {
      remedy: "Submit it again with a larger tokenBudget, or split the work.",
      status: 402,
    });
  }
}

export class WorkspaceBudgetExhaustedError extends LlmError {
  constructor(workspaceId: string, used: number, budget: number, resetsAt: string) {
    super(
      "WORKSPACE_BUDGET_EXHAUSTED",
      `workspace ${workspaceId} has used ${used} of its plan's ${budget} tokens; there are new ones from ${resetsAt}`,
      { remedy: "Wait until then, or move the workspace to a larger plan.", status: 402 },
    );
  }
}

export class LlmRateLimitedError extends LlmError {
  constructor(reason: string, retryAfterSeconds: number, cause?: unknown) {
    super("RATE_LIMITED", reason, {
      remedy: "Try again after the seconds in Retry-After, with fewer calls at once.",
      status: 429,
      retryAfterSeconds,
      cause,
    });
  }
}

/** The provider found a mistake in the request itself: another provider would too. */
export class ProviderRefusedError extends LlmError {
  override readonly param: string | null;
  readonly #wireCode: string | null;

  constructor(answer: { status: number; message: string; code: string | null; param: string | null }) {
    super("PROVIDER_REFUSED", `the model's provider refused the request: ${answer.message}`, {
      remedy: "Change the request as the message says.",
      status: answer.status,
    });
    this.param = answer.param;
    this.#wireCode = answer.code;
  }

  /** The provider's own code, which clients may know (`context_length_exceeded`). */
  override get wireCode(): string {
    return this.#wireCode ?? super.wireCode;
  }
}

export class ProviderFailedError extends LlmError {
  constructor(
    model: string,
    reason: string,
    details: { readonly retryAfterSeconds?: number; readonly cause?: unknown },
  ) {
    super("PROVIDER_FAILED", `no provider of model ${model} gave an answer: ${reason}`, {
      remedy: "Try again; if it lasts, an administrator finds the reason in the gateway's log.",
      status: 502,
      ...details,
    });
  }
}

export class MeteringUnavailableError extends LlmError {
  constructor(cause: unknown) {
    super("METERING_UNAVAILABLE", "tokens cannot be counted at present, so no model is asked", {
      remedy: "Try again in some seconds; if it lasts, look at the gateway's health and its database.",
      status: 503,
      cause,
      retryAfterSeconds: 5,
    });
  }
}

export class LlmFaultError extends LlmError {
  constructor(cause: unknown) {
    super("GATEWAY_FAULT", "the gateway failed to handle the request", {
      remedy: "Try again; if it lasts, look at the gateway's log.",
      status: 500,
      cause,
    });
  }
}

export const asLlmError = (error: unknown): LlmError => (error instanceof LlmError ? error : new LlmFaultError(error));

/** OpenAI's error object. Its clients show `message`, so the way out stands there too. */
export function errorBody(error: LlmError): string {
  const { param, wireCode: code, remedy } = error;
  return JSON.stringify({
    error: { message: `${error.message}. ${remedy}`, type: typeOf(error.status), param, code, remedy },
  });
}

function typeOf(status: number): string {
  if (status === 401 || status === 403) return "authentication_error";
  if (status === 402) return "insufficient_quota";
  if (status === 429) return "rate_limit_error";
  return status >= 500 ? "server_error" : "invalid_request_error";
}
