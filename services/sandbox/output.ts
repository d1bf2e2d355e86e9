import { StringDecoder } from "node:string_decoder";
import type { Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { SandboxCommand } from "./sandbox.ts";

/** What takes text; a promise that it answers is waited for before more is read. */
type TextConsumer = (text: string) => void | Promise<void>;

/**
 * Hands on a stream's text as it comes, whole characters only, keeping nothing: the pipe holds the command back while
 * the consumer works. Resolves when the stream has ended.
 */
export function forwardText(stream: Readable, onText: TextConsumer): Promise<void> {
  const decoder = new StringDecoder("utf8");
  return new Promise((resolve) => {
    stream.on("data", (chunk: Buffer) => {
      const text = decoder.write(chunk);
      const taken = text === "" ? undefined : onText(text);
      if (!(taken instanceof Promise)) return;
      stream.pause();
      const goOn = () => void stream.resume();
      taken.then(goOn, goOn);
    });
    stream.on("error", () => undefined); // "close" follows
    stream.once("close", () => {
      const rest = decoder.end();
      if (rest !== "") void onText(rest);
      resolve();
    });
  });
}

/** Hands on a command's standard output, as text or as bytes. Resolves when it has ended, or nobody takes any more. */
export async function forwardOutput(
  stream: Readable,
  command: Pick<SandboxCommand, "onOutput" | "stdout">,
): Promise<void> {
  if (command.stdout === undefined) return forwardText(stream, (text) => command.onOutput("stdout", text));
  await pipeline(stream, command.stdout, { end: false }).catch(() => undefined); // who takes it knows that it broke
}

/** Gives a command its input. */
export function giveInput(stdin: Writable, input: string | Readable | undefined): void {
  stdin.on("error", () => undefined); // closed early: the exit says why
  if (input === undefined || typeof input === "string") stdin.end(input ?? "");
  else pipeline(input, stdin).catch(() => undefined); // who gave it knows that it broke
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
  readonly #onText: TextConsumer;

  constructor(onText: TextConsumer) {
    this.#onText = onText;
  }

  push(text: string): void | Promise<void> {
    if (this.#held === undefined) return this.#onText(text);
    this.#held.push(text);
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const text of held) void this.#onText(text);
  }

  /** What was held back, when it is never released. */
  get text(): string {
    return (this.#held ?? []).join("").slice(0, 4_096).trim();
  }
}
