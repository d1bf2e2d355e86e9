import { PlatformError } from "../../../contracts/errors.ts";
import type { StepResult } from "../../../contracts/task.ts";
import { toolsFor, type OfferedTool, type ToolName, type ToolPolicy } from "../../../contracts/tools.ts";
import type { TaskExecution, TaskOutcome } from "../../runner/task-runner.ts";
import { storable } from "../../runtime/storable-text.ts";
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
import type { ModelAnswer } from "./ask-model.ts";
import { CallFailure } from "./call-failure.ts";
import { judgeAnswer } from "./judge-answer.ts";
import { LlmClient, type LlmEndpoint } from "./llm-client.ts";
import { AgentStepLimitError } from "./llm-errors.ts";
import { ModelCaller } from "./model-caller.ts";
import { DEFAULT_RETRY, type RetryRules } from "./retry.ts";
import { runCalls, type CallDeps } from "./run-calls.ts";
import { systemPrompt, taskMessage } from "./system-prompt.ts";

export interface AgentDeps {
  readonly execution: TaskExecution;
  /** What the task's scripted steps brought; of no matter where the agent goes on from a checkpoint. */
  readonly scriptedSteps: readonly StepResult[];
  readonly policy: ToolPolicy;
  /** Tools that this installation has not: they are not offered. @default it has all */
  readonly notConfigured?: ReadonlySet<ToolName>;
  readonly contextOf: CallDeps["contextOf"];
  readonly endpoint: LlmEndpoint;
  /** @default DEFAULT_RETRY */
  readonly retry?: RetryRules;
}

