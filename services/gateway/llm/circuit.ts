/**
 * Spares a provider that fails again and again, and its callers the wait: after so many failures in a row it is skipped
 * for a while, then one call tries whether it is back.
 */
export class Circuit {
  readonly #maxFailures: number;
  readonly #restMs: number;
  readonly #now: () => number;
  #failures = 0;
  #openUntilMs = 0;
  #probing = false;

  constructor(options: {
    /** Failures in a row after which it opens. */
    readonly maxFailures: number;
    /** How long it stays open, in milliseconds. */
    readonly restMs: number;
    readonly now?: () => number;
  }) {
    this.#maxFailures = options.maxFailures;
    this.#restMs = options.restMs;
    this.#now = options.now ?? (() => performance.now());
  }

  get isOpen(): boolean {
    return this.#failures >= this.#maxFailures;
  }

  /** Milliseconds after which a call may try again; 0 when one may now. */
  get restsForMs(): number {
    if (!this.isOpen) return 0;
    return this.#probing ? this.#restMs : Math.max(0, this.#openUntilMs - this.#now());
  }

  /** Whether a call may be made. Each that may ends in one of `succeeded`, `failed` and `withdrawn`. */
  tryEnter(): boolean {
    if (this.restsForMs > 0) return false;
    this.#probing = this.isOpen;
    return true;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#probing = false;
  }

  failed(): void {
    this.#failures += 1;
    this.#probing = false;
    if (this.isOpen) this.#openUntilMs = this.#now() + this.#restMs;
  }

  /** The call ended without saying anything about the provider: its client left. */
  withdrawn(): void {
    this.#probing = false;
  }
}
