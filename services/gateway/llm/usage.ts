import { z } from "zod";
import type { LlmTokens } from "../../../contracts/llm.ts";
import { tokensOfText } from "./estimate.ts";

const count = z.int().min(0).max(1_000_000_000);
const Usage = z.looseObject({
  prompt_tokens: count,
  completion_tokens: count.nullish(),
  total_tokens: count.nullish(),
});

/** What a provider says that it used; undefined where it says nothing that can be read. */
export function readUsage(value: unknown): LlmTokens | undefined {
  const parsed = Usage.safeParse(value);
  if (!parsed.success) return undefined;
  const { prompt_tokens: prompt, completion_tokens, total_tokens } = parsed.data;
  const completion = completion_tokens ?? Math.max(0, (total_tokens ?? prompt) - prompt);
  return { prompt, completion };
}

/** Text of an answer, or of a piece of one, that counts as tokens: content, reasoning, calls of tools. */
const Message = z.looseObject({
  content: z.string().nullish(),
  refusal: z.string().nullish(),
  reasoning: z.string().nullish(),
  reasoning_content: z.string().nullish(),
  tool_calls: z
    .array(
      z.looseObject({
        function: z.looseObject({ name: z.string().nullish(), arguments: z.string().nullish() }).nullish(),
      }),
    )
    .nullish(),
});
const Choice = z.looseObject({
  delta: Message.nullish(),
  message: Message.nullish(),
  finish_reason: z.string().nullish(),
});
const Completion = z.looseObject({
  choices: z.array(Choice),
  usage: z.unknown().optional(),
  error: z.unknown().optional(),
});
export type Completion = z.infer<typeof Completion>;

/** A completion or a chunk of one; undefined for whatever else. */
export function readCompletion(text: string): Completion | undefined {
  try {
    return Completion.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** Whether a provider says with status 200 that it failed, instead of an answer or in the middle of one. */
export function isError(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && "error" in value && value.error != null;
  } catch {
    return false;
  }
}

/** Tokens that the text of a completion, or of a chunk, has by estimate. */
export function tokensOfCompletion({ choices }: Completion): number {
  let text = "";
  for (const { delta, message } of choices) {
    const said = delta ?? message;
    if (said == null) continue;
    text += `${said.content ?? ""}${said.refusal ?? ""}${said.reasoning_content ?? said.reasoning ?? ""}`;
    for (const call of said.tool_calls ?? []) text += `${call.function?.name ?? ""}${call.function?.arguments ?? ""}`;
  }
  return tokensOfText(text);
}
