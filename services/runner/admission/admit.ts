import type { PlanTier } from "../../../contracts/plan.ts";
import { TaskPriority } from "../../../contracts/task.ts";
import { prepared, type PoolClient, type Queryable } from "../../runtime/database.ts";
import { measureRoom, type Room } from "./capacity.ts";
import { chooseTasks, type Choice, type Clocks, type WaitingTask, type WaitingWorkspace } from "./fair-share.ts";

export interface AdmittedTask {
  readonly id: string;
  readonly workspace_id: string;
  readonly priority: TaskPriority;
}

export interface AdmissionOptions {
  /** Tasks of one workspace that may run at once, by plan. */
  readonly caps: Readonly<Record<PlanTier, number>>;
  /** @see ChoiceOptions in fair-share.ts */
  readonly ageingSeconds: number;
  /** At most so many tasks in one pass. */
  readonly limit: number;
  /** The worker to which tasks are handed as soon as they are admitted. @default none: all go through the queues */
  readonly atHand?: string | undefined;
}

/** What one pass has let start. */
export interface Admission {
  readonly tasks: readonly AdmittedTask[];
  /** Slots of workers that no task held before. */
  readonly idleSlots: number;
}

/**
 * Lets waiting tasks start: as many as the workers have room for, as their workspaces' plans allow, in fair shares. A
 * task holds its slot from here until it ends or is queued again.
 *
 * Must run in a transaction that has confirmed the leadership: two at once would fill the same slots twice. What it
 * reads is the workspaces with waiting tasks, one index look-up each, and no idle one.
 */
export async function admitTasks(client: PoolClient, options: AdmissionOptions): Promise<Admission> {
  const { idleSlots, ...room } = await measureRoom(client, options.atHand);
  const total = Math.min(room.total, options.limit);
  if (total <= 0) return { tasks: [], idleSlots };
  const waiting = await findWaiting(client, options.caps, room, total);
  if (waiting.tasks.length === 0) return { tasks: [], idleSlots };
  const clocks = await readClocks(client);
  const choice = chooseTasks(waiting.tasks, waiting.workspaces, clocks, {
    room: { ...room, total },
    ageingSeconds: options.ageingSeconds,
  });
  return { tasks: await record(client, choice), idleSlots };
}

interface WaitingRow extends Omit<WaitingTask, "submission"> {
  readonly submission: string;
  readonly freeSlots: number;
  readonly finish: number;
}

/** Steps from one workspace to the next in the index of what waits, which a query over all that waits cannot do. */
const FIND_WAITING = `
  WITH RECURSIVE lines (priority, workspace_id) AS (
    (SELECT priority, workspace_id FROM task_executions WHERE status = 'queued' AND admitted_at IS NULL AND NOT delayed
     ORDER BY priority, workspace_id LIMIT 1)
    UNION ALL
    SELECT following.* FROM lines CROSS JOIN LATERAL (
      SELECT t.priority, t.workspace_id FROM task_executions t
      WHERE t.status = 'queued' AND t.admitted_at IS NULL AND NOT t.delayed
        AND (t.priority, t.workspace_id) > (lines.priority, lines.workspace_id)
      ORDER BY t.priority, t.workspace_id LIMIT 1
    ) following
  ), slots AS (
    SELECT workspace_id, count(*)::int AS used FROM task_executions
    WHERE status IN ('queued', 'scheduled', 'running') AND admitted_at IS NOT NULL GROUP BY workspace_id
  ), able AS (
    SELECT w.id, ($1::jsonb ->> w.plan)::int - coalesce(slots.used, 0) AS free, turn.finish
    FROM (SELECT DISTINCT workspace_id FROM lines WHERE priority = ANY ($2::task_priority[])) waiting
    JOIN workspaces w ON w.id = waiting.workspace_id
    LEFT JOIN slots ON slots.workspace_id = w.id
    LEFT JOIN admission_turns turn ON turn.workspace_id = w.id
    WHERE ($1::jsonb ->> w.plan)::int > coalesce(slots.used, 0)
      AND NOT EXISTS (SELECT FROM workspace_backups b
        WHERE b.workspace_id = w.id AND b.kind = 'restore' AND b.state = 'running')
  ), ranked AS (
    SELECT lines.priority, lines.workspace_id, coalesce(able.finish, 0) AS finish, able.free,
      row_number() OVER (
        PARTITION BY lines.priority ORDER BY greatest(able.finish, clock.workspaces), lines.workspace_id
      ) AS place
    FROM lines JOIN able ON able.id = lines.workspace_id CROSS JOIN admission_clock clock
    WHERE lines.priority = ANY ($2::task_priority[])
  )
  SELECT task.id, ranked.workspace_id AS "workspaceId", ranked.priority, task.submission,
    extract(epoch FROM now() - task.ready_at)::float8 AS "waitedSeconds",
    ranked.free AS "freeSlots", ranked.finish
  FROM ranked CROSS JOIN LATERAL (
    SELECT t.id, t.submission, greatest(t.submitted_at, t.not_before) AS ready_at FROM task_executions t
    WHERE t.status = 'queued' AND t.admitted_at IS NULL AND NOT t.delayed
      AND t.priority = ranked.priority AND t.workspace_id = ranked.workspace_id
    ORDER BY t.submission LIMIT least(ranked.free, $3)
  ) task
  WHERE ranked.place <= $3`;

