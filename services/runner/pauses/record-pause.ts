import type { JsonValue } from "../../../contracts/json.ts";
import type { Queryable } from "../../runtime/database.ts";
import { LeaseLostError } from "../errors.ts";
import { storable, toJsonb } from "../../runtime/storable-text.ts";
import type { ClaimedTask } from "../claimed-task.ts";
import type { TaskPause } from "../task-runner.ts";
import { boundQuestion, checkCheckpoint } from "./question.ts";

/**
 * Keeps a checkpoint of a running task.
 *
 * @throws LeaseLostError, CheckpointTooLargeError
 */
export async function saveCheckpoint(database: Queryable, lease: ClaimedTask, checkpoint: JsonValue): Promise<void> {
  const { taskId } = lease.task;
  checkCheckpoint(taskId, checkpoint);
  const { rowCount } = await database.query(
    // The lock keeps the lease as it is until the checkpoint is written.
    `WITH held AS (
       SELECT id FROM task_executions WHERE id = $1 AND status = 'running' AND lease_token = $2 FOR SHARE
     )
     INSERT INTO task_checkpoints (task_id, body) SELECT id, $3 FROM held
     ON CONFLICT (task_id) DO UPDATE SET body = excluded.body, saved_at = now()`,
    [taskId, lease.token, toJsonb(checkpoint)],
  );
  if (rowCount === 0) throw new LeaseLostError(taskId);
}

/**
 * Takes a running task back to the queue with a question to a person, in one commit: the question, the checkpoint and
 * the event stand, and lease and slot are free. This start does not count as an attempt. A task that somebody has asked
 * to cancel is cancelled instead.
 *
 * @returns "queued", or "cancelled".
 * @throws LeaseLostError, CheckpointTooLargeError
 */
export async function recordPause(
  database: Queryable,
  lease: ClaimedTask,
  pause: TaskPause,
): Promise<"queued" | "cancelled"> {
  const { taskId, approvalTimeoutSeconds } = lease.task;
  checkCheckpoint(taskId, pause.checkpoint);
  const question = boundQuestion(pause.question);
  const { rows } = await database.query<{ status: "queued" | "cancelled" }>(
    `WITH held AS (
       SELECT id, cancel_requested_at IS NULL AS pauses,
         extract(epoch FROM clock_timestamp() - started_at)::float8 * 1000 AS ran_ms
       FROM task_executions WHERE id = $1 AND status = 'running' AND lease_token = $2 FOR NO KEY UPDATE
     ), left_off AS (
       UPDATE task_executions t
       SET status = CASE WHEN pauses THEN 'queued'::task_state ELSE 'cancelled' END, attempt = t.attempt - pauses::int,
           delayed = pauses, not_before = CASE WHEN pauses THEN 'infinity' ELSE t.not_before END,
           steps = $3::jsonb, tokens_used = $4, event_count = t.event_count + pauses::int
       FROM held WHERE t.id = held.id
       RETURNING t.id, t.workspace_id, t.status, t.event_count
     ), asked AS (
       INSERT INTO task_approvals (task_id, call_id, tool, level, input, summary, lease_token, expires_at)
       SELECT id, $5, $6, $7, $8::jsonb, $9, $2, now() + $10::float8 * interval '1 second' FROM held WHERE pauses
       RETURNING task_id, expires_at
     ), kept AS (
       INSERT INTO task_checkpoints (task_id, body, ran_ms) SELECT id, $11::jsonb, greatest(0, ran_ms) FROM held WHERE pauses
       ON CONFLICT (task_id) DO UPDATE
       SET body = excluded.body, saved_at = now(), ran_ms = task_checkpoints.ran_ms + excluded.ran_ms
     ), told AS (
       INSERT INTO task_events (task_id, sequence, body)
       SELECT id, event_count, jsonb_build_object('type', 'approval_requested', 'callId', $5::text, 'tool', $6::text,
         'level', $7::text, 'summary', $9::text, 'expiresAt', iso_time(expires_at))
       FROM left_off JOIN asked ON asked.task_id = left_off.id
     )
     SELECT status::text, CASE WHEN status = 'cancelled' THEN pg_notify('automatos_left', workspace_id || ' ' || id)::text END
     FROM left_off
     UNION ALL
     SELECT 'queued', NULL FROM task_approvals WHERE task_id = $1 AND call_id = $5 AND lease_token = $2`,
    [
      taskId,
      lease.token,
      toJsonb(pause.steps),
      pause.tokensUsed,
      question.callId,
      question.tool,
      question.level,
      toJsonb(question.input),
      storable(question.summary),
      approvalTimeoutSeconds,
      toJsonb(pause.checkpoint),
    ],
  );
  const row = rows[0];
  if (row === undefined) throw new LeaseLostError(taskId);
  return row.status;
}
