import { TaskPriority } from "../../../contracts/task.ts";
import { prepared, type Queryable } from "../../runtime/database.ts";

/** How many more tasks may be admitted, together and of each priority. Never negative. */
export interface Room {
  readonly total: number;
  readonly byPriority: Readonly<Record<TaskPriority, number>>;
}

/** The room, and how many slots of workers no task holds. */
export interface MeasuredRoom extends Room {
  readonly idleSlots: number;
}

/** A worker that is heard of. */
export interface Capacity {
  readonly concurrency: number;
  readonly priorities: readonly TaskPriority[];
  /** Whether what is admitted can be handed to it at once. @default false */
  readonly atHand?: boolean;
}

/**
 * So many tasks are admitted ahead of the workers at least, so that one that becomes free, or comes new, finds the next.
 * Beyond that one for each that can run: what is decided later is decided more fairly. Nothing is admitted ahead of a
 * worker to which tasks are handed at once.
 */
const AHEAD_AT_LEAST = 4;

const MEASURE = `
  SELECT
    coalesce((SELECT jsonb_agg(jsonb_build_object(
                'concurrency', concurrency, 'priorities', priorities, 'atHand', id = $1)) FROM workers
              WHERE heartbeat_at > now() - lease_seconds * interval '1 second'), '[]') AS workers,
    coalesce((SELECT jsonb_object_agg(priority, tasks) FROM (
                SELECT priority, count(*) AS tasks FROM task_executions
                WHERE status IN ('queued', 'scheduled', 'running') AND admitted_at IS NOT NULL GROUP BY priority
              ) held), '{}') AS held`;

/** From the workers that are heard of, and the tasks that hold slots. `atHand`: the worker that is handed tasks. */
export async function measureRoom(database: Queryable, atHand: string | undefined): Promise<MeasuredRoom> {
  const { rows } = await database.query<{ workers: Capacity[]; held: Partial<Record<TaskPriority, number>> }>(
    prepared(MEASURE, [atHand ?? ""]),
  );
  const { workers, held } = rows[0] ?? { workers: [], held: {} };
  const taken = Object.values(held).reduce((sum, tasks) => sum + tasks, 0);
  return { ...roomFor(workers, held), idleSlots: Math.max(0, slotsOf(workers) - taken) };
}

const slotsOf = (workers: readonly Capacity[]): number =>
  workers.reduce((sum, { concurrency }) => sum + concurrency, 0);

/** What may be under way at a time so that these workers are busy. */
function bound(workers: readonly Capacity[]): number {
  const elsewhere = workers.filter(({ atHand }) => atHand !== true);
  const ahead = elsewhere.length === 0 && workers.length > 0 ? 0 : Math.max(AHEAD_AT_LEAST, slotsOf(elsewhere));
  return slotsOf(workers) + ahead;
}

/**
 * How many of `tasks` that were just admitted the worker at hand takes: as its idle slots are to all idle ones, since
 * the other workers find the rest in the queues.
 */
export function shareAtHand(tasks: number, idleAtHand: number, idleSlots: number): number {
  const idleElsewhere = Math.max(0, idleSlots - idleAtHand);
  if (idleElsewhere === 0) return Math.min(tasks, idleAtHand);
  return Math.min(idleAtHand, Math.round((tasks * idleAtHand) / (idleAtHand + idleElsewhere)));
}

/**
 * A worker's slots count for each priority that it takes, and once for all of them together. Tasks of a priority that
 * no worker takes are admitted up to a few, and take no room from the others.
 */
export function roomFor(workers: readonly Capacity[], held: Readonly<Partial<Record<TaskPriority, number>>>): Room {
  const served = TaskPriority.options.filter((each) => workers.some(({ priorities }) => priorities.includes(each)));
  const left = (serving: readonly Capacity[], priorities: readonly TaskPriority[]) => {
    const taken = priorities.reduce((sum, each) => sum + (held[each] ?? 0), 0);
    return Math.max(0, bound(serving) - taken);
  };
  const byPriority = TaskPriority.options.map((priority) => {
    const serving = workers.filter(({ priorities }) => priorities.includes(priority));
    return [priority, left(serving, [priority])] as const;
  });
  return {
    total: left(workers, served.length === 0 ? TaskPriority.options : served),
    byPriority: Object.fromEntries(byPriority) as Record<TaskPriority, number>,
  };
}
