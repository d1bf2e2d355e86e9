const FIRST_MS = 1_000;
/** What passes is away for a moment; what does not would only burn time. */
const LONGEST_MS = { passing: 5_000, lasting: 60_000 } as const;
/** Nobody has asked for it for so long: it has ended, or another process moves it on. */
const FORGOTTEN_MS = 600_000;

/** Executions that threw when they were moved on: each rests for longer, every time that it throws again. */
export class Rests {
  readonly #now: () => number;
  readonly #thrown = new Map<string, { readonly times: number; readonly untilMs: number }>();

  /** @param now milliseconds of a clock that never goes back */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Says how long it rests, in milliseconds. */
  threw(executionId: string, kind: keyof typeof LONGEST_MS): number {
    const times = (this.#thrown.get(executionId)?.times ?? 0) + 1;
    const ms = Math.min(FIRST_MS * 2 ** (times - 1), LONGEST_MS[kind]);
    this.#thrown.set(executionId, { times, untilMs: this.#now() + ms });
    return ms;
  }

  forget(executionId: string): void {
    this.#thrown.delete(executionId);
  }

  has(executionId: string): boolean {
    return (this.#thrown.get(executionId)?.untilMs ?? 0) > this.#now();
  }

  /** Those that rest now. */
  all(): string[] {
    const now = this.#now();
    for (const [id, { untilMs }] of this.#thrown) if (untilMs + FORGOTTEN_MS < now) this.#thrown.delete(id);
    return [...this.#thrown].flatMap(([id, { untilMs }]) => (untilMs > now ? [id] : []));
  }
}
