import { TaskPriority } from "../../../contracts/task.ts";
import type { Queryable } from "../../runtime/database.ts";

/** How many more tasks may be admitted, together and of each priority. Never negative. */
export interface Room {
  readonly total: number;
  readonly byPriority: Readonly<Record<TaskPriority, number>>;
}

/** A worker that is heard of. */
export interface Capacity {
  readonly concurrency: number;
  readonly priorities: readonly TaskPriority[];
}

/**
 * So many tasks are admitted ahead of the workers at least, so that one that becomes free, or comes new, finds the next.
 * Beyond that one for each that can run: what is decided later is decided more fairly.
 */
const AHEAD_AT_LEAST = 4;

/** From the workers that are heard of, and the tasks that hold slots. */
export async function measureRoom(database: Queryable): Promise<Room> {
  const { rows } = await database.query<{ workers: Capacity[]; held: Partial<Record<TaskPriority, number>> }>(
    `SELECT
       coalesce((SELECT jsonb_agg(jsonb_build_object('concurrency', concurrency, 'priorities', priorities)) FROM workers
                 WHERE heartbeat_at > now() - lease_seconds * interval '1 second'), '[]') AS workers,
       coalesce((SELECT jsonb_object_agg(priority, tasks) FROM (
                   SELECT priority, count(*) AS tasks FROM task_executions
                   WHERE status IN ('queued', 'scheduled', 'running') AND admitted_at IS NOT NULL GROUP BY priority
                 ) held), '{}') AS held`,
  );
  const [row] = rows;
  return row === undefined ? roomFor([], {}) : roomFor(row.workers, row.held);
}

/**
 * A worker's slots count for each priority that it takes, and once for all of them together. Tasks of a priority that
 * no worker takes are admitted up to a few, and take no room from the others.
 */
export function roomFor(workers: readonly Capacity[], held: Readonly<Partial<Record<TaskPriority, number>>>): Room {
  const slotsOf = (taken: readonly Capacity[]) => taken.reduce((sum, { concurrency }) => sum + concurrency, 0);
  const served = TaskPriority.options.filter((each) => workers.some(({ priorities }) => priorities.includes(each)));
  const left = (slots: number, priorities: readonly TaskPriority[]) => {
    const taken = priorities.reduce((sum, each) => sum + (held[each] ?? 0), 0);
    return Math.max(0, slots + Math.max(AHEAD_AT_LEAST, slots) - taken);
  };
  const byPriority = TaskPriority.options.map((priority) => {
    const slots = slotsOf(workers.filter(({ priorities }) => priorities.includes(priority)));
    return [priority, left(slots, [priority])] as const;
  });
  return {
    total: left(slotsOf(workers), served.length === 0 ? TaskPriority.options : served),
    byPriority: Object.fromEntries(byPriority) as Record<TaskPriority, number>,
  };
}