const MAX_EVENT_TEXT_CHARS = 16_384;

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
  readonly #tools: readonly OfferedTool[];
  /** Whether an earlier attempt had come to the model. */
  readonly #isResumed: boolean;
  #state: AgentState;

  constructor(deps: AgentDeps, client: LlmClient) {
    const { task, checkpoint } = deps.execution;
    const saved = readState(checkpoint);
    this.#deps = deps;
    this.#client = client;
    this.#tools = toolsFor(deps.policy, task.tools, deps.notConfigured);
    this.#isResumed = saved !== undefined;
    this.#state =
      saved ?? firstState(task.model ?? "", storable(taskMessage(task, deps.scriptedSteps)), deps.scriptedSteps);
  }

  async run(): Promise<TaskOutcome> {
    const { execution, retry = DEFAULT_RETRY } = this.#deps;
    try {
      const system = systemPrompt(execution.task, this.#tools);
      const deps = { execution, client: this.#client, retry, system, tools: this.#tools };
      const caller = await ModelCaller.choose(deps, this.#state);
      this.#state = { ...this.#state, model: caller.model.id };
      await this.#begin();
      for (;;) {
        const outcome = (await this.#runCalls(caller)) ?? (await this.#step(caller));
        if (outcome !== undefined) return outcome;
      }
    } catch (error) {
      if (error instanceof CallFailure) return this.#failed(error.explain(1, this.#state.tokensUsed));
      if (execution.signal.aborted) return this.#failed(this.#stopped());
      if (error instanceof PlatformError) return this.#failed(error);
      throw error;
    }
  }

  async #begin(): Promise<void> {
    const { task, emit, save } = this.#deps.execution;
    if (this.#isResumed) {
      emit({
        type: "agent_resumed",
        step: Math.max(1, this.#state.answers),
        interruptedCalls: this.#state.begun.length,
      });
      return;
    }
    // From here on the scripted steps are done: another worker must not make them again.
    if (this.#deps.scriptedSteps.length > 0) await save(toCheckpoint(this.#state));
    const missing = task.tools.filter((name) => !this.#tools.some((tool) => tool.name === name));
    if (missing.length === 0) return;
    emit({
      type: "warning",
      code: "TOOLS_NOT_OFFERED",
      message: `the model does not get ${missing.join(", ")}: unknown, denied by the workspace, or not configured`,
      remedy: "See the workspace's tools with GET /api/workspaces/{id}/tools.",
    });
  }

  /** Runs what the newest answer has called. Undefined when the model can be asked again. */
  async #runCalls(caller: ModelCaller): Promise<TaskOutcome | undefined> {
    if (unfinishedAnswer(this.#state) !== undefined) {
      const end = await runCalls(this.#callDeps(caller), this.#state);
      this.#state = end.state;
      if (end.kind === "stopped") return this.#failed(this.#stopped());
      if (end.kind === "paused") {
        const { steps, tokensUsed } = this.#state;
        return { status: "paused", question: end.question, checkpoint: toCheckpoint(this.#state), steps, tokensUsed };
      }
    }
    const { note, turns } = this.#state;
    if (note !== null) this.#state = { ...this.#state, note: null, turns: [...turns, { role: "user", text: note }] };
    return undefined;
  }

  /** One answer of the model. Undefined while the task goes on. */
  async #step(caller: ModelCaller): Promise<TaskOutcome | undefined> {
    const { task, signal, emit, save } = this.#deps.execution;
    if (signal.aborted) return this.#failed(this.#stopped());
    if (this.#state.answers >= task.maxSteps) return this.#failed(new AgentStepLimitError(task.maxSteps));

    const step = this.#state.answers + 1;
    emit({ type: "agent_step_started", step, model: caller.model.id });
    const startedAt = performance.now();
    const { answer, asked } = await caller.ask(this.#state);
    this.#state = withUsage(asked, answer, caller.estimate(asked));
    this.#emitAnswered(step, answer, performance.now() - startedAt);

    const spoken = {
      role: "assistant" as const,
      text: storable(answer.text),
      reasoning: storable(answer.reasoning),
      calls: [...answer.calls],
      results: [],
    };
    const verdict = judgeAnswer(this.#state, withOwnIds(spoken, this.#state.turns), answer.finishReason);
    this.#state = verdict.state;
    if (verdict.kind === "failed") return this.#failed(verdict.error);
    if (verdict.kind === "completed") return this.#outcome("completed", verdict.text, null);
    // Calls save what they begin with, before the first of them is made.
    if (unfinishedAnswer(this.#state) === undefined) await save(toCheckpoint(this.#state));
    return undefined;
  }

  #emitAnswered(step: number, answer: ModelAnswer, durationMs: number): void {
    const { text, calls, finishReason, inputTokens, outputTokens, estimated } = answer;
    this.#deps.execution.emit({
      type: "model_answered",
      step,
      text: storable(text.slice(0, MAX_EVENT_TEXT_CHARS)),
      toolCalls: calls.length,
      finishReason,
      inputTokens,
      outputTokens,
      estimated,
      durationMs: Math.round(durationMs),
    });
  }

  #callDeps(caller: ModelCaller): CallDeps {
    const { execution, contextOf, policy } = this.#deps;
    return {
      execution,
      contextOf,
      policy,
      tools: new Map(this.#tools.map((tool) => [tool.name, tool])),
      resultLimitBytes: caller.resultLimitBytes(this.#state),
      save: (state) => execution.save(toCheckpoint(state)),
    };
  }

  #stopped(): PlatformError {
    return limitReached(this.#deps.execution.signal) ?? new CommandCancelledError();
  }

  /** What was done stands in the result, whatever ended it: steps, tokens and the last thing that the model said. */
  #failed(error: PlatformError): TaskOutcome {
    const last = this.#state.turns.findLast((turn) => turn.role === "assistant");
    const text = this.#state.partialText || (last?.role === "assistant" ? last.text : "");
    return this.#outcome("failed", text === "" ? null : text, error);
  }

  #outcome(status: "completed" | "failed", result: string | null, error: PlatformError | null): TaskOutcome {
    const { steps, tokensUsed } = this.#state;
    return { status, result, error: error?.toTaskError() ?? null, steps, tokensUsed };
  }
}
