/** Adjoining lines of one file, some of which match. */
export interface Excerpt {
  readonly path: string;
  /** The number of the first line of `text`, from 1. */
  readonly startLine: number;
  readonly matchingLines: readonly number[];
  readonly text: string;
}

export interface Excerpts {
  readonly excerpts: readonly Excerpt[];
  /** Whether there may be more: the limit of matches or bytes was reached. */
  readonly truncated: boolean;
}

interface Line {
  readonly path: string;
  readonly line: number;
  readonly matches: boolean;
  readonly text: string;
}

/** Longer lines (of generated or packed files) are cut. */
const MAX_LINE_CHARS = 500;
/** What is kept of a line that has not ended. */
const MAX_PENDING_CHARS = 64 * 1024;
const SEPARATOR = "--\n";
/** `path NUL line NUL text` of a line around a match, `path NUL line NUL column NUL text` of a match. */
const RECORD = /^([^\0]*)\0(\d+)\0(?:(\d+)\0)?([^]*)$/;

/** Reads what `git grep -n --column -z` prints, in pieces of any size, and keeps no more than it is told to. */
export class ExcerptReader {
  readonly #maxMatches: number;
  readonly #maxBytes: number;
  readonly #lines: Line[] = [];
  #pending = "";
  #skipping = false;
  #matches = 0;
  #bytes = 0;
  #full = false;

  constructor(limits: { readonly maxMatches: number; readonly maxBytes: number }) {
    this.#maxMatches = limits.maxMatches;
    this.#maxBytes = limits.maxBytes;
  }

  /** Whether more is wanted. */
  push(text: string): boolean {
    this.#pending += text;
    while (!this.#full) {
      const end = this.#endOfRecord();
      if (end < 0) break;
      this.#take(this.#pending.slice(0, end));
      this.#pending = this.#pending.slice(end + 1);
    }
    if (this.#pending.length > MAX_PENDING_CHARS) {
      // A line without end: its beginning is shown, the rest is passed over.
      if (!this.#skipping) this.#take(this.#pending.slice(0, MAX_PENDING_CHARS));
      this.#skipping = true;
      this.#pending = "";
    }
    return !this.#full;
  }

  end(): Excerpts {
    if (!this.#full && !this.#skipping && this.#pending !== "") this.#take(this.#pending);
    return { excerpts: toExcerpts(this.#lines), truncated: this.#full };
  }

  /** A file's name may hold a line's end itself: the record ends with the first one after its second NUL. */
  #endOfRecord(): number {
    if (this.#skipping) return this.#pending.indexOf("\n");
    while (this.#pending.startsWith(SEPARATOR)) this.#pending = this.#pending.slice(SEPARATOR.length);
    const first = this.#pending.indexOf("\0");
    const second = first < 0 ? -1 : this.#pending.indexOf("\0", first + 1);
    return second < 0 ? -1 : this.#pending.indexOf("\n", second);
  }

  #take(record: string): void {
    if (this.#skipping) {
      this.#skipping = false;
      return;
    }
    const [, path, line, column, text] = RECORD.exec(record) ?? [];
    if (path === undefined || text === undefined) return;
    const matches = column !== undefined;
    const shown = text.length > MAX_LINE_CHARS ? `${around(text, Number(column ?? 1))} [line cut]` : text;
    this.#bytes += Buffer.byteLength(shown) + 1;
    if ((matches && this.#matches === this.#maxMatches) || this.#bytes > this.#maxBytes) {
      this.#full = true;
      return;
    }
    if (matches) this.#matches++;
    this.#lines.push({ path, line: Number(line), matches, text: shown });
  }
}

/** The part of a long line in which the match begins. */
function around(text: string, column: number): string {
  const start = Math.max(0, Math.min(column - 1 - MAX_LINE_CHARS / 2, text.length - MAX_LINE_CHARS));
  return text.slice(start, start + MAX_LINE_CHARS);
}

function toExcerpts(lines: readonly Line[]): Excerpt[] {
  const groups: Line[][] = [];
  for (const line of lines) {
    const last = groups.at(-1)?.at(-1);
    if (last?.path === line.path && last.line + 1 === line.line) groups.at(-1)?.push(line);
    else groups.push([line]);
  }
  return groups.flatMap((group) => {
    const [first] = group;
    const matchingLines = group.filter(({ matches }) => matches).map(({ line }) => line);
    // Lines before a match that was one too many.
    if (first === undefined || matchingLines.length === 0) return [];
    const text = group.map((line) => line.text).join("\n");
    return [{ path: first.path, startLine: first.line, matchingLines, text }];
  });
}
