/**
 * A file of JSON lines that several processes append to, each under the folder's lock, and follow. A line is written in
 * one piece; one that a killed process left unfinished is cut off by the next that writes.
 */
import {
  appendFileSync,
  closeSync,
  fstatSync,
  openSync,
  readSync,
  renameSync,
  truncateSync,
  writeFileSync,
} from "node:fs";

/** A line of the file is no JSON. */
export class JournalDamagedError extends Error {
  override readonly name = "JournalDamagedError";

  constructor(file: string, line: number, cause: unknown) {
    super(`${file}, line ${line}, is not JSON; remove the rehearsal's folder to begin with an empty cloud`, { cause });
  }
}

export class Journal<Entry> {
  readonly file: string;
  #inode = 0;
  #offset = 0;
  #lines = 0;

  constructor(file: string) {
    this.file = file;
  }

  /** Lines written so far, by anyone, as of the last `follow`. */
  get lines(): number {
    return this.#lines;
  }

  /**
   * What was appended since the last call. `fromStart` says that the file was replaced: what was read before counts no more.
   * @throws JournalDamagedError
   */
  follow(): { fromStart: boolean; entries: Entry[] } {
    let descriptor: number;
    try {
      descriptor = openSync(this.file, "r");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      const had = this.#offset > 0;
      this.#forget(0);
      return { fromStart: had, entries: [] };
    }
    try {
      const { ino, size } = fstatSync(descriptor);
      const fromStart = ino !== this.#inode || size < this.#offset;
      if (fromStart) this.#forget(ino);
      const buffer = Buffer.alloc(size - this.#offset);
      const length = readSync(descriptor, buffer, 0, buffer.length, this.#offset);
      const whole = buffer.subarray(0, buffer.subarray(0, length).lastIndexOf(0x0a) + 1);
      this.#offset += whole.length;
      return { fromStart, entries: this.#parse(whole.toString("utf8")) };
    } finally {
      closeSync(descriptor);
    }
  }

  /** Call with the folder's lock held and after `follow`. The file and its folder exist afterwards. */
  append(entries: readonly Entry[]): void {
    if (entries.length === 0) return;
    const text = entries.map((entry) => `${JSON.stringify(entry)}\n`).join("");
    if (this.#inode !== 0) truncateSync(this.file, this.#offset);
    appendFileSync(this.file, text, { mode: 0o600 });
    this.#offset += Buffer.byteLength(text);
    this.#lines += entries.length;
    if (this.#inode === 0) this.#inode = inodeOf(this.file);
  }

  /** Replaces the whole contents. Call with the folder's lock held. */
  rewrite(entries: readonly Entry[]): void {
    const text = entries.map((entry) => `${JSON.stringify(entry)}\n`).join("");
    writeFileSync(`${this.file}.new`, text, { mode: 0o600 });
    renameSync(`${this.file}.new`, this.file);
    this.#forget(inodeOf(this.file));
    this.#offset = Buffer.byteLength(text);
    this.#lines = entries.length;
  }

  #forget(inode: number): void {
    this.#inode = inode;
    this.#offset = 0;
    this.#lines = 0;
  }

  #parse(text: string): Entry[] {
    return text
      .split("\n")
      .slice(0, -1)
      .map((line) => {
        this.#lines += 1;
        try {
          return JSON.parse(line) as Entry;
        } catch (error) {
          throw new JournalDamagedError(this.file, this.#lines, error);
        }
      });
  }
}

function inodeOf(file: string): number {
  const descriptor = openSync(file, "r");
  try {
    return fstatSync(descriptor).ino;
  } finally {
    closeSync(descriptor);
  }
}
