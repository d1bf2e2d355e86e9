/**
 * Passes a stream of text on up to a number of bytes (of its UTF-8), then one marker, then nothing: what a tool answers
 * stays bounded however much a command prints.
 */
export class OutputCutter {
  readonly #maxBytes: number;
  readonly #forward: (text: string) => void;
  #kept = "";
  #totalBytes = 0;

  constructor(maxBytes: number, forward: (text: string) => void) {
    this.#maxBytes = maxBytes;
    this.#forward = forward;
  }

  write(text: string): void {
    if (this.truncated) {
      this.#totalBytes += Buffer.byteLength(text);
      return;
    }
    const room = this.#maxBytes - this.#totalBytes;
    this.#totalBytes += Buffer.byteLength(text);
    const part = this.#totalBytes <= this.#maxBytes ? text : cutToBytes(text, room);
    const passed =
      part.length < text.length ? `${part}\n[cut at ${this.#maxBytes} bytes; the task's log has all of it]\n` : part;
    this.#kept += passed;
    if (passed !== "") this.#forward(passed);
  }

  /** What was passed on, the marker included. */
  get text(): string {
    return this.#kept;
  }
  get totalBytes(): number {
    return this.#totalBytes;
  }
  get truncated(): boolean {
    return this.#totalBytes > this.#maxBytes;
  }
}

/** The longest beginning of whole characters that takes at most `maxBytes`. */
function cutToBytes(text: string, maxBytes: number): string {
  let end = Math.min(text.length, maxBytes);
  let part = text.slice(0, end);
  while (Buffer.byteLength(part) > maxBytes) {
    end -= Math.max(1, Math.floor((Buffer.byteLength(part) - maxBytes) / 3));
    part = text.slice(0, end);
  }
  const last = part.charCodeAt(part.length - 1);
  return last >= 0xd800 && last <= 0xdbff ? part.slice(0, -1) : part;
}
