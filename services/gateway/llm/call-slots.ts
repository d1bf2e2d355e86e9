import { mayTakeAnother } from "../../runtime/fair-share.ts";

interface Waiting {
  readonly enter: () => void;
}

/** No slot that the workspace may have became free for as long as a call may wait. */
export class NoSlotError extends Error {}

/**
 * So many calls at once. No workspace takes all of them, and those that wait come in turn by workspace, so that one with
 * many does not keep the others out, be its calls ever so slow.
 */
export class CallSlots {
  readonly #max: number;
  #free: number;
  /** Workspace -> the slots that it has. */
  readonly #taken = new Map<string, number>();
  /** Workspaces that wait, the next to be served first. */
  readonly #waiting = new Map<string, Set<Waiting>>();

  constructor(max: number) {
    this.#max = max;
    this.#free = max;
  }

  /**
   * Takes a slot; call what it resolves to once the call has ended.
   *
   * @throws NoSlotError after `waitMs`, and the signal's reason when it fires
   */
  async acquire(workspaceId: string, signal: AbortSignal, waitMs: number): Promise<() => void> {
    signal.throwIfAborted();
    if (this.#mayTake(workspaceId)) this.#take(workspaceId);
    else await this.#wait(workspaceId, signal, waitMs);
    let released = false;
    return () => {
      if (!released) this.#release(workspaceId);
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
      const timer = setTimeout(
        () => leave(() => reject(new NoSlotError(`none of ${this.#max} became free for the workspace`))),
        waitMs,
      );
      const waiting = { enter: () => leave(resolve) };
      own.add(waiting);
      signal.addEventListener("abort", abort, { once: true });
    });
  }

  #mayTake(workspaceId: string): boolean {
    return mayTakeAnother(this.#taken.get(workspaceId) ?? 0, this.#free);
  }

  #take(workspaceId: string): void {
    this.#free -= 1;
    this.#taken.set(workspaceId, (this.#taken.get(workspaceId) ?? 0) + 1);
  }

  /** What is free goes to the first call of the next workspace that may have it, which then stands at the end. */
  #release(workspaceId: string): void {
    this.#free += 1;
    const left = (this.#taken.get(workspaceId) ?? 1) - 1;
    if (left === 0) this.#taken.delete(workspaceId);
    else this.#taken.set(workspaceId, left);
    for (;;) {
      const next = [...this.#waiting].find(([waiting]) => this.#mayTake(waiting));
      const [first] = next?.[1] ?? [];
      if (next === undefined || first === undefined) return;
      const [nextId, own] = next;
      this.#waiting.delete(nextId);
      if (own.size > 1) this.#waiting.set(nextId, own);
      this.#take(nextId);
      first.enter();
    }
  }
}
