import { z } from "zod";
import type { ModelMessage } from "ai";

/** What a model says and is told, as it is kept: plain JSON, independent of any library's own shapes. */

export const ToolCall = z.strictObject({
  /** Unique in the conversation, whatever id the model gave: people approve calls by it. */
  id: z.string(),
  tool: z.string(),
  /** An object; of a malformed call what there was of it. */
  input: z.json(),
  /** Why this is no call at all: bad JSON, no such tool, the wrong fields. */
  malformed: z.string().optional(),
  /** What the provider wants to see again with the call, e.g. a signature. */
  metadata: z.json().optional(),
});
export type ToolCall = z.infer<typeof ToolCall>;

export const CallResult = z.strictObject({
  callId: z.string(),
  tool: z.string(),
  text: z.string(),
  ok: z.boolean(),
});
export type CallResult = z.infer<typeof CallResult>;

const Told = z.strictObject({
  role: z.literal("user"),
  text: z.string(),
  /** It stands for so many answers that were left out. */
  dropped: z.int().min(1).optional(),
});
const Answer = z.strictObject({
  role: z.literal("assistant"),
  text: z.string(),
  reasoning: z.string(),
  calls: z.array(ToolCall),
  /** In the order of the calls; fewer while calls are under way. */
  results: z.array(CallResult),
});
export type Answer = z.infer<typeof Answer>;

export const Turn = z.discriminatedUnion("role", [Told, Answer]);
export type Turn = z.infer<typeof Turn>;

/** The first call of an answer that has no result, and those after it. */
export const openCalls = ({ calls, results }: Answer): ToolCall[] => calls.slice(results.length);

/** As the `ai` package takes it. An answer's calls and results always go together. */
export function toModelMessages(turns: readonly Turn[]): ModelMessage[] {
  return turns.flatMap((turn): ModelMessage[] => {
    if (turn.role === "user") return [{ role: "user", content: turn.text }];
    const { text, reasoning, calls, results } = turn;
    const spoken: ModelMessage = {
      role: "assistant",
      content: [
        // Providers want to see again what led to a call, and refuse to see what led to words.
        ...(reasoning === "" || calls.length === 0 ? [] : [{ type: "reasoning" as const, text: reasoning }]),
        ...(text === "" ? [] : [{ type: "text" as const, text }]),
        ...calls.map(({ id, tool, input, metadata }) => ({
          type: "tool-call" as const,
          toolCallId: id,
          toolName: tool,
          input,
          ...(metadata === undefined ? {} : { providerOptions: metadata as Record<string, never> }), // as it came
        })),
      ],
    };
    if (calls.length === 0) return [spoken];
    const content = results.map(({ callId, tool, text: value, ok }) => ({
      type: "tool-result" as const,
      toolCallId: callId,
      toolName: tool,
      output: { type: ok ? ("text" as const) : ("error-text" as const), value },
    }));
    return [spoken, { role: "tool", content }];
  });
}
