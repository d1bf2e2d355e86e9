import type { TaskPriority } from "../../../contracts/task.ts";
import { AGEING_SECONDS, chooseTasks, CLOCKS_AT_START, type Clocks, type WaitingTask } from "./fair-share.ts";

/** A task that waits, with how many more of its workspace may start. */
export interface LocalWaitingTask extends WaitingTask {
  readonly freeSlots: number;
}

/** The fair shares of one process: their virtual times live as long as it does. */
export class LocalShares {
  #clocks: Clocks = CLOCKS_AT_START;
  readonly #finishes = new Map<string, number>();

  /** Ids of the tasks to start now, in this order; at most `room`. */
  choose(tasks: readonly LocalWaitingTask[], room: number): string[] {
    const workspaces = new Map(
      tasks.map(({ workspaceId, freeSlots }) => [
        workspaceId,
        { workspaceId, freeSlots, finish: this.#finishes.get(workspaceId) ?? 0 },
      ]),
    );
    const eligible = tasks.filter(({ freeSlots }) => freeSlots > 0);
    const byPriority: Record<TaskPriority, number> = { critical: room, high: room, normal: room, low: room };
    const choice = chooseTasks(eligible, [...workspaces.values()], this.#clocks, {
      room: { total: room, byPriority },
      ageingSeconds: AGEING_SECONDS,
    });
    this.#clocks = choice.clocks;
    for (const [workspaceId, finish] of choice.finishes) this.#finishes.set(workspaceId, finish);
    for (const [workspaceId, finish] of this.#finishes) {
      // Behind the clock is as good as new.
      if (finish <= choice.clocks.workspaces) this.#finishes.delete(workspaceId);
    }
    return choice.tasks.map(({ id }) => id);
  }
}
