import { mayTakeAnother } from "../../runtime/fair-share.ts";
import { TooManyCallsError, WorkerBusyError, WorkerStoppingError } from "./errors.ts";

/**
 * Counts the calls under way in this worker. They are counted here alone: a slot ends with the call that has it, whatever
 * becomes of the API, and nothing is left to give back when the worker dies.
 */
export class CallSlots {
  readonly #limit: number;
  readonly #taken = new Map<string, number>();
  #total = 0;
  #closed = false;
  #emptied: (() => void) | undefined;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get total(): number {
    return this.#total;
  }

  /** How many the workspace has. */
  takenBy(workspaceId: string): number {
    return this.#taken.get(workspaceId) ?? 0;
  }

  /**
   * Takes a slot for the workspace, which may have `limit`, and never all that there are; call what it answers once.
   *
   * @throws TooManyCallsError, WorkerBusyError
   */
  take(workspaceId: string, limit: number): () => void {
    if (this.#closed) throw new WorkerStoppingError();
    const taken = this.#taken.get(workspaceId) ?? 0;
    if (taken >= limit) throw new TooManyCallsError(workspaceId, limit);
    if (!mayTakeAnother(taken, this.#limit - this.#total)) throw new WorkerBusyError(this.#total, taken, this.#limit);
    this.#taken.set(workspaceId, taken + 1);
    this.#total += 1;
    return () => this.#release(workspaceId);
  }

  /** Gives no more; resolves when none is taken. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#total > 0) await new Promise<void>((resolve) => (this.#emptied = resolve));
  }

  #release(workspaceId: string): void {
    const left = (this.#taken.get(workspaceId) ?? 1) - 1;
    if (left === 0) this.#taken.delete(workspaceId);
    else this.#taken.set(workspaceId, left);
    this.#total -= 1;
    if (this.#total === 0) this.#emptied?.();
  }
}
