import { createHash, randomUUID } from "node:crypto";
import type { ServerResponse } from "node:http";
import type { Logger } from "pino";
import type { LlmConfig, LlmTokens } from "../../../contracts/llm.ts";
import type { TaskIdentity } from "../../runtime/task-token.ts";
import { type Answered, askProviders } from "./ask-providers.ts";
import {
  LlmRateLimitedError,
  LlmTaskNotRunningError,
  MeteringUnavailableError,
  ProviderRefusedError,
  TaskBudgetExhaustedError,
  WorkspaceBudgetExhaustedError,
} from "./errors.ts";
import type { LlmLimits } from "./limits.ts";
import type { LlmMetrics } from "./metrics.ts";
import type { Provider } from "./provider.ts";
import { relayStream } from "./relay-stream.ts";
import type { ChatRequest } from "./request.ts";
import type { CallOutcome, TokenLedger } from "./token-ledger.ts";
import { readUsage, tokensOfCompletion } from "./usage.ts";

export interface CompletionDeps {
  readonly config: LlmConfig;
  readonly providers: ReadonlyMap<string, Provider>;
  readonly ledger: TokenLedger;
  readonly limits: LlmLimits;
  readonly metrics: LlmMetrics;
  readonly log: Logger;
}

/** Output without which a call makes no sense, and below which it had better wait for what others may give back. */
const LEAST_OUTPUT_TOKENS = 16;
const WORTH_OUTPUT_TOKENS = 1_024;

/** One call of a model, from its reservation to its settlement. */
export class Completion {
  readonly #deps: CompletionDeps;
  readonly #identity: TaskIdentity;
  readonly #request: ChatRequest;
  readonly #callId = randomUUID();
  readonly #startedMs = performance.now();
  #attempts = 0;
  #firstByteMs: number | undefined;
  #provider: string | null = null;

  constructor(deps: CompletionDeps, identity: TaskIdentity, request: ChatRequest) {
    this.#deps = deps;
    this.#identity = identity;
    this.#request = request;
  }

  /**
   * Answers the call. Once it has been let through, its tokens are settled whatever happens.
   *
   * @param signal Fires when the client leaves.
   * @throws LlmError when nothing has been answered yet, and the signal's reason when it fires
   */
  async answer(response: ServerResponse, signal: AbortSignal): Promise<void> {
    const maxTokens = await this.#reserve();
    let answered: Answered;
    try {
      answered = await this.#ask(maxTokens, signal);
    } catch (error) {
      this.#settleUnanswered(error, signal, maxTokens);
      throw error;
    }
    try {
      this.#provider = answered.provider.config.name;
      this.#firstByteMs = performance.now() - this.#startedMs;
      await this.#pass(answered, response, signal);
    } finally {
      answered.release();
    }
  }

