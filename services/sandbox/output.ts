import { StringDecoder } from "node:string_decoder";
import type { Readable } from "node:stream";

/**
 * Hands on a stream's text as it comes, whole characters only, keeping nothing: the pipe holds the command back while
 * the consumer works. Resolves when the stream has ended.
 */
export function forwardText(stream: Readable, onText: (text: string) => void): Promise<void> {
  const decoder = new StringDecoder("utf8");
  return new Promise((resolve) => {
    stream.on("data", (chunk: Buffer) => {
      const text = decoder.write(chunk);
      if (text !== "") onText(text);
    });
    stream.on("error", () => undefined); // "close" follows
    stream.once("close", () => {
      const rest = decoder.end();
      if (rest !== "") onText(rest);
      resolve();
    });
  });
}

/** Reads a short text to its end; more than `maxChars` is dropped. */
export function collectText(stream: Readable, onText?: (text: string) => void, maxChars = 16_384): Promise<string> {
  let all = "";
  return forwardText(stream, (text) => {
    if (all.length < maxChars) all += text;
    onText?.(all);
  }).then(() => all);
}

/** Holds text back until it is known whether it is the command's own, or the sandbox's complaint about itself. */
export class HeldText {
  #held: string[] | undefined = [];
  readonly #onText: (text: string) => void;

  constructor(onText: (text: string) => void) {
    this.#onText = onText;
  }

  push(text: string): void {
    if (this.#held === undefined) this.#onText(text);
    else this.#held.push(text);
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const text of held) this.#onText(text);
  }

  /** What was held back, when it is never released. */
  get text(): string {
    return (this.#held ?? []).join("").slice(0, 4_096).trim();
  }
}
