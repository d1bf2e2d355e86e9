/** How long one refusal stands for all that are alike, in milliseconds. */
const WINDOW_MS = 60_000;
/** Kinds of refusals that are remembered at once, a few hundred bytes each. */
const MAX_KINDS = 10_000;

interface Window {
  readonly openedAt: number;
  suppressed: number;
}

/** Says which refusals are worth a record: of those that are alike, the first of each minute. Holds for one process. */
export class RefusalWindows {
  /** In the order in which they were opened. */
  readonly #windows = new Map<string, Window>();
  readonly #now: () => number;
  readonly #maxKinds: number;

  /** @param options `now` is a clock that only goes forward, in milliseconds. */
  constructor(options: { readonly now?: () => number; readonly maxKinds?: number } = {}) {
    this.#now = options.now ?? (() => performance.now());
    this.#maxKinds = options.maxKinds ?? MAX_KINDS;
  }

  /** How many of this kind had no record since the last that had one; null when this one is to have none either. */
  admit(kind: string): number | null {
    const now = this.#now();
    const last = this.#windows.get(kind);
    if (last !== undefined && now - last.openedAt < WINDOW_MS) {
      last.suppressed += 1;
      return null;
    }
    this.#open(kind, { openedAt: now, suppressed: 0 });
    return last?.suppressed ?? 0;
  }

  /** The record of an admitted one could not be written: the next one is to have it, and counts this one too. */
  giveBack(kind: string, suppressed: number): void {
    const since = this.#windows.get(kind)?.suppressed ?? 0;
    this.#open(kind, { openedAt: -Infinity, suppressed: suppressed + since + 1 });
  }

  #open(kind: string, window: Window): void {
    this.#windows.delete(kind);
    this.#windows.set(kind, window);
    const [oldest] = this.#windows.keys();
    if (this.#windows.size > this.#maxKinds && oldest !== undefined) this.#windows.delete(oldest);
  }
}
