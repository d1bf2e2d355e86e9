import {
  AnswerTooLongError,
  LlmFailedError,
  LlmNotConfiguredError,
  LlmRateLimitedError,
  LlmRefusedError,
  ModelUnknownError,
  shorten,
  TokenBudgetExhaustedError,
} from "./llm-errors.ts";
import type { PlatformError } from "../../../contracts/errors.ts";

/** Why a call of a model brought no answer, and whether another try may. Holds nothing of what was asked. */
export class CallFailure extends Error {
  readonly kind: "transient" | "final" | "context_too_long";
  /** Seconds that the other side asked to wait. */
  readonly retryAfterSeconds: number | undefined;
  readonly #explain: (attempts: number, tokensUsed: number) => PlatformError;

  constructor(
    kind: CallFailure["kind"],
    explain: (attempts: number, tokensUsed: number) => PlatformError,
    retryAfterSeconds?: number,
  ) {
    super(explain(1, 0).message);
    this.name = "CallFailure";
    this.kind = kind;
    this.retryAfterSeconds = retryAfterSeconds;
    this.#explain = explain;
  }

  /** What the task fails with when it is given up. */
  explain(attempts: number, tokensUsed: number): PlatformError {
    return this.#explain(attempts, tokensUsed);
  }
}

export const answerTooLong = (maxChars: number): CallFailure =>
  new CallFailure("final", () => new AnswerTooLongError(maxChars));

/** A connection that broke, or bytes that are no answer. */
export const brokenAnswer = (reason: string): CallFailure =>
  new CallFailure("transient", (attempts) => new LlmFailedError(reason, attempts));

/** What the gateway answered instead of a completion: OpenAI's error object, its codes and ours. */
export interface HttpFailure {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly code: string | undefined;
  readonly message: string;
}

const TRANSIENT_STATUS = new Set([408, 425, 429]);

/** @param model as it was asked for; @param models those that there are */
export function toCallFailure(
  { status, headers, code, message }: HttpFailure,
  model: string,
  models: readonly string[],
) {
  const reason = shorten(message);
  switch (code) {
    case "llm_not_configured":
      return new CallFailure("final", () => new LlmNotConfiguredError());
    case "model_unknown":
    case "model_not_found":
      return new CallFailure("final", () => new ModelUnknownError(model, models));
    case "task_budget_exhausted":
      return new CallFailure("final", (_attempts, used) => new TokenBudgetExhaustedError("task", used, reason));
    case "workspace_budget_exhausted":
      return new CallFailure("final", (_attempts, used) => new TokenBudgetExhaustedError("workspace", used, reason));
    case "context_length_exceeded":
      return new CallFailure("context_too_long", () => new LlmRefusedError(status, reason));
  }
  if (status === 413) return new CallFailure("context_too_long", () => new LlmRefusedError(status, reason));
  const retryAfterSeconds = parseRetryAfter(headers["retry-after"]);
  if (status === 429) {
    return new CallFailure("transient", () => new LlmRateLimitedError(reason, retryAfterSeconds), retryAfterSeconds);
  }
  if (status >= 500 || TRANSIENT_STATUS.has(status)) {
    const explain = (attempts: number) => new LlmFailedError(`${status} ${reason}`, attempts);
    return new CallFailure("transient", explain, retryAfterSeconds);
  }
  return new CallFailure("final", () => new LlmRefusedError(status, reason));
}

/** RFC 9110: seconds or a date. */
function parseRetryAfter(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : (Date.parse(text) - Date.now()) / 1_000;
  return Number.isFinite(seconds) ? Math.max(0, seconds) : undefined;
}
