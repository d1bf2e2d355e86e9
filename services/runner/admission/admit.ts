import type { PlanTier } from "../../../contracts/plan.ts";
import type { TaskPriority } from "../../../contracts/task.ts";
import type { PoolClient } from "../../runtime/database.ts";

export interface AdmittedTask {
  readonly id: string;
  readonly workspace_id: string;
  readonly priority: TaskPriority;
}

/**
 * Lets waiting tasks start, as far as their workspaces' plans allow: by priority, and within one in the order of
 * submission. A task holds its slot from here until it ends or is queued again.
 *
 * Must run in a transaction that has confirmed the leadership: two at once would fill the same slots twice. What it
 * reads is the workspaces with waiting tasks, one index look-up each, and no idle one.
 */
export async function admitTasks(
  client: PoolClient,
  caps: Readonly<Record<PlanTier, number>>,
  limit: number,
): Promise<AdmittedTask[]> {
  const { rows } = await client.query<AdmittedTask>(
    `WITH RECURSIVE waiting (workspace_id) AS (
       (SELECT workspace_id FROM task_executions WHERE status = 'queued' AND admitted_at IS NULL
        ORDER BY workspace_id LIMIT 1)
       UNION ALL
       SELECT (SELECT t.workspace_id FROM task_executions t
               WHERE t.status = 'queued' AND t.admitted_at IS NULL AND t.workspace_id > waiting.workspace_id
               ORDER BY t.workspace_id LIMIT 1)
       FROM waiting WHERE waiting.workspace_id IS NOT NULL
     ), chosen AS (
       SELECT candidate.id, candidate.priority, candidate.submission
       FROM waiting
       JOIN workspaces w ON w.id = waiting.workspace_id
       CROSS JOIN LATERAL (
         SELECT count(*) AS used FROM task_executions t
         WHERE t.workspace_id = w.id AND t.status IN ('queued', 'scheduled', 'running') AND t.admitted_at IS NOT NULL
       ) slots
       CROSS JOIN LATERAL (
         SELECT t.id, t.priority, t.submission FROM task_executions t
         WHERE t.workspace_id = w.id AND t.status = 'queued' AND t.admitted_at IS NULL
         ORDER BY t.priority, t.submission
         LIMIT greatest(0, ($1::jsonb ->> w.plan)::bigint - slots.used)
       ) candidate
       ORDER BY candidate.priority, candidate.submission
       LIMIT $2
     ), admitted AS (
       UPDATE task_executions t SET admitted_at = now(), event_count = t.event_count + 1
       FROM chosen WHERE t.id = chosen.id AND t.status = 'queued' AND t.admitted_at IS NULL
       RETURNING t.id, t.workspace_id, t.priority, t.submission, t.event_count
     ), events AS (
       INSERT INTO task_events (task_id, sequence, body)
       SELECT id, event_count, '{"type": "task_admitted"}' FROM admitted
     )
     SELECT id, workspace_id, priority FROM admitted ORDER BY priority, submission`,
    [JSON.stringify(caps), limit],
  );
  return rows;
}
