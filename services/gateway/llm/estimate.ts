/**
 * Estimates of tokens, for budgets before a call and for answers whose provider counted nothing. One token per four
 * bytes of UTF-8: about right for English and for code; text in other scripts has up to twice as many tokens.
 */
const BYTES_PER_TOKEN = 4;
/** Role, separators. */
const TOKENS_PER_MESSAGE = 4;
/** An image, a file or a sound: its bytes say nothing. OpenAI's larger images have 1,105 to 1,445 tokens. */
const TOKENS_PER_ATTACHMENT = 1_500;

export const tokensOfText = (text: string): number => Math.ceil(Buffer.byteLength(text) / BYTES_PER_TOKEN);

/** Tokens of a prompt, definitions of tools included. `json` is all of the request that the model reads. */
export function tokensOfPrompt(json: string, messages: readonly Readonly<Record<string, unknown>>[]): number {
  let bytes = Buffer.byteLength(json);
  let tokens = messages.length * TOKENS_PER_MESSAGE;
  for (const { content } of messages) {
    if (!Array.isArray(content)) continue;
    for (const part of content as readonly unknown[]) {
      if (!isAttachment(part)) continue;
      bytes -= Buffer.byteLength(JSON.stringify(part));
      tokens += TOKENS_PER_ATTACHMENT;
    }
  }
  return tokens + Math.ceil(Math.max(0, bytes) / BYTES_PER_TOKEN);
}

const isAttachment = (part: unknown): boolean =>
  typeof part === "object" && part !== null && "type" in part && part.type !== "text" && part.type !== "refusal";
