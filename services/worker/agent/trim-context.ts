import type { JsonValue } from "../../../contracts/json.ts";
import { CutText } from "../../sandbox/tools/cut-text.ts";
import type { Answer, CallResult, Turn } from "./conversation.ts";
import { ContextTooSmallError } from "./llm-errors.ts";

/**
 * Bytes of UTF-8 in a token. Providers speak of about 4 characters of English; code and other languages have fewer, so
 * this errs to the safe side. `calibrate` corrects it by what the provider counted.
 */
export const BYTES_PER_TOKEN = 3;
/** What the protocol adds around a message or a call. */
const TOKENS_AROUND = 8;
/** Trimmed further than it must be, so that it need not be done for each answer, and provider's caches stay warm. */
const TARGET_SHARE = 0.7;
/** What is left of a text that is cut to nothing. */
const MIN_CUT_BYTES = 64;
/** Shorter results are not worth condensing. */
const SHORT_RESULT_CHARS = 300;
const SHORT_INPUT_CHARS = 500;
const MIN_FACTOR = 0.5;
const MAX_FACTOR = 3;

export interface TrimReport {
  readonly tokensBefore: number;
  readonly tokensAfter: number;
  readonly condensedResults: number;
  readonly droppedAnswers: number;
}

/** Tokens that a text takes, about. */
export const estimateTokens = (text: string): number => Math.ceil(Buffer.byteLength(text) / BYTES_PER_TOKEN);

export const estimateConversation = (turns: readonly Turn[]): number =>
  turns.reduce((sum, turn) => sum + estimateTurn(turn), 0);

function estimateTurn(turn: Turn): number {
  if (turn.role === "user") return TOKENS_AROUND + estimateTokens(turn.text);
  const calls = turn.calls.map(({ tool, input }) => estimateTokens(tool + JSON.stringify(input)) + TOKENS_AROUND);
  const results = turn.results.map(({ text }) => estimateTokens(text) + TOKENS_AROUND);
  return [TOKENS_AROUND, estimateTokens(turn.text + turn.reasoning), ...calls, ...results].reduce((a, b) => a + b, 0);
}

/** The factor by which estimates are corrected, after the provider counted `counted` where `estimated` was guessed. */
export const calibrate = (counted: number, estimated: number): number =>
  Math.min(MAX_FACTOR, Math.max(MIN_FACTOR, counted / Math.max(1, estimated)));

/**
 * Makes a conversation fit into `limitTokens`. The first turn (the task) and the newest answer stay; of the others,
 * the oldest go first: results' texts, then reasoning and long inputs, then whole answers with their calls and results,
 * which never part. Last, the newest results are cut.
 *
 * @param factor corrects the estimate, from `calibrate`
 * @returns the same turns and no report when they fit as they are.
 * @throws ContextTooSmallError when the task and the newest answer alone are too much.
 */
export function trimContext(
  turns: readonly Turn[],
  limitTokens: number,
  factor: number,
): { readonly turns: Turn[]; readonly report: TrimReport | null } {
  const tokensOf = (some: readonly Turn[]): number => Math.ceil(estimateConversation(some) * factor);
  const tokensBefore = tokensOf(turns);
  if (tokensBefore <= limitTokens) return { turns: [...turns], report: null };

  const target = Math.floor(limitTokens * TARGET_SHARE);
  const trimmed = [...turns];
  // Kept up to date turn by turn: a long conversation is not counted anew for each of its turns.
  let tokens = estimateConversation(turns);
  const newest = trimmed.findLastIndex(({ role }) => role === "assistant");
  let condensedResults = 0;
  for (const condense of [withoutResults, withoutInputs]) {
    for (let at = 0; at < newest && tokens * factor > target; at++) {
      const turn = trimmed[at];
      if (turn?.role !== "assistant") continue;
      const { answer, results } = condense(turn);
      tokens += estimateTurn(answer) - estimateTurn(turn);
      trimmed[at] = answer;
      condensedResults += results;
    }
  }
  const { kept, dropped } = dropOldest(trimmed, tokens - target / factor);
  const cut = cutNewest(kept, tokensOf, limitTokens, factor);
  const tokensAfter = tokensOf(cut);
  if (tokensAfter > limitTokens) throw new ContextTooSmallError(tokensAfter, limitTokens);
  return { turns: cut, report: { tokensBefore, tokensAfter, condensedResults, droppedAnswers: dropped } };
}

