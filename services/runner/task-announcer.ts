import { TaskPriority } from "../../contracts/task.ts";
import type { Pool } from "../runtime/database.ts";
import type { Logger } from "../runtime/logger.ts";
import type { AdmittedTask } from "./admission/admit.ts";
import { findAdmitted } from "./admission/recover.ts";
import type { TaskQueues } from "./queues/task-queues.ts";

export interface TaskAnnouncerDeps {
  readonly pool: Pool;
  readonly queues: TaskQueues;
  readonly log: Logger;
  /** Takes what cannot be announced, as far as there is room, and returns the rest. */
  readonly startHere: (tasks: readonly AdmittedTask[]) => readonly AdmittedTask[];
}

const REFILL_PAGE = 1_000;

/**
 * Puts admitted tasks into the queues, beside the dispatcher's own work: queues that do not answer hold up no admission.
 * What cannot be announced is forgotten here, and is found in the record later.
 */
export class TaskAnnouncer {
  readonly #deps: TaskAnnouncerDeps;
  #waiting: AdmittedTask[] = [];
  #dead: string[] = [];
  #refillWanted = false;
  #running: Promise<void> | undefined;
  #reachable = true;

  constructor(deps: TaskAnnouncerDeps) {
    this.#deps = deps;
  }

  announce(tasks: readonly AdmittedTask[]): void {
    this.#waiting.push(...tasks);
    if (tasks.length > 0) this.#run();
  }

  announceDead(taskIds: readonly string[]): void {
    this.#dead.push(...taskIds);
    if (taskIds.length > 0) this.#run();
  }

  /** Looks whether the queues came back empty, and puts all that is admitted into those that did. */
  refillIfEmptied(): void {
    this.#refillWanted = true;
    this.#run();
  }

  /** Resolves when nothing waits to be announced. */
  async settled(): Promise<void> {
    await this.#running;
  }

  #run(): void {
    this.#running ??= this.#announceAll().finally(() => (this.#running = undefined));
  }

  async #announceAll(): Promise<void> {
    // What is announced in the same turn goes together.
    await Promise.resolve();
    while (this.#waiting.length > 0 || this.#dead.length > 0 || this.#refillWanted) {
      const tasks = this.#waiting.splice(0);
      const dead = this.#dead.splice(0);
      const refill = this.#refillWanted;
      this.#refillWanted = false;
      try {
        if (tasks.length > 0) await this.#add(tasks);
        if (dead.length > 0) await this.#deps.queues.addDead(dead);
        if (refill) await this.#refill();
        this.#reachable = true;
      } catch (error) {
        this.#deps.startHere(tasks);
        this.#report(error, tasks.length);
      }
    }
  }

  async #refill(): Promise<void> {
    let count = 0;
    const wasEmptied = await this.#deps.queues.refillIfEmptied(async () => {
      for (let page = await this.#page(undefined); page.length > 0; page = await this.#page(page.at(-1))) {
        await this.#add(page);
        count += page.length;
      }
    });
    if (wasEmptied)
      this.#deps.log.info({ event: "queues_refilled", tasks: count }, "queues were empty and are filled again");
  }

  #page(after: { readonly id: string } | undefined) {
    return findAdmitted(this.#deps.pool, { after: after?.id, limit: REFILL_PAGE });
  }

  async #add(tasks: readonly AdmittedTask[]): Promise<void> {
    const priorities = TaskPriority.options.filter((priority) => tasks.some((task) => task.priority === priority));
    for (const priority of priorities) {
      const ids = tasks.filter((task) => task.priority === priority).map(({ id }) => id);
      await this.#deps.queues.add(priority, ids);
    }
    // Nothing is written here that a crash could take away, so the commit need not wait for the disk.
    await this.#deps.pool.query(
      "SELECT set_config('synchronous_commit', 'off', true), pg_notify('automatos_work', $1)",
      [priorities.join(" ")],
    );
  }

  /** The message alone, as a command's error holds its arguments. */
  #report(error: unknown, tasks: number): void {
    const reason = error instanceof Error ? error.message : String(error);
    const line = { event: "tasks_not_announced", tasks, reason };
    if (this.#reachable) this.#deps.log.warn(line, "queues cannot be reached, tasks will be announced later");
    this.#reachable = false;
  }
}
