import type { PlatformError } from "../../../contracts/errors.ts";
import type { AgentState } from "./agent-state.ts";
import type { Answer } from "./conversation.ts";
import { AgentStuckError, ContentFilteredError } from "./llm-errors.ts";
import { watchRepetition } from "./repetition.ts";

/** Calls of one answer that are made. */
const MAX_CALLS = 64;
/** Answers in a row that bring nothing before the task is given up. */
const MAX_BARREN = 5;

export type AnswerVerdict =
  | { readonly kind: "goes_on"; readonly state: AgentState }
  | { readonly kind: "completed"; readonly state: AgentState; readonly text: string }
  | { readonly kind: "failed"; readonly state: AgentState; readonly error: PlatformError };

/**
 * What an answer means for the task: with calls it goes on, without any it is done, unless the answer is empty or was
 * cut; a model that goes round in circles is told once and then stopped.
 */
export function judgeAnswer(before: AgentState, answer: Answer, finishReason: string): AnswerVerdict {
  const state: AgentState = { ...before, turns: [...before.turns, answer] };
  if (finishReason === "content-filter") {
    // Calls of an answer that was withheld are not made.
    return {
      kind: "failed",
      state: { ...state, turns: [...before.turns, { ...answer, calls: [] }] },
      error: new ContentFilteredError(),
    };
  }
  if (answer.calls.length > 0) return judgeCalls(state, answer, finishReason);
  if (finishReason === "length") {
    const partialText = before.partialText + answer.text;
    const note =
      "Your answer was cut because it reached the most that you can say at once. Go on exactly where it ended.";
    return barren({ ...state, partialText, note }, "gave an answer that was cut at its limit");
  }
  const text = before.partialText + answer.text;
  if (text.trim() === "") {
    // An empty answer says nothing to the model either, and some providers refuse to see one.
    const note = "Your answer was empty. Go on with the task by calling tools, or end it with an answer in text.";
    return barren({ ...state, turns: before.turns, note }, "gave an empty answer");
  }
  return { kind: "completed", state, text };
}

function judgeCalls(given: AgentState, answer: Answer, finishReason: string): AnswerVerdict {
  const cut =
    finishReason === "length" ? " (the answer was cut because it reached the most that you can say at once)" : "";
  const calls = answer.calls
    .slice(0, MAX_CALLS)
    .map((call) => (call.malformed === undefined ? call : { ...call, malformed: call.malformed + cut }));
  const turns = [...given.turns.slice(0, -1), { ...answer, calls }];
  const { state: repetition, verdict, times } = watchRepetition(given.repetition, calls);
  const state: AgentState = { ...given, turns, repetition, partialText: "" };
  const names = [...new Set(calls.map(({ tool }) => tool))].join(", ");
  if (verdict === "stop")
    return { kind: "failed", state, error: new AgentStuckError(`made the same calls (${names})`, times) };
  if (calls.every(({ malformed }) => malformed !== undefined)) return barren(state, "made none but malformed calls");
  const notes = [
    ...(answer.calls.length > MAX_CALLS
      ? [`Only the first ${MAX_CALLS} of your ${answer.calls.length} calls were made: so many can be in one answer.`]
      : []),
    ...(verdict === "tell"
      ? [
          `You have made the same calls (${names}) with the same input ${times} times in a row. It does not help. Do ` +
            "something else, or end with an answer that says what is missing; otherwise the task is stopped.",
        ]
      : []),
  ];
  const note = notes.length === 0 ? null : notes.join("\n");
  return { kind: "goes_on", state: { ...state, note, barren: 0 } };
}

function barren(given: AgentState, what: string): AnswerVerdict {
  const state = { ...given, barren: given.barren + 1 };
  if (state.barren < MAX_BARREN) return { kind: "goes_on", state };
  return { kind: "failed", state, error: new AgentStuckError(what, state.barren) };
}
