import type { ApprovalAnswer, ApprovalQuestion } from "../../../contracts/approval.ts";
import type { PlatformError } from "../../../contracts/errors.ts";
import type { StepResult } from "../../../contracts/task.ts";
import type { OfferedTool, ToolPolicy } from "../../../contracts/tools.ts";
import type { TaskExecution } from "../../runner/task-runner.ts";
import { runTool } from "../../sandbox/tools/registry.ts";
import { summariseCall, type ToolCall as CheckedCall } from "../../sandbox/tools/summarise-call.ts";
import type { ToolContext, ToolResult } from "../../sandbox/tools/tool.ts";
import { limitReached } from "../quota-guard.ts";
import { unfinishedAnswer, withResults, type AgentState } from "./agent-state.ts";
import { openCalls, type CallResult, type ToolCall } from "./conversation.ts";
import { renderResult } from "./render-result.ts";
import { CallDeniedByPersonError, CallInterruptedError, MalformedCallError } from "./tool-call-errors.ts";

export interface CallDeps {
  readonly execution: Pick<TaskExecution, "signal" | "emit" | "approvals">;
  /** Where a call works; `index` counts the task's steps. */
  readonly contextOf: (call: {
    readonly index: number;
    readonly callId: string;
    readonly approved: boolean;
  }) => ToolContext;
  readonly policy: ToolPolicy;
  /** Tools that the model was offered, by name. */
  readonly tools: ReadonlyMap<string, OfferedTool>;
  /** Of all results of one answer together. */
  readonly resultLimitBytes: number;
  readonly save: (state: AgentState) => Promise<void>;
}

/** Calls that change nothing run at once, so many at most. */
const CONCURRENT_CALLS = 4;
const MAX_SUMMARY_CHARS = 200;

export type CallsEnd =
  | { readonly kind: "done"; readonly state: AgentState }
  | { readonly kind: "stopped"; readonly state: AgentState }
  | { readonly kind: "paused"; readonly state: AgentState; readonly question: ApprovalQuestion };

/**
 * How a call is named where people approve it. It has the answer's number, since a model may give an id again after the
 * first call of that id has long been trimmed away, and an approval is of one call alone.
 */
const approvalId = ({ answers }: AgentState, { id }: ToolCall): string => `call-${answers}-${id}`;

/**
 * Runs the calls of the newest answer that have no result: those that change nothing side by side, all others one by one
 * in their order. What is begun is saved before, what is done after: of a call that is neither the model is told, when
 * another worker goes on, that it may or may not have happened; one that changes nothing is then simply made again.
 */
export async function runCalls(deps: CallDeps, from: AgentState): Promise<CallsEnd> {
  let state = from;
  for (let answer = unfinishedAnswer(state); answer !== undefined; answer = unfinishedAnswer(state)) {
    if (isStopped(deps)) return { kind: "stopped", state };
    const group = nextGroup(deps, openCalls(answer));
    const [first] = group;
    if (first === undefined) break;
    const question = openQuestion(deps, state, first);
    if (question !== undefined) return { kind: "paused", state, question };

    const interrupted = new Set(state.begun);
    state = { ...state, begun: group.map(({ id }) => id) };
    await deps.save(state);
    const limitBytes = Math.floor(deps.resultLimitBytes / answer.calls.length);
    const index = state.steps.length;
    const done = await Promise.all(
      group.map((call, offset) =>
        runCall(deps, call, {
          index: index + offset,
          callId: approvalId(from, call),
          limitBytes,
          wasBegun: interrupted.has(call.id),
        }),
      ),
    );
    // A call that was stopped half way has no result: the next worker finds it begun.
    if (isStopped(deps)) {
      return {
        kind: "stopped",
        state: withSteps(
          state,
          done.map(({ step }) => step),
        ),
      };
    }
    state = withResults(
      state,
      done.map(({ result }) => result),
      done.map(({ step }) => step),
    );
  }
  await deps.save(state);
  return { kind: "done", state };
}