function withoutResults(answer: Answer): { answer: Answer; results: number } {
  let count = 0;
  const results = answer.results.map((result): CallResult => {
    if (result.text.length <= SHORT_RESULT_CHARS) return result;
    count++;
    return {
      ...result,
      text: `[${result.text.length} characters left out to make room; call the tool again if needed]`,
    };
  });
  return { answer: { ...answer, results, reasoning: "" }, results: count };
}

function withoutInputs(answer: Answer): { answer: Answer; results: number } {
  const calls = answer.calls.map((call) => ({ ...call, input: withoutLongTexts(call.input) }));
  return { answer: { ...answer, calls }, results: 0 };
}

/** JSON whose long texts are cut. */
function withoutLongTexts(value: JsonValue): JsonValue {
  if (typeof value === "string") {
    if (value.length <= SHORT_INPUT_CHARS) return value;
    return `${value.slice(0, SHORT_INPUT_CHARS / 2).toWellFormed()} [${value.length - SHORT_INPUT_CHARS / 2} characters left out]`;
  }
  if (Array.isArray(value)) return value.map(withoutLongTexts);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withoutLongTexts(item)]));
}

/** Leaves out the oldest answers after the task until `excess` tokens are gone; one note stands for them. */
function dropOldest(turns: readonly Turn[], excess: number): { kept: Turn[]; dropped: number } {
  const newest = turns.findLastIndex(({ role }) => role === "assistant");
  let gone = 0;
  let dropped = 0;
  let before = 0;
  let end = 1;
  for (let at = 1; at < newest && gone < excess; at++) {
    const turn = turns[at];
    if (turn === undefined) break;
    gone += estimateTurn(turn);
    if (turn.role === "user") {
      // What was told goes with the answer after it; a note of before is counted into the new one.
      before += turn.dropped ?? 0;
    } else {
      dropped++;
      end = at + 1;
    }
  }
  if (dropped === 0) return { kept: [...turns], dropped };
  const count = before + dropped;
  const text = `[${count} earlier ${count === 1 ? "answer was" : "answers were"} left out to make room.]`;
  return { kept: [...turns.slice(0, 1), { role: "user", text, dropped: count }, ...turns.slice(end)], dropped };
}

/** Cuts the newest results alike until they fit, where nothing else is left to give. */
function cutNewest(
  turns: readonly Turn[],
  tokensOf: (turns: readonly Turn[]) => number,
  limitTokens: number,
  factor: number,
): Turn[] {
  const at = turns.findLastIndex(({ role }) => role === "assistant");
  const newest = turns[at];
  const excess = tokensOf(turns) - limitTokens;
  if (excess <= 0 || newest?.role !== "assistant") return [...turns];
  const total = newest.results.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
  const room = Math.max(0, total - Math.ceil((excess * BYTES_PER_TOKEN) / factor) - newest.results.length * 200);
  const results = newest.results.map((result) => ({
    ...result,
    text: cutText(result.text, Math.floor((room * Buffer.byteLength(result.text)) / Math.max(1, total))),
  }));
  return turns.map((turn, index) => (index === at ? { ...newest, results } : turn));
}

/** Its beginning and its end, `limitBytes` in all, with a word about what is missing. */
export function cutText(text: string, limitBytes: number): string {
  const cut = new CutText(Math.max(limitBytes, MIN_CUT_BYTES));
  cut.push(text);
  return cut.toString();
}
