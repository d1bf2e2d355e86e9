import { TaskPriority, type TaskState } from "../../../contracts/task.ts";
import type { PoolClient, Queryable } from "../../runtime/database.ts";
import type { AdmittedTask } from "./admit.ts";

export interface RecoveredTask {
  readonly id: string;
  readonly workspace_id: string;
  readonly attempt: number;
  readonly status: Extract<TaskState, "queued" | "failed" | "cancelled">;
}

const REQUEUED_REMEDY = "Nothing: the task starts again by itself.";
const FAILED_REMEDY =
  "See the worker's log for why it ended (memory, a crash, a lost machine), then retry the task, with a larger maxRetries if need be.";

/** A lost task waits before it is tried again: so long at first, twice as long each time, up to the most. */
const FIRST_BACKOFF_SECONDS = 1;
const MAX_BACKOFF_SECONDS = 60;

/**
 * Takes tasks from workers that were not heard of until their leases ended: queued again while retries are left,
 * failed for good otherwise, cancelled if somebody had asked for that. Here, and here alone, a retry is counted. The wait
 * before it is spread by half to both sides, so that tasks which were lost together do not come back together.
 *
 * After a start of the server nobody is judged before he has had the time of a lease to be heard again.
 */
export async function recoverLostTasks(
  client: PoolClient,
  options: { readonly leaseSeconds: number; readonly limit: number },
): Promise<RecoveredTask[]> {
  const { rows } = await client.query<RecoveredTask>(
    `WITH lost AS (
       SELECT t.id, l.worker_id
       FROM leases l JOIN task_executions t ON t.id = l.task_id AND t.lease_token = l.token
       WHERE l.expires_at < now() AND t.status = 'running'
         AND pg_postmaster_start_time() + $1::float8 * interval '1 second' < now()
       ORDER BY l.expires_at LIMIT $2
       FOR NO KEY UPDATE OF t SKIP LOCKED
     ), decided AS (
       SELECT t.id, lost.worker_id,
         CASE WHEN t.cancel_requested_at IS NOT NULL THEN 'cancelled'
              WHEN t.attempt > t.max_retries THEN 'failed'
              ELSE 'queued' END::task_state AS status,
         format('worker %s was lost while it ran attempt %s of %s', lost.worker_id, t.attempt, t.max_retries + 1)
           AS message
       FROM lost JOIN task_executions t ON t.id = lost.id
     ), recovered AS (
       UPDATE task_executions t
       SET status = decided.status, lease_token = NULL,
           error_code = CASE WHEN decided.status = 'failed' THEN 'WORKER_LOST' END,
           error_message = CASE WHEN decided.status = 'failed' THEN decided.message END,
           error_remedy = CASE WHEN decided.status = 'failed' THEN $3 END,
           dead_lettered_at = CASE WHEN decided.status = 'failed' THEN now() END,
           delayed = decided.status = 'queued',
           not_before = CASE WHEN decided.status = 'queued' THEN now() + interval '1 second' *
             least($6::float8, $5::float8 * 2 ^ (t.attempt - 1)) * (0.5 + random()) END,
           event_count = t.event_count + (decided.status = 'queued')::int
       FROM decided WHERE t.id = decided.id AND t.status = 'running'
       RETURNING t.id, t.workspace_id, t.status, t.attempt, t.event_count, decided.message
     ), events AS (
       INSERT INTO task_events (task_id, sequence, body)
       SELECT id, event_count, jsonb_build_object('type', 'task_requeued', 'attempt', attempt, 'error',
         jsonb_build_object('code', 'WORKER_LOST', 'message', message, 'remedy', $4::text))
       FROM recovered WHERE status = 'queued'
     )
     SELECT id, workspace_id, attempt, status FROM recovered`,
    [options.leaseSeconds, options.limit, FAILED_REMEDY, REQUEUED_REMEDY, FIRST_BACKOFF_SECONDS, MAX_BACKOFF_SECONDS],
  );
  return rows;
}

/**
 * Admitted tasks that no worker has taken within `afterSeconds`: their messages may have been lost. The first `limit` of
 * each priority, so that no queue is forgotten for a fuller one.
 */
export async function findUndelivered(
  database: Queryable,
  options: { readonly afterSeconds: number; readonly limit: number; readonly priorities?: readonly TaskPriority[] },
): Promise<AdmittedTask[]> {
  const { afterSeconds, limit, priorities = TaskPriority.options } = options;
  const { rows } = await database.query<AdmittedTask>(
    `SELECT task.* FROM unnest($3::task_priority[]) WITH ORDINALITY AS asked (priority, place)
     CROSS JOIN LATERAL (
       SELECT t.id, t.workspace_id, t.priority FROM task_executions t
       WHERE t.status = 'queued' AND t.admitted_at IS NOT NULL AND t.priority = asked.priority
         AND t.admitted_at < now() - $1::float8 * interval '1 second'
       ORDER BY t.submission LIMIT $2
     ) task ORDER BY asked.place`,
    [afterSeconds, limit, priorities],
  );
  return rows;
}

/** A page of all admitted tasks that wait for a worker, in the order in which they start, behind the task `after`. */
export async function findAdmitted(
  database: Queryable,
  options: { readonly after: string | undefined; readonly limit: number },
): Promise<AdmittedTask[]> {
  const { rows } = await database.query<AdmittedTask>(
    `SELECT id, workspace_id, priority FROM task_executions
     WHERE status = 'queued' AND admitted_at IS NOT NULL AND ($1::uuid IS NULL OR (priority, submission) >
       (SELECT priority, submission FROM task_executions WHERE id = $1))
     ORDER BY priority, submission LIMIT $2`,
    [options.after ?? null, options.limit],
  );
  return rows;
}