/** A function, since the answer changes while calls run. */
const isStopped = ({ execution }: CallDeps): boolean => execution.signal.aborted;

const withSteps = (state: AgentState, steps: readonly StepResult[]): AgentState => ({
  ...state,
  steps: [...state.steps, ...steps],
});

/** The calls that can be made next: several only where none of them changes anything or asks anybody. */
function nextGroup(deps: CallDeps, open: readonly ToolCall[]): ToolCall[] {
  const isHarmless = (call: ToolCall): boolean => {
    const tool = deps.tools.get(call.tool);
    return call.malformed === undefined && tool?.level === "safe" && tool.decision === "allow";
  };
  const other = open.findIndex((call) => !isHarmless(call));
  const harmless = other === -1 ? open : open.slice(0, other);
  return harmless.length > 0 ? harmless.slice(0, CONCURRENT_CALLS) : open.slice(0, 1);
}

/** What a person must say before the call is made. */
function openQuestion({ tools, execution }: CallDeps, state: AgentState, call: ToolCall): ApprovalQuestion | undefined {
  const tool = tools.get(call.tool);
  if (call.malformed !== undefined || tool?.decision !== "ask") return undefined;
  const callId = approvalId(state, call);
  if (execution.approvals.has(callId)) return undefined;
  return { callId, tool: call.tool, level: tool.level, input: call.input, summary: summarise(call) };
}

interface CallPlace {
  readonly index: number;
  readonly callId: string;
  readonly limitBytes: number;
  readonly wasBegun: boolean;
}

async function runCall(deps: CallDeps, call: ToolCall, { index, callId, limitBytes, wasBegun }: CallPlace) {
  const { execution } = deps;
  const startedAt = performance.now();
  const summary = summarise(call);
  execution.emit({ type: "step_started", index, tool: call.tool, summary });
  const approval = execution.approvals.get(callId);
  const context = deps.contextOf({ index, callId, approved: approval?.decision === "approved" });
  context.log(`\n==> ${call.tool}: ${summary}\n`);
  const refusal = refuse(deps, call, approval, wasBegun);
  const answer = refusal === undefined ? await runTool(call.tool, call.input, context, deps.policy) : failed(refusal);
  const error = limitReached(execution.signal) ?? answer.error;
  const step: StepResult = {
    index,
    tool: call.tool,
    ok: error === null,
    exitCode: answer.exitCode ?? null,
    output: answer.output,
    error: error?.toTaskError() ?? null,
    durationMs: Math.round(performance.now() - startedAt),
  };
  execution.emit({ type: "step_finished", step });
  const text = renderResult(call.tool, answer, limitBytes);
  const result: CallResult = { callId: call.id, tool: call.tool, text, ok: answer.ok };
  return { step, result };
}

/** Why a call is not made at all. */
function refuse(
  { tools }: CallDeps,
  call: ToolCall,
  approval: ApprovalAnswer | undefined,
  wasBegun: boolean,
): PlatformError | undefined {
  if (call.malformed !== undefined) return new MalformedCallError(call.malformed);
  const tool = tools.get(call.tool);
  // It had the tool when it called; the workspace's policy has changed since.
  if (tool === undefined) return new MalformedCallError(`there is no tool ${call.tool} any more`);
  if (approval?.decision === "denied") return new CallDeniedByPersonError(approval.comment);
  return wasBegun && tool.level !== "safe" ? new CallInterruptedError() : undefined;
}

const failed = (error: PlatformError): ToolResult => ({ ok: false, output: null, error });

/** A call in a line for people. A well-formed one has been checked against its tool's schema. */
const summarise = (call: ToolCall): string =>
  call.malformed === undefined
    ? summariseCall({ tool: call.tool, input: call.input } as CheckedCall)
    : `malformed: ${call.malformed.replaceAll(/\s+/g, " ")}`.slice(0, MAX_SUMMARY_CHARS);
