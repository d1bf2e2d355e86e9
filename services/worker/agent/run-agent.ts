import type { PlatformError } from "../../../contracts/errors.ts";
import { DEFAULT_MODEL } from "../../../contracts/llm.ts";
import type { StepResult } from "../../../contracts/task.ts";
import { toolsFor, type OfferedTool, type ToolPolicy } from "../../../contracts/tools.ts";
import type { TaskExecution, TaskOutcome } from "../../runner/task-runner.ts";
import { CommandCancelledError } from "../../sandbox/tools/tool-errors.ts";
import { limitReached } from "../quota-guard.ts";
import {
  firstState,
  readState,
  toCheckpoint,
  unfinishedAnswer,
  withOwnIds,
  withUsage,
  type AgentState,
} from "./agent-state.ts";
import { estimateFixed, type ModelAnswer } from "./ask-model.ts";
import { CallFailure } from "./call-failure.ts";
import { judgeAnswer } from "./judge-answer.ts";
import { LlmClient, type LlmEndpoint, type ModelInfo } from "./llm-client.ts";
import {
  AgentStepLimitError,
  LlmNotConfiguredError,
  ModelUnknownError,
  TokenBudgetExhaustedError,
} from "./llm-errors.ts";
import { storable } from "./render-result.ts";
import { DEFAULT_RETRY, withRetries, type RetryRules } from "./retry.ts";
import { runCalls, type CallDeps } from "./run-calls.ts";
import { systemPrompt, taskMessage } from "./system-prompt.ts";
import { TextEvents } from "./text-events.ts";
import { estimateConversation, trimContext } from "./trim-context.ts";

export interface AgentDeps {
  readonly execution: TaskExecution;
  /** What the task's scripted steps brought; empty when the agent goes on from a checkpoint. */
  readonly scriptedSteps: readonly StepResult[];
  readonly policy: ToolPolicy;
  readonly contextOf: CallDeps["contextOf"];
  readonly endpoint: LlmEndpoint;
  /** @default DEFAULT_RETRY */
  readonly retry?: RetryRules;
}

/** Whatever a model's window is: the conversation is kept in the record after every step. */
const MAX_CONVERSATION_TOKENS = 1024 ** 2;
/** Room for what the estimate of tokens misses. */
const WINDOW_SHARE = 0.95;
/** Of the room for the conversation, what the results of one answer may take together. */
const RESULTS_SHARE = 0.5;
const MAX_RESULTS_BYTES = 262_144;
const MAX_EVENT_TEXT_CHARS = 16_384;
/** After the provider found the conversation too long: the room is taken to be smaller, so often at most. */
const SHRINK = 0.75;
const MAX_SHRINKS = 4;

/** Has a model do the task: asks it, runs the tools that it calls, and so on until it answers without a call. */
export async function runAgent(deps: AgentDeps): Promise<TaskOutcome> {
  const client = await LlmClient.open(deps.endpoint);
  try {
    return await new Agent(deps, client).run();
  } finally {
    await client.close();
  }
}

class Agent {
  readonly #deps: AgentDeps;
  readonly #client: LlmClient;
  readonly #retry: RetryRules;
  readonly #tools: readonly OfferedTool[];
  readonly #system: string;
  readonly #fixedTokens: number;
  #state: AgentState;
  #window = 1;

  constructor(deps: AgentDeps, client: LlmClient) {
    const { task, checkpoint } = deps.execution;
    this.#deps = deps;
    this.#client = client;
    this.#retry = deps.retry ?? DEFAULT_RETRY;
    this.#tools = toolsFor(deps.policy, task.tools);
    this.#system = systemPrompt(task, this.#tools);
    this.#fixedTokens = estimateFixed(this.#system, this.#tools);
    this.#state =
      readState(checkpoint) ??
      firstState(task.model ?? "", storable(taskMessage(task, deps.scriptedSteps)), deps.scriptedSteps);
  }

