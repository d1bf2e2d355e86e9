import { createHash } from "node:crypto";
import { z } from "zod";
import type { ToolCall } from "./conversation.ts";
import { sortedJson } from "../../runtime/sorted-json.ts";

/** Told after so many times in a row, stopped after so many. */
const TOLD_AT = 3;
const STOPPED_AT = 6;
/** Two or three answers in turns, over and over, are a loop as well. */
const LONGEST_CYCLE = 3;
const KEPT = STOPPED_AT * LONGEST_CYCLE;

export const RepetitionState = z.strictObject({
  /** Signatures of the newest answers that had calls, the newest last. */
  history: z.array(z.string()).max(KEPT),
  told: z.boolean(),
});
export type RepetitionState = z.infer<typeof RepetitionState>;

export const NO_REPETITION: RepetitionState = { history: [], told: false };

export interface RepetitionVerdict {
  readonly state: RepetitionState;
  readonly verdict: "fine" | "tell" | "stop";
  readonly times: number;
}

/**
 * Judges whether a model goes round in circles: the same calls with the same input, or the same cycle of two or three
 * answers, is told once when it came 3 times in a row and stopped when it came 6 times.
 */
export function watchRepetition(
  state: RepetitionState,
  calls: readonly Pick<ToolCall, "tool" | "input">[],
): RepetitionVerdict {
  const history = [...state.history, signature(calls)].slice(-KEPT);
  const times = Math.max(...Array.from({ length: LONGEST_CYCLE }, (_, index) => repeats(history, index + 1)));
  const told = times >= TOLD_AT;
  const verdict = times >= STOPPED_AT ? "stop" : told && !state.told ? "tell" : "fine";
  return { state: { history, told }, verdict, times };
}

/** What the calls of one answer are, whatever order a model puts an input's fields in. */
function signature(calls: readonly Pick<ToolCall, "tool" | "input">[]): string {
  const text = JSON.stringify(calls.map(({ tool, input }) => [tool, sortedJson(input)]));
  return createHash("sha256").update(text).digest("base64url");
}

/** How often the last `length` entries stand at the end, one after the other. */
function repeats(history: readonly string[], length: number): number {
  let times = 1;
  for (let at = history.length - 1; at - length >= 0 && history[at] === history[at - length]; at--) {
    if ((history.length - at) % length === 0) times++;
  }
  return times;
}
