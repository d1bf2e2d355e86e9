import { mayTakeAnother } from "../../runtime/fair-share.ts";

export interface Turn {
  readonly executionId: string;
  readonly workspaceId: string;
}

/**
 * Executions that wait to be moved on: workspaces take turns, so that one with many holds up itself alone, and none has
 * all places at once.
 */
export class Turns {
  readonly #places: number;
  /** By workspace, the next to have its turn first; those of one in their order. */
  readonly #waiting = new Map<string, Set<string>>();
  /** Each with its workspace. */
  readonly #running = new Map<string, string>();

  constructor(places: number) {
    this.#places = places;
  }

  /** One that waits already keeps its place; one that is named again while it is moved on waits again. */
  add({ executionId, workspaceId }: Turn): void {
    const waiting = this.#waiting.get(workspaceId);
    if (waiting === undefined) this.#waiting.set(workspaceId, new Set([executionId]));
    else waiting.add(executionId);
  }

  /** The next, which has a place until it is `done`. Undefined when none may go on now. */
  take(): Turn | undefined {
    for (const [workspaceId, waiting] of this.#waiting) {
      if (this.#running.size >= this.#places) return undefined;
      if (!mayTakeAnother(this.#placesOf(workspaceId), this.#places - this.#running.size)) continue;
      const executionId = [...waiting].find((id) => !this.#running.has(id));
      if (executionId === undefined) continue;
      waiting.delete(executionId);
      this.#waiting.delete(workspaceId);
      if (waiting.size > 0) this.#waiting.set(workspaceId, waiting); // behind all others
      this.#running.set(executionId, workspaceId);
      return { executionId, workspaceId };
    }
    return undefined;
  }

  done(executionId: string): void {
    this.#running.delete(executionId);
  }

  /** Nothing waits any more. */
  clear(): void {
    this.#waiting.clear();
  }

  #placesOf(workspaceId: string): number {
    return [...this.#running.values()].filter((running) => running === workspaceId).length;
  }
}