  async run(): Promise<TaskOutcome> {
    const { execution } = this.#deps;
    try {
      const model = await this.#chooseModel();
      if (readState(execution.checkpoint) === undefined) await this.#begin();
      else
        execution.emit({
          type: "agent_resumed",
          step: Math.max(1, this.#state.answers),
          interruptedCalls: this.#state.begun.length,
        });
      for (;;) {
        if (unfinishedAnswer(this.#state) !== undefined) {
          const end = await runCalls(this.#callDeps(model), this.#state);
          this.#state = end.state;
          if (end.kind === "stopped") return this.#failed(this.#stopped());
          if (end.kind === "paused") {
            const { steps, tokensUsed } = this.#state;
            return {
              status: "paused",
              question: end.question,
              checkpoint: toCheckpoint(this.#state),
              steps,
              tokensUsed,
            };
          }
        }
        this.#tellNote();
        const outcome = await this.#step(model);
        if (outcome !== undefined) return outcome;
      }
    } catch (error) {
      if (error instanceof CallFailure) return this.#failed(error.explain(1, this.#state.tokensUsed));
      if (execution.signal.aborted) return this.#failed(this.#stopped());
      throw error;
    }
  }

  /** One answer of the model. Undefined while the task goes on. */
  async #step(model: ModelInfo): Promise<TaskOutcome | undefined> {
    const { execution } = this.#deps;
    const { task, signal, emit } = execution;
    if (signal.aborted) return this.#failed(this.#stopped());
    if (this.#state.answers >= task.maxSteps) return this.#failed(new AgentStepLimitError(task.maxSteps));

    const step = this.#state.answers + 1;
    emit({ type: "agent_step_started", step, model: model.id });
    const startedAt = performance.now();
    const answer = await this.#ask(model, step);
    const estimatedInput = this.#fixedTokens + estimateConversation(this.#state.turns);
    this.#state = withUsage(this.#state, answer, estimatedInput);
    const text = storable(answer.text);
    const { inputTokens, outputTokens, estimated, finishReason, calls } = answer;
    emit({
      type: "model_answered",
      step,
      text: text.slice(0, MAX_EVENT_TEXT_CHARS),
      toolCalls: calls.length,
      finishReason,
      inputTokens,
      outputTokens,
      estimated,
      durationMs: Math.round(performance.now() - startedAt),
    });

    const spoken = {
      role: "assistant" as const,
      text,
      reasoning: storable(answer.reasoning),
      calls: [...calls],
      results: [],
    };
    const verdict = judgeAnswer(this.#state, withOwnIds(spoken, this.#state.turns), finishReason);
    this.#state = verdict.state;
    if (verdict.kind === "failed") return this.#failed(verdict.error);
    if (verdict.kind === "completed") return this.#outcome("completed", verdict.text, null);
    await execution.save(toCheckpoint(this.#state));
    return undefined;
  }

  /** Asks until there is an answer, making room where the conversation turns out to be too long. */
  async #ask(model: ModelInfo, step: number): Promise<ModelAnswer> {
    for (let shrinks = 0; ; shrinks++) {
      this.#trim(model, step);
      try {
        return await this.#askPatiently(model, step);
      } catch (error) {
        const isTooLong = error instanceof CallFailure && error.kind === "context_too_long";
        if (!isTooLong || shrinks === MAX_SHRINKS) throw error;
        const taken = (this.#fixedTokens + estimateConversation(this.#state.turns)) * this.#state.tokenFactor;
        this.#window = Math.min(this.#window, taken / this.#room(model)) * SHRINK;
      }
    }
  }

  async #askPatiently(model: ModelInfo, step: number): Promise<ModelAnswer> {
    const { signal, emit } = this.#deps.execution;
    const maxOutputTokens = this.#outputLimit(model);
    return withRetries(
      async () => {
        const events = new TextEvents(step, emit);
        try {
          return await this.#client.ask({
            model,
            system: this.#system,
            turns: this.#state.turns,
            tools: this.#tools,
            maxOutputTokens,
            signal,
            onText: (kind, text) => events.push(kind, storable(text)),
          });
        } finally {
          events.flush();
        }
      },
      {
        rules: this.#retry,
        signal,
        tokensUsed: this.#state.tokensUsed,
        onRetry: (error, waitMs) => emit({ type: "model_retried", step, error: error.toTaskError(), waitMs }),
      },
    );
  }

  /** Undefined: what the model gives. @throws CallFailure when the task's budget has no room for the question */
  #outputLimit(model: ModelInfo): number | undefined {
    const { tokenBudget } = this.#deps.execution.task;
    if (tokenBudget === undefined) return undefined;
    const { tokensUsed, tokenFactor, turns } = this.#state;
    const question = Math.ceil((this.#fixedTokens + estimateConversation(turns)) * tokenFactor);
    const left = tokenBudget - tokensUsed - question;
    if (left <= 0) {
      const detail = `it is ${tokenBudget}, the next question takes about ${question}`;
      throw new CallFailure("final", (_attempts, used) => new TokenBudgetExhaustedError("task", used, detail));
    }
    return left < model.maxOutputTokens ? left : undefined;
  }

  /** Tokens that the conversation may take, beside what stands around it and the answer. */
  #limit(model: ModelInfo): number {
    return Math.floor(this.#room(model) * this.#window - this.#fixedTokens * this.#state.tokenFactor);
  }

  #room({ contextWindow, maxOutputTokens }: ModelInfo): number {
    const answer = Math.min(maxOutputTokens, contextWindow / 2);
    return Math.min(MAX_CONVERSATION_TOKENS, (contextWindow - answer) * WINDOW_SHARE);
  }

  #trim(model: ModelInfo, step: number): void {
    const { turns, tokenFactor } = this.#state;
    const trimmed = trimContext(turns, this.#limit(model), tokenFactor);
    this.#state = { ...this.#state, turns: trimmed.turns };
    if (trimmed.report !== null) this.#deps.execution.emit({ type: "context_trimmed", step, ...trimmed.report });
  }

  async #chooseModel(): Promise<ModelInfo> {
    const { task, signal, emit } = this.#deps.execution;
    const models = await withRetries(() => this.#client.models(signal), {
      rules: this.#retry,
      signal,
      tokensUsed: this.#state.tokensUsed,
      onRetry: (error, waitMs) =>
        emit({ type: "model_retried", step: this.#state.answers + 1, error: error.toTaskError(), waitMs }),
    });
    const [first] = models;
    if (first === undefined) throw new CallFailure("final", () => new LlmNotConfiguredError());
    const wanted = ["", DEFAULT_MODEL].includes(this.#state.model) ? first.id : this.#state.model;
    const model = models.find(({ id }) => id === wanted) ?? (task.model === undefined ? first : undefined);
    if (model === undefined) {
      throw new CallFailure(
        "final",
        () =>
          new ModelUnknownError(
            wanted,
            models.map(({ id }) => id),
          ),
      );
    }
    this.#state = { ...this.#state, model: model.id };
    return model;
  }

  /** Says which tools that the task names the model does not get, and that the scripted steps are done. */
  async #begin(): Promise<void> {
    const { task, emit, save } = this.#deps.execution;
    if (this.#deps.scriptedSteps.length > 0) await save(toCheckpoint(this.#state));
    const missing = task.tools.filter((name) => !this.#tools.some((tool) => tool.name === name));
    if (missing.length === 0) return;
    emit({
      type: "warning",
      code: "TOOLS_NOT_OFFERED",
      message: `the model does not get ${missing.join(", ")}: unknown, or denied by the workspace`,
      remedy: "See the workspace's tools with GET /api/workspaces/{id}/tools.",
    });
  }

  #tellNote(): void {
    const { note, turns } = this.#state;
    if (note !== null) this.#state = { ...this.#state, note: null, turns: [...turns, { role: "user", text: note }] };
  }

  #callDeps(model: ModelInfo): CallDeps {
    const { execution, contextOf, policy } = this.#deps;
    const room = (this.#limit(model) * RESULTS_SHARE * 3) / this.#state.tokenFactor;
    return {
      execution,
      contextOf,
      policy,
      tools: new Map(this.#tools.map((tool) => [tool.name, tool])),
      resultLimitBytes: Math.max(1_024, Math.min(MAX_RESULTS_BYTES, Math.floor(room))),
      save: (state) => execution.save(toCheckpoint(state)),
    };
  }

  #stopped(): PlatformError {
    return limitReached(this.#deps.execution.signal) ?? new CommandCancelledError();
  }

  /** What was done stands in the result, whatever ended it: steps, tokens and the last thing that the model said. */
  #failed(error: PlatformError): TaskOutcome {
    const last = this.#state.turns.findLast((turn) => turn.role === "assistant");
    const text = this.#state.partialText + (last?.role === "assistant" ? last.text : "");
    return this.#outcome("failed", text === "" ? null : text, error);
  }

  #outcome(status: "completed" | "failed", result: string | null, error: PlatformError | null): TaskOutcome {
    const { steps, tokensUsed } = this.#state;
    return { status, result, error: error?.toTaskError() ?? null, steps, tokensUsed };
  }
}
