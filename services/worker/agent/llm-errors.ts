import { PlatformError } from "../../../contracts/errors.ts";

/** Of what a provider or the gateway says of a failure, so much is shown. */
const MAX_REASON_CHARS = 500;

/** No model can be asked: the stack has no provider. */
export class LlmNotConfiguredError extends PlatformError {
  constructor() {
    super("LLM_NOT_CONFIGURED", "this stack has no provider of language models", {
      remedy:
        "Set `llm.providers` and `llm.models` in the stack's settings (docs/reference/config.md), or give the task steps instead of a prompt.",
      status: 422,
    });
  }
}

export class ModelUnknownError extends PlatformError {
  constructor(model: string, known: readonly string[]) {
    super("MODEL_UNKNOWN", `this stack has no model ${JSON.stringify(model)}`, {
      remedy: `Name one of the stack's models in the task's \`model\`: ${known.join(", ") || "there is none"}.`,
      status: 422,
    });
  }
}

/** The tokens that the task, or all tasks of its workspace together, may use are used. */
export class TokenBudgetExhaustedError extends PlatformError {
  constructor(whose: "task" | "workspace", tokensUsed: number, detail: string) {
    super(
      whose === "task" ? "TASK_TOKEN_BUDGET_EXHAUSTED" : "WORKSPACE_TOKEN_BUDGET_EXHAUSTED",
      `the token budget of the ${whose} is used up after ${tokensUsed} tokens of this task: ${shorten(detail)}`,
      {
        remedy:
          whose === "task"
            ? "Submit the task again with a larger tokenBudget, or split its work."
            : "Wait until the workspace's budget begins anew, or have an administrator raise it.",
        status: 429,
      },
    );
  }
}

/** The gateway or the provider behind it failed, again and again, or in a way that trying again does not mend. */
export class LlmFailedError extends PlatformError {
  constructor(reason: string, attempts: number) {
    super(
      "LLM_FAILED",
      `the model could not be asked, ${attempts === 1 ? "once" : `${attempts} times`}: ${shorten(reason)}`,
      { remedy: "Look at the state of the provider and of the gateway, then retry the task.", status: 502 },
    );
  }
}

export class LlmRateLimitedError extends PlatformError {
  constructor(reason: string, retryAfterSeconds: number | undefined) {
    super("LLM_RATE_LIMITED", `the model takes no more requests at present: ${shorten(reason)}`, {
      remedy: "Retry the task later, run fewer tasks at once, or give the stack another provider.",
      status: 429,
      ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    });
  }
}

/** The request was refused for what it is; the same one would be refused again. */
export class LlmRefusedError extends PlatformError {
  constructor(status: number, reason: string) {
    super("LLM_REQUEST_REFUSED", `the model's provider refused the request with ${status}: ${shorten(reason)}`, {
      remedy: "Check the model's name and settings in the stack's configuration against the provider's.",
      status: 502,
    });
  }
}

export class ContentFilteredError extends PlatformError {
  constructor() {
    super("LLM_CONTENT_FILTERED", "the model's provider withheld the answer by its content filter", {
      remedy: "Change the prompt or the contents that the task reads, or use another model.",
      status: 422,
    });
  }
}

export class AnswerTooLongError extends PlatformError {
  constructor(maxChars: number) {
    super("LLM_ANSWER_TOO_LONG", `the model's answer went on past ${maxChars} characters and was broken off`, {
      remedy: "Ask for less at once; check the provider if it goes on without end.",
      status: 502,
    });
  }
}

/** What the model must see at the very least does not fit. */
export class ContextTooSmallError extends PlatformError {
  constructor(neededTokens: number, windowTokens: number) {
    super(
      "LLM_CONTEXT_TOO_SMALL",
      `the task and its newest results take about ${neededTokens} tokens, the model has room for ${windowTokens}`,
      {
        remedy: "Shorten the prompt or its context, name fewer tools, or use a model with a larger window.",
        status: 422,
      },
    );
  }
}

/** The same thing again and again, although the model was told. */
export class AgentStuckError extends PlatformError {
  constructor(what: string, times: number) {
    super("AGENT_STUCK", `the model ${what} ${times} times in a row, and went on when it was told`, {
      remedy: "Say in the prompt what to do when that call does not help, or use another model.",
      status: 422,
    });
  }
}

export class AgentStepLimitError extends PlatformError {
  constructor(maxSteps: number) {
    super("AGENT_STEP_LIMIT", `the model had not finished after ${maxSteps} answers`, {
      remedy: "Raise the task's maxSteps, or split its work; what was done so far is in the result.",
      status: 422,
    });
  }
}

export const shorten = (text: string): string =>
  text.length > MAX_REASON_CHARS ? `${text.slice(0, MAX_REASON_CHARS).toWellFormed()}…` : text;