/**
 * The first tasks of workspaces that wait and have a slot, by priority: of as many workspaces as tasks can be chosen,
 * since those that were served least come first.
 */
async function findWaiting(
  client: PoolClient,
  caps: Readonly<Record<PlanTier, number>>,
  room: Room,
  total: number,
): Promise<{ tasks: WaitingTask[]; workspaces: WaitingWorkspace[] }> {
  const open = TaskPriority.options.filter((priority) => room.byPriority[priority] > 0);
  const { rows } = await client.query<WaitingRow>(prepared(FIND_WAITING, [JSON.stringify(caps), open, total]));
  const workspaces = new Map(
    rows.map(({ workspaceId, freeSlots, finish }) => [workspaceId, { workspaceId, freeSlots, finish }]),
  );
  const tasks = rows.map(({ id, workspaceId, priority, submission, waitedSeconds }) => ({
    id,
    workspaceId,
    priority,
    submission: Number(submission),
    waitedSeconds,
  }));
  return { tasks, workspaces: [...workspaces.values()] };
}

async function readClocks(client: PoolClient): Promise<Clocks> {
  const { rows } = await client.query<{ workspaces: number; priorities: number; finishes: number[] }>(
    prepared("SELECT workspaces, priorities, finishes FROM admission_clock", []),
  );
  const [row] = rows;
  if (row === undefined) throw new Error("admission_clock holds no row: the record was changed by hand");
  const finishes = TaskPriority.options.map((priority, index) => [priority, row.finishes[index] ?? 0] as const);
  return { ...row, finishes: Object.fromEntries(finishes) as Record<TaskPriority, number> };
}

const RECORD = `
  WITH chosen AS (
    SELECT * FROM unnest($1::uuid[]) WITH ORDINALITY AS chosen (id, place)
  ), admitted AS (
    UPDATE task_executions t SET admitted_at = now(), event_count = t.event_count + 1
    FROM chosen WHERE t.id = chosen.id AND t.status = 'queued' AND t.admitted_at IS NULL
    RETURNING t.id, t.workspace_id, t.priority, t.event_count, chosen.place
  ), events AS (
    INSERT INTO task_events (task_id, sequence, body)
    SELECT id, event_count, '{"type": "task_admitted"}' FROM admitted
  ), clock AS (
    UPDATE admission_clock SET workspaces = $2, priorities = $3, finishes = $4
  ), turns AS (
    INSERT INTO admission_turns (workspace_id, finish) SELECT * FROM unnest($5::uuid[], $6::float8[])
    ON CONFLICT (workspace_id) DO UPDATE SET finish = excluded.finish
  )
  SELECT id, workspace_id, priority FROM admitted ORDER BY place`;

async function record(client: PoolClient, { tasks, clocks, finishes }: Choice): Promise<AdmittedTask[]> {
  if (tasks.length === 0) return [];
  const { rows } = await client.query<AdmittedTask>(
    prepared(RECORD, [
      tasks.map(({ id }) => id),
      clocks.workspaces,
      clocks.priorities,
      TaskPriority.options.map((priority) => clocks.finishes[priority]),
      [...finishes.keys()],
      [...finishes.values()],
    ]),
  );
  return rows;
}

/** Forgets the turns of workspaces that are behind the clock, as one that comes new is. */
export async function pruneTurns(database: Queryable): Promise<void> {
  await database.query("DELETE FROM admission_turns WHERE finish <= (SELECT workspaces FROM admission_clock)");
}
