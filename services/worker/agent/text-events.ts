import type { TaskEventBody } from "../../../contracts/task-event.ts";

type Kind = "text" | "reasoning";

/** A piece is sent when it has so much, or when the oldest of it has waited so long. */
const PIECE_CHARS = 1_000;
const PIECE_MS = 250;
/** Of one answer so much is sent as it comes; `model_answered` has its beginning, the result all of it. */
const MAX_ANSWER_CHARS = 65_536;

/** Sends an answer's text as events while it comes: some a second, not one a token. */
export class TextEvents {
  readonly #step: number;
  readonly #emit: (body: TaskEventBody) => void;
  #kind: Kind = "text";
  #waiting = "";
  #sentChars = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(step: number, emit: (body: TaskEventBody) => void) {
    this.#step = step;
    this.#emit = emit;
  }

  push(kind: Kind, text: string): void {
    if (kind !== this.#kind) this.flush();
    this.#kind = kind;
    this.#waiting += text;
    if (this.#waiting.length >= PIECE_CHARS) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), PIECE_MS);
  }

  /** Sends what waits. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const room = MAX_ANSWER_CHARS - this.#sentChars;
    const text = this.#waiting;
    this.#waiting = "";
    if (text === "" || room <= 0) return;
    this.#sentChars += text.length;
    const piece = text.length < room ? text : `${text.slice(0, room).toWellFormed()}\n[the rest is in the answer]`;
    this.#emit({ type: "model_text", step: this.#step, kind: this.#kind, text: piece });
  }
}
