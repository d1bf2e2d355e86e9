import type { ApprovalQuestion } from "../../../contracts/approval.ts";
import type { JsonValue } from "../../../contracts/json.ts";
import { CheckpointTooLargeError } from "./errors.ts";

/** More than any command line has: what is cut is the contents of files. */
const MAX_INPUT_CHARS = 262_144;
/** What a checkpoint may hold, as JSON. */
const MAX_CHECKPOINT_CHARS = 67_108_864;

/** The question as it is kept: its input cut to a size that can be listed, with a word where something is missing. */
export function boundQuestion(question: ApprovalQuestion): ApprovalQuestion {
  return { ...question, input: boundTexts(question.input, { chars: MAX_INPUT_CHARS }) };
}

function boundTexts(value: unknown, left: { chars: number }): unknown {
  if (typeof value === "string") {
    const kept = value.slice(0, left.chars);
    left.chars -= kept.length;
    return kept.length === value.length ? value : `${kept}… (${value.length - kept.length} characters more)`;
  }
  if (Array.isArray(value)) return value.map((item) => boundTexts(item, left));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, boundTexts(item, left)]));
}

/** @throws CheckpointTooLargeError */
export function checkCheckpoint(taskId: string, checkpoint: JsonValue): void {
  const chars = JSON.stringify(checkpoint).length;
  if (chars > MAX_CHECKPOINT_CHARS) throw new CheckpointTooLargeError(taskId, chars, MAX_CHECKPOINT_CHARS);
}
