/**
 * Keeps the beginning and the end of a text that may be endless, `limitBytes` of UTF-8 in all, with a marker between
 * them: commands say what they do first, and what went wrong last.
 */
export class CutText {
  readonly #halfBytes: number;
  readonly #limitBytes: number;
  #head = "";
  #headBytes = 0;
  #tail: string[] = [];
  #tailBytes = 0;
  #totalBytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
    this.#halfBytes = Math.floor(limitBytes / 2);
  }

  push(text: string): void {
    this.#totalBytes += Buffer.byteLength(text);
    const room = this.#halfBytes - this.#headBytes;
    const first = room > 0 && this.#tail.length === 0 ? firstBytes(text, room) : "";
    this.#head += first;
    this.#headBytes += Buffer.byteLength(first);
    const rest = text.slice(first.length);
    if (rest === "") return;
    this.#tail.push(rest);
    this.#tailBytes += Buffer.byteLength(rest);
    while (this.#tailBytes - Buffer.byteLength(this.#tail[0] ?? "") >= this.#halfBytes) {
      this.#tailBytes -= Buffer.byteLength(this.#tail.shift() ?? "");
    }
  }

  get totalBytes(): number {
    return this.#totalBytes;
  }

  get isCut(): boolean {
    return this.#totalBytes > this.#limitBytes;
  }

  toString(): string {
    const tail = this.#tail.join("");
    if (!this.isCut) return this.#head + tail;
    const kept = lastBytes(tail, this.#halfBytes);
    const left = this.#totalBytes - this.#headBytes - Buffer.byteLength(kept);
    return `${this.#head}\n[${left} bytes cut here; write long output to a file below artifacts/]\n${kept}`;
  }
}

/** The longest beginning of a text that fits, whole characters only. */
export function firstBytes(text: string, bytes: number): string {
  if (Buffer.byteLength(text) <= bytes) return text;
  const data = Buffer.from(text);
  let end = bytes;
  while (end > 0 && isContinuation(data[end])) end--;
  return data.toString("utf8", 0, end);
}

function lastBytes(text: string, bytes: number): string {
  const data = Buffer.from(text);
  let start = Math.max(0, data.length - bytes);
  while (start < data.length && isContinuation(data[start])) start++;
  return data.toString("utf8", start);
}

const isContinuation = (byte: number | undefined) => byte !== undefined && (byte & 0xc0) === 0x80;
