interface Waiting {
  readonly enter: () => void;
}

/** All slots stayed taken for as long as a call may wait. */
export class NoSlotError extends Error {}

/**
 * So many calls at once; those that wait come in turn by workspace, so that one with many does not keep the others out.
 */
export class CallSlots {
  readonly #max: number;
  #taken = 0;
  /** Workspaces that wait, the next to be served first. */
  readonly #waiting = new Map<string, Set<Waiting>>();

  constructor(max: number) {
    this.#max = max;
  }

  /**
   * Takes a slot; call what it resolves to once the call has ended.
   *
   * @throws NoSlotError after `waitMs`, and the signal's reason when it fires
   */
  async acquire(workspaceId: string, signal: AbortSignal, waitMs: number): Promise<() => void> {
    signal.throwIfAborted();
    if (this.#taken >= this.#max) await this.#wait(workspaceId, signal, waitMs);
    else this.#taken += 1;
    let released = false;
    return () => {
      if (!released) this.#release();
      released = true;
    };
  }

  #wait(workspaceId: string, signal: AbortSignal, waitMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const own = this.#waiting.get(workspaceId) ?? new Set();
      this.#waiting.set(workspaceId, own);
      const leave = (settle: () => void) => {
        clearTimeout(timer);
        signal.removeEventListener("abort", abort);
        own.delete(waiting);
        if (own.size === 0 && this.#waiting.get(workspaceId) === own) this.#waiting.delete(workspaceId);
        settle();
      };
      const abort = () => leave(() => reject(signal.reason as Error));
      const timer = setTimeout(() => leave(() => reject(new NoSlotError(`all ${this.#max} are taken`))), waitMs);
      const waiting = { enter: () => leave(resolve) };
      own.add(waiting);
      signal.addEventListener("abort", abort, { once: true });
    });
  }

  /** The slot goes to the first of the next workspace, which then stands at the end. */
  #release(): void {
    const [next] = this.#waiting;
    const [first] = next?.[1] ?? [];
    if (next === undefined || first === undefined) {
      this.#taken -= 1;
      return;
    }
    const [workspaceId, own] = next;
    this.#waiting.delete(workspaceId);
    if (own.size > 1) this.#waiting.set(workspaceId, own);
    first.enter();
  }
}
