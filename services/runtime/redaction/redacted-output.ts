import type { Redactor, TextStream } from "./redactor.ts";

/** After so long without more, what is held back of the end of a line is shown. */
const QUIET_MS = 150;

type Stream = "stdout" | "stderr";

/** A command's output on its way to those who see it, without secrets, each of its streams by itself. */
export class RedactedOutput {
  readonly #onText: (stream: Stream, text: string) => void | Promise<void>;
  readonly #streams: Readonly<Record<Stream, TextStream>>;
  readonly #timers: Partial<Record<Stream, NodeJS.Timeout>> = {};

  constructor(redactor: Redactor, onText: (stream: Stream, text: string) => void | Promise<void>) {
    this.#onText = onText;
    this.#streams = { stdout: redactor.stream(), stderr: redactor.stream() };
  }

  /** As the consumer that it stands for: answers its promise. */
  push(stream: Stream, text: string): void | Promise<void> {
    clearTimeout(this.#timers[stream]);
    const shown = this.#streams[stream].push(text);
    if (shown.length < text.length) {
      const timer = setTimeout(() => void this.#show(stream, this.#streams[stream].quiet()), QUIET_MS);
      this.#timers[stream] = timer.unref();
    }
    return this.#show(stream, shown);
  }

  /** The command has ended: shows the rest. */
  async end(): Promise<void> {
    for (const stream of ["stdout", "stderr"] as const) {
      clearTimeout(this.#timers[stream]);
      await this.#show(stream, this.#streams[stream].end());
    }
  }

  #show(stream: Stream, text: string): void | Promise<void> {
    return text === "" ? undefined : this.#onText(stream, text);
  }
}
