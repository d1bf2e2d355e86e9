import { startOfVisible } from "./control-sequences.ts";
import { Matcher, type Place } from "./matcher.ts";
import { formsOf } from "./secret-forms.ts";

export const REDACTED = "[redacted]";

/** Takes secrets out of text. One that comes in pieces is found as well; text without any passes as it is. */
export interface TextStream {
  /** What of the text so far may be shown; the rest is held back, as it may be the beginning of a secret. */
  push(text: string): string;
  /**
   * What can be shown although it may be the beginning of a secret, when nothing has followed for a while: at most three
   * characters of one. The rest is held back however long it takes.
   */
  quiet(): string;
  /** What was held back. The stream begins anew. */
  end(): string;
}

/**
 * Knows secrets, and the forms in which programs print them (secret-forms.ts). What it cannot know: other encodings,
 * ciphers, compression, a secret printed in parts with something in between. It keeps accidents out of logs; it does not
 * hold back a program that wants to tell.
 *
 * More is not let through after a while: of a secret that is printed in two halves with a pause, both would be.
 */
export class Redactor {
  readonly #matcher: Matcher | undefined;

  /** Secrets of fewer than MIN_SECRET_CHARS characters are not looked for. */
  constructor(secrets: Iterable<string>) {
    const forms = new Set<string>();
    for (const secret of secrets) for (const form of formsOf(secret)) forms.add(form);
    this.#matcher = forms.size === 0 ? undefined : new Matcher(forms);
  }

  /** A text that comes in pieces. */
  stream(): TextStream {
    return this.#matcher === undefined ? PASS : new RedactingStream(this.#matcher);
  }

  /** A text that is complete. */
  text(text: string): string {
    if (this.#matcher === undefined || text === "") return text;
    const stream = new RedactingStream(this.#matcher);
    const shown = stream.push(text);
    return shown + stream.end();
  }

  /** Every text within a JSON value, names included. The same object when nothing had to be taken out. */
  value<Value>(value: Value): Value {
    return this.#matcher === undefined ? value : (this.#value(value) as Value);
  }

  #value(value: unknown): unknown {
    if (typeof value === "string") return this.text(value);
    if (Array.isArray(value))
      return sameIfEqual(
        value,
        value.map((item) => this.#value(item)),
      );
    if (typeof value !== "object" || value === null) return value;
    const entries = Object.entries(value);
    const clean = entries.map(([key, item]): [string, unknown] => [this.text(key), this.#value(item)]);
    return clean.every(([key, item], index) => key === entries[index]?.[0] && item === entries[index][1])
      ? value
      : Object.fromEntries(clean);
  }
}

const sameIfEqual = (before: readonly unknown[], after: readonly unknown[]): readonly unknown[] =>
  after.every((item, index) => item === before[index]) ? before : after;

const PASS: TextStream = { push: (text) => text, quiet: () => "", end: () => "" };
/** The last character of a line is the beginning of something often enough, and a person waits for the line. */
const MAX_QUIET_CHARS = 3;

/** A part of the held text that belongs to a secret. */
interface Found {
  start: number;
  readonly end: number;
  /** Its place has been marked already. */
  marked: boolean;
}

class RedactingStream implements TextStream {
  readonly #matcher: Matcher;
  readonly #place: Place = { node: 0, breaks: 0, sequences: 0, sequence: 0 };
  /** Not shown yet: what may be the beginning of a secret, at most some hundred characters. */
  #held = "";
  /** Within `#held`, in order, apart from each other. */
  #found: Found[] = [];

  constructor(matcher: Matcher) {
    this.#matcher = matcher;
  }

  push(piece: string): string {
    const text = this.#held + piece;
    for (let at = this.#next(text, this.#held.length); at !== undefined; at = this.#next(text, at)) {
      this.#add(startOfVisible(text, at, this.#matcher.found(this.#place)), at);
    }
    // No secret that is still to be found begins before.
    return this.#show(text, startOfVisible(text, text.length, this.#matcher.depth(this.#place)));
  }

  quiet(): string {
    if (this.#matcher.depth(this.#place) > MAX_QUIET_CHARS) return "";
    return this.#show(this.#held, this.#held.length);
  }

  end(): string {
    const rest = this.#show(this.#held, this.#held.length);
    this.#held = "";
    this.#found = [];
    Object.assign(this.#place, { node: 0, breaks: 0, sequences: 0, sequence: 0 });
    return rest;
  }

  #next(text: string, from: number): number | undefined {
    return this.#matcher.next(text, from, this.#place);
  }

  /** One that touches others makes one with them. */
  #add(start: number, end: number): void {
    const found: Found = { start, end, marked: false };
    for (let last = this.#found.at(-1); last !== undefined && last.end >= start; last = this.#found.at(-1)) {
      found.start = Math.min(found.start, last.start);
      found.marked ||= last.marked;
      this.#found.pop();
    }
    this.#found.push(found);
  }

  /** What is before `end`, marked where secrets were; keeps the rest. */
  #show(text: string, end: number): string {
    let shown = "";
    let from = 0;
    const rest: Found[] = [];
    for (const found of this.#found) {
      if (found.start < end || found.marked) {
        shown += text.slice(from, found.start) + (found.marked ? "" : REDACTED);
        from = Math.min(found.end, end);
        found.marked = true;
      }
      // Also one that ends right there: what follows may touch it.
      if (found.end >= end) rest.push({ ...found, start: Math.max(found.start, end) - end, end: found.end - end });
    }
    shown += text.slice(from, end);
    this.#held = text.slice(end);
    this.#found = rest;
    return shown;
  }
}
