import { z } from "zod";
import type { JsonValue } from "../../../contracts/json.ts";
import { StepResult } from "../../../contracts/task.ts";
import { AGENT_CHECKPOINT, isAgentCheckpoint } from "./checkpoint-kind.ts";
import { openCalls, Turn, type Answer, type CallResult } from "./conversation.ts";
import { NO_REPETITION, RepetitionState } from "./repetition.ts";
import { calibrate } from "./trim-context.ts";

/** Of all outputs of steps together so much is kept; of older ones a word remains, their events have them whole. */
const MAX_OUTPUT_CHARS = 1024 ** 2;

/**
 * An agent's whole memory: what it goes on from after a pause or the loss of its worker. It is bounded: the
 * conversation by the model's window (and 3 MiB), the steps' outputs by 1 MiB.
 */
export const AgentState = z.strictObject({
  kind: z.literal(AGENT_CHECKPOINT),
  model: z.string(),
  turns: z.array(Turn),
  /** The task's steps so far, scripted ones included. */
  steps: z.array(StepResult),
  /** Answers that the model has given. */
  answers: z.int().min(0),
  tokensUsed: z.int().min(0),
  /** Corrects the estimate of tokens by what the provider counted. */
  tokenFactor: z.number(),
  repetition: RepetitionState,
  /** Answers in a row that brought nothing: empty ones, cut ones, none but malformed calls. */
  barren: z.int().min(0),
  /** The beginning of a final answer that was cut and is being gone on with. */
  partialText: z.string(),
  /** Told to the model once the calls of its newest answer have their results. */
  note: z.string().nullable(),
  /** Calls that were begun, by id: of those without a result nobody knows whether they happened. */
  begun: z.array(z.string()),
});
export type AgentState = z.infer<typeof AgentState>;

export const firstState = (model: string, task: string, steps: readonly StepResult[]): AgentState => ({
  kind: AGENT_CHECKPOINT,
  model,
  turns: [{ role: "user", text: task }],
  steps: boundOutputs(steps),
  answers: 0,
  tokensUsed: 0,
  tokenFactor: 1,
  repetition: NO_REPETITION,
  barren: 0,
  partialText: "",
  note: null,
  begun: [],
});

/** What was saved of an agent; undefined where the task had not come so far. @throws when it is not readable */
export function readState(checkpoint: JsonValue | null): AgentState | undefined {
  return isAgentCheckpoint(checkpoint) ? AgentState.parse(checkpoint) : undefined;
}

/** Zod's output is JSON by its schema; `unknown` outputs of steps came out of JSON or go into it. */
export const toCheckpoint = (state: AgentState): JsonValue => state as unknown as JsonValue;

/** The newest answer while some of its calls have no result. */
export function unfinishedAnswer(state: AgentState): Answer | undefined {
  const last = state.turns.at(-1);
  return last?.role === "assistant" && openCalls(last).length > 0 ? last : undefined;
}

/** The state with results of the newest answer's next calls, and the steps that they were. */
export function withResults(
  state: AgentState,
  results: readonly CallResult[],
  steps: readonly StepResult[],
): AgentState {
  const last = state.turns.at(-1);
  if (last?.role !== "assistant") throw new TypeError("results without an answer that has calls");
  const answer: Answer = { ...last, results: [...last.results, ...results] };
  const done = new Set(results.map(({ callId }) => callId));
  return {
    ...state,
    turns: [...state.turns.slice(0, -1), answer],
    steps: boundOutputs([...state.steps, ...steps]),
    begun: state.begun.filter((id) => !done.has(id)),
  };
}

/** The state after the provider counted an answer's tokens. */
export function withUsage(
  state: AgentState,
  usage: { readonly inputTokens: number; readonly outputTokens: number; readonly estimated: boolean },
  estimatedInput: number,
): AgentState {
  return {
    ...state,
    answers: state.answers + 1,
    tokensUsed: state.tokensUsed + usage.inputTokens + usage.outputTokens,
    tokenFactor: usage.estimated ? state.tokenFactor : calibrate(usage.inputTokens, estimatedInput),
  };
}

/** Every call gets an id that is its own in this conversation: the model's where that is one, for provider's sake. */
export function withOwnIds(answer: Answer, turns: readonly Turn[]): Answer {
  const taken = new Set(turns.flatMap((turn) => (turn.role === "assistant" ? turn.calls.map(({ id }) => id) : [])));
  const calls = answer.calls.map((call) => {
    const id = USUAL_ID.test(call.id) && !taken.has(call.id) ? call.id : freeId(taken);
    taken.add(id);
    return { ...call, id };
  });
  return { ...answer, calls };
}

const USUAL_ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

/** Nine letters and digits: the form that the strictest of the providers wants. */
function freeId(taken: ReadonlySet<string>): string {
  for (;;) {
    const id = crypto.randomUUID().replaceAll("-", "").slice(0, 9);
    if (!taken.has(id)) return id;
  }
}

function boundOutputs(steps: readonly StepResult[]): StepResult[] {
  let room = MAX_OUTPUT_CHARS;
  return steps
    .toReversed()
    .map((step) => {
      const chars = JSON.stringify(step.output ?? null).length;
      room -= chars;
      return room >= 0 || chars < 200 ? step : { ...step, output: `[${chars} characters: see the step's event]` };
    })
    .reverse();
}
