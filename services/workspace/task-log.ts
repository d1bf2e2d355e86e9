import type { FileHandle } from "node:fs/promises";
import type { WriteStream } from "node:fs";

/** A task that writes more than this has written no log that anybody reads. */
const DEFAULT_MAX_BYTES = 64 * 1024 ** 2;
/** What may wait in memory for a slow disk. */
const MAX_PENDING_BYTES = 4 * 1024 ** 2;

/** The text of a task's output in one file, which lives as long as the task's folder. Writing never waits and never fails: a log must stop no task. */
export class TaskLog {
  readonly #stream: WriteStream;
  readonly #maxBytes: number;
  #writtenBytes = 0;
  #cut = false;
  readonly #ended = Promise.withResolvers<undefined>();

  /**
   * @param handle The open file; the log closes it.
   * @param onError Told once when the file cannot be written: what comes after is lost.
   */
  constructor(handle: FileHandle, options: { readonly onError: (error: Error) => void; readonly maxBytes?: number }) {
    this.#maxBytes = options.maxBytes ?? DEFAULT_MAX_BYTES;
    this.#stream = handle.createWriteStream({ encoding: "utf8" });
    this.#stream.on("error", options.onError);
    this.#stream.on("close", () => this.#ended.resolve(undefined));
  }

  /** Appends text. What is over the limit, or comes faster than the disk takes it, is replaced by one marker. */
  write(text: string): void {
    if (this.#cut || this.#stream.destroyed || this.#stream.writableEnded) return;
    this.#writtenBytes += Buffer.byteLength(text);
    if (this.#writtenBytes > this.#maxBytes || this.#stream.writableLength > MAX_PENDING_BYTES) {
      this.#cut = true;
      this.#stream.write(`\n[the log was cut here]\n`);
    } else {
      this.#stream.write(text);
    }
  }

  /** Resolves when all is written and the file is closed. Idempotent. */
  async end(): Promise<void> {
    if (!this.#stream.destroyed) this.#stream.end();
    await this.#ended.promise;
  }
}
