const SEPARATOR = /\r\n\r\n|\n\n|\r\r/g;
const NOTHING = Buffer.alloc(0);

/** An event of a stream was larger than `maxBytes`. */
export class EventTooLargeError extends Error {}

/** Cuts a stream of server-sent events into whole events, each with the blank line that ends it, byte for byte. */
export class EventSplitter {
  readonly #maxBytes: number;
  #parts: Buffer[] = [];
  #size = 0;
  /** The last bytes so far: a separator may be split between two chunks. */
  #tail = "";

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** @throws EventTooLargeError */
  push(chunk: Buffer): Buffer[] {
    const text = chunk.toString("latin1");
    this.#parts.push(chunk);
    this.#size += chunk.length;
    const seen = this.#tail + text;
    this.#tail = seen.slice(-3);
    if (seen.search(SEPARATOR) < 0) {
      if (this.#size > this.#maxBytes) throw new EventTooLargeError(`an event has more than ${this.#maxBytes} bytes`);
      return [];
    }
    const whole = Buffer.concat(this.#parts);
    const events: Buffer[] = [];
    let from = 0;
    for (const { index, 0: separator } of whole.toString("latin1").matchAll(SEPARATOR)) {
      events.push(whole.subarray(from, index + separator.length));
      from = index + separator.length;
    }
    this.#keep(whole.subarray(from));
    return events;
  }

  /** What came after the last whole event. */
  rest(): Buffer {
    const rest = Buffer.concat(this.#parts);
    this.#keep(NOTHING);
    return rest;
  }

  #keep(rest: Buffer): void {
    this.#parts = rest.length === 0 ? [] : [rest];
    this.#size = rest.length;
    this.#tail = rest.subarray(-3).toString("latin1");
  }
}

/** The data of an event; undefined when it has none, such as a comment that keeps the connection open. */
export function eventData(event: Buffer): string | undefined {
  const lines = event
    .toString("utf8")
    .split(/\r\n|\n|\r/)
    .filter((line) => line.startsWith("data:"))
    .map((line) => line.slice(line.startsWith("data: ") ? 6 : 5));
  return lines.length === 0 ? undefined : lines.join("\n");
}
