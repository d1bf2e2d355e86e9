/** The clock of a client: its own in a deployment, the test's in a test. */
export interface Clock {
  now(): number;
  sleep(ms: number): Promise<void>;
}

export const SYSTEM_CLOCK: Clock = {
  now: () => Date.now(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
};

/** Spaces the calls of a whole deployment, as the limit is the workspace's: one that is turned away holds all back. */
export class Pacer {
  readonly #gapMs: number;
  readonly #clock: Clock;
  #nextAt = 0;

  constructor(requestsPerSecond: number, clock: Clock) {
    this.#gapMs = 1_000 / requestsPerSecond;
    this.#clock = clock;
  }

  /** Resolves when the next call may start. */
  async turn(): Promise<void> {
    const now = this.#clock.now();
    const at = Math.max(now, this.#nextAt);
    this.#nextAt = at + this.#gapMs;
    if (at > now) await this.#clock.sleep(at - now);
  }

  /** Lets nobody start for so long. */
  hold(ms: number): void {
    this.#nextAt = Math.max(this.#nextAt, this.#clock.now() + ms);
  }
}