  /** Resolves to the tokens that one choice may have. */
  async #reserve(): Promise<number> {
    const { taskId, workspaceId } = this.#identity;
    const { alias: model, choices, maxOutputTokens, promptTokens } = this.#request;
    const reservation = await this.#deps.ledger
      .reserve({
        callId: this.#callId,
        ...{ taskId, workspaceId, model, promptTokens },
        wantedOutput: maxOutputTokens * choices,
        leastOutput: Math.min(LEAST_OUTPUT_TOKENS, maxOutputTokens) * choices,
        worthOutput: WORTH_OUTPUT_TOKENS * choices,
      })
      .catch((cause: unknown) => {
        throw new MeteringUnavailableError(cause);
      });
    switch (reservation.decision) {
      case "granted":
        return Math.floor(reservation.outputTokens / choices);
      case "task_not_running":
        throw new LlmTaskNotRunningError(taskId);
      case "task_budget_exhausted":
        throw new TaskBudgetExhaustedError(taskId, reservation.used, reservation.budget);
      case "workspace_budget_exhausted":
        throw new WorkspaceBudgetExhaustedError(
          workspaceId,
          reservation.used,
          reservation.budget,
          reservation.resetsAt,
        );
      case "reserved":
        throw new LlmRateLimitedError("the tokens that are left are set aside for other calls under way", 1);
    }
  }

  #ask(maxTokens: number, signal: AbortSignal): Promise<Answered> {
    const { limits, log, metrics, providers } = this.#deps;
    const { alias, model, stream } = this.#request;
    // A pseudonym: enough for a provider to tell one workspace's abuse from another's.
    const user = `ws-${createHash("sha256").update(this.#identity.workspaceId).digest("hex").slice(0, 24)}`;
    return askProviders({
      ...{ model: alias, targets: model.targets, providers, limits, signal, stream },
      workspaceId: this.#identity.workspaceId,
      bodyFor: ({ config }, name) => this.#request.bodyFor(config, name, maxTokens, user),
      onAttempt: () => (this.#attempts += 1),
      onFailure: ({ provider }, failure) => {
        metrics.failures.inc({ provider, reason: failure.reason });
        const fields = { ...this.#ids(), provider, ...failure.fields };
        log.warn({ event: "llm_attempt_failed", ...fields }, "a provider failed");
      },
    });
  }

  async #pass({ answer }: Answered, response: ServerResponse, signal: AbortSignal): Promise<void> {
    const { alias: model, wantsUsage, promptTokens } = this.#request;
    response.setHeader("x-request-id", this.#callId);
    if (answer.kind === "whole") {
      const usage = readUsage(answer.completion.usage);
      const estimate = { prompt: promptTokens, completion: tokensOfCompletion(answer.completion) };
      this.#settle("completed", usage ?? estimate, usage === undefined);
      response.writeHead(200, { "content-type": "application/json", "content-length": answer.bytes.length });
      response.end(answer.bytes);
      return;
    }
    const relayed = await relayStream(answer, response, { model, wantsUsage, signal });
    const { failure, outcome, usage, completionEstimate } = relayed;
    if (failure !== undefined) {
      this.#deps.metrics.failures.inc({ provider: this.#provider ?? "none", reason: failure.reason });
      const fields = { ...this.#ids(), provider: this.#provider, ...failure.fields };
      this.#deps.log.warn({ event: "llm_stream_cut_off", ...fields }, "an answer broke off");
    }
    this.#settle(outcome, usage ?? { prompt: promptTokens, completion: completionEstimate }, usage === undefined);
  }

  /**
   * What a call without an answer counts. Providers bill no errors. Of a call whose client left nobody knows what was
   * made of it: a stream ends with its connection and had not begun, so its prompt counts; an answer in one piece may be
   * made to its end all the same, so all that was reserved counts. Else a budget could be evaded by hanging up.
   */
  #settleUnanswered(error: unknown, signal: AbortSignal, maxTokens: number): void {
    if (!signal.aborted || this.#attempts === 0) {
      const outcome = error instanceof ProviderRefusedError ? "refused" : signal.aborted ? "client_left" : "failed";
      this.#settle(outcome, { prompt: 0, completion: 0 }, false);
      return;
    }
    const { stream, promptTokens, choices } = this.#request;
    this.#settle("client_left", { prompt: promptTokens, completion: stream ? 0 : maxTokens * choices }, true);
  }

  #settle(outcome: CallOutcome, tokens: LlmTokens, estimated: boolean): void {
    const { ledger, log, metrics } = this.#deps;
    const { alias: model, stream } = this.#request;
    const durationMs = performance.now() - this.#startedMs;
    const provider = this.#provider;
    ledger.settle({ callId: this.#callId, provider, tokens, estimated, attempts: this.#attempts, durationMs, outcome });
    metrics.calls.inc({ model, provider: provider ?? "none", outcome });
    metrics.tokens.inc({ model, direction: "prompt" }, tokens.prompt);
    metrics.tokens.inc({ model, direction: "completion" }, tokens.completion);
    metrics.durationSeconds.observe({ model }, durationMs / 1_000);
    if (this.#firstByteMs !== undefined) metrics.firstByteSeconds.observe({ model }, this.#firstByteMs / 1_000);
    log.info(
      {
        event: "llm_call",
        ...this.#ids(),
        ...{ provider, stream, outcome, estimated, attempts: this.#attempts },
        promptTokens: tokens.prompt,
        completionTokens: tokens.completion,
        firstByteMs: this.#firstByteMs === undefined ? undefined : Math.round(this.#firstByteMs),
        durationMs: Math.round(durationMs),
      },
      "model called",
    );
  }

  #ids(): Record<string, unknown> {
    const { taskId, workspaceId } = this.#identity;
    return { workspaceId, taskId, callId: this.#callId, model: this.#request.alias };
  }
}
