import { DEFAULT_MODEL } from "../../../contracts/llm.ts";
import type { OfferedTool } from "../../../contracts/tools.ts";
import type { TaskExecution } from "../../runner/task-runner.ts";
import { storable } from "../../runtime/storable-text.ts";
import type { AgentState } from "./agent-state.ts";
import { estimateFixed, type ModelAnswer } from "./ask-model.ts";
import { CallFailure } from "./call-failure.ts";
import type { LlmClient } from "./llm-client.ts";
import { LlmNotConfiguredError, ModelUnknownError, TokenBudgetExhaustedError } from "./llm-errors.ts";
import type { ModelInfo } from "./model-info.ts";
import { withRetries, type RetryRules } from "./retry.ts";
import { TextEvents } from "./text-events.ts";
import { BYTES_PER_TOKEN, estimateConversation, trimContext } from "./trim-context.ts";

export interface ModelCallerDeps {
  readonly execution: Pick<TaskExecution, "task" | "signal" | "emit">;
  readonly client: LlmClient;
  readonly retry: RetryRules;
  readonly system: string;
  readonly tools: readonly OfferedTool[];
}

/** Whatever a model's window is: the conversation is kept in the record after every step. */
const MAX_CONVERSATION_TOKENS = 1024 ** 2;
/** Room for what the estimate of tokens misses. */
const WINDOW_SHARE = 0.95;
/** Of the room for the conversation, what the results of one answer may take together. */
const RESULTS_SHARE = 0.5;
const MIN_RESULTS_BYTES = 1_024;
const MAX_RESULTS_BYTES = 262_144;
/** After the provider found the conversation too long, the room is taken to be smaller; so often at most. */
const SHRINK = 0.75;
const MAX_SHRINKS = 4;

/** Asks one model within its window and the task's budget, as often as it takes to have an answer. */
export class ModelCaller {
  readonly model: ModelInfo;
  readonly #deps: ModelCallerDeps;
  readonly #fixedTokens: number;
  /** The share of the room that the provider was found to take. */
  #usable = 1;

  private constructor(deps: ModelCallerDeps, model: ModelInfo) {
    this.#deps = deps;
    this.model = model;
    this.#fixedTokens = estimateFixed(deps.system, deps.tools);
  }

  /**
   * Finds the model that the task names: by its alias, or the stack's first.
   *
   * @throws CallFailure when there is none of that name, or the gateway cannot be asked
   */
  static async choose(deps: ModelCallerDeps, { model: name, answers, tokensUsed }: AgentState): Promise<ModelCaller> {
    const { execution, client, retry: rules } = deps;
    const { task, signal, emit } = execution;
    const step = answers + 1;
    const models = await withRetries(() => client.models(signal), {
      rules,
      signal,
      tokensUsed,
      onRetry: (error, waitMs) => emit({ type: "model_retried", step, error: error.toTaskError(), waitMs }),
    });
    const [first] = models;
    if (first === undefined) throw new CallFailure("final", () => new LlmNotConfiguredError());
    const isDefault = name === "" || name === DEFAULT_MODEL;
    // Of a task that names none, any will do when the one that it began with is no more.
    const found = models.find(({ id }) => id === name) ?? (isDefault || task.model === undefined ? first : undefined);
    if (found !== undefined) return new ModelCaller(deps, found);
    const known = models.map(({ id }) => id);
    throw new CallFailure("final", () => new ModelUnknownError(name, known));
  }

  /** Bytes that the results of one answer may take together. */
  resultLimitBytes({ tokenFactor }: AgentState): number {
    const room = (this.#limit(tokenFactor) * RESULTS_SHARE * BYTES_PER_TOKEN) / tokenFactor;
    return Math.max(MIN_RESULTS_BYTES, Math.min(MAX_RESULTS_BYTES, Math.floor(room)));
  }

  /** Tokens that a question takes, about, uncorrected. */
  estimate({ turns }: Pick<AgentState, "turns">): number {
    return this.#fixedTokens + estimateConversation(turns);
  }

  /**
   * Asks until there is an answer, trimming the conversation where it does not fit.
   *
   * @returns the answer, and the conversation as it was asked.
   * @throws CallFailure, ContextTooSmallError; the signal's reason when it fires
   */
  async ask(state: AgentState): Promise<{ readonly answer: ModelAnswer; readonly asked: AgentState }> {
    const { emit } = this.#deps.execution;
    const step = state.answers + 1;
    let asked = state;
    for (let shrinks = 0; ; shrinks++) {
      const { turns, report } = trimContext(asked.turns, this.#limit(state.tokenFactor), state.tokenFactor);
      if (report !== null) emit({ type: "context_trimmed", step, ...report });
      asked = { ...asked, turns };
      try {
        return { answer: await this.#askPatiently(asked, step), asked };
      } catch (error) {
        const isTooLong = error instanceof CallFailure && error.kind === "context_too_long";
        if (!isTooLong || shrinks === MAX_SHRINKS) throw error;
        const taken = (this.estimate(asked) * state.tokenFactor) / this.#room();
        this.#usable = Math.min(this.#usable, taken) * SHRINK;
      }
    }
  }

  #askPatiently(state: AgentState, step: number): Promise<ModelAnswer> {
    const { execution, client, retry: rules, system, tools } = this.#deps;
    const { signal, emit } = execution;
    const { turns, tokensUsed } = state;
    const maxOutputTokens = this.#outputLimit(state);
    const askOnce = async () => {
      const events = new TextEvents(step, emit);
      const onText = (kind: "text" | "reasoning", text: string) => events.push(kind, storable(text));
      try {
        return await client.ask({ model: this.model, system, turns, tools, maxOutputTokens, signal, onText });
      } finally {
        events.flush();
      }
    };
    return withRetries(askOnce, {
      rules,
      signal,
      tokensUsed,
      onRetry: (error, waitMs) => emit({ type: "model_retried", step, error: error.toTaskError(), waitMs }),
    });
  }

  /** Undefined: what the model gives. @throws CallFailure when the task's budget has no room for the question */
  #outputLimit(state: AgentState): number | undefined {
    const { tokenBudget } = this.#deps.execution.task;
    if (tokenBudget === undefined) return undefined;
    const question = Math.ceil(this.estimate(state) * state.tokenFactor);
    const left = tokenBudget - state.tokensUsed - question;
    if (left <= 0) {
      const detail = `it is ${tokenBudget}, the next question takes about ${question}`;
      throw new CallFailure("final", (_attempts, used) => new TokenBudgetExhaustedError("task", used, detail));
    }
    return left < this.model.maxOutputTokens ? left : undefined;
  }

  /** Tokens that the conversation may take, beside what stands around it and the answer. */
  #limit(tokenFactor: number): number {
    return Math.floor(this.#room() * this.#usable - this.#fixedTokens * tokenFactor);
  }

  #room(): number {
    const { contextWindow, maxOutputTokens } = this.model;
    const answer = Math.min(maxOutputTokens, contextWindow / 2);
    return Math.min(MAX_CONVERSATION_TOKENS, (contextWindow - answer) * WINDOW_SHARE);
  }
}
