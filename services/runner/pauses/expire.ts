import type { Queryable } from "../../runtime/database.ts";

/** A question that nobody has answered in time. */
export interface ExpiredQuestion {
  readonly taskId: string;
  readonly callId: string;
}

/**
 * Settles questions whose time is over, and wakes their tasks: the worker that takes one ends it as failed with
 * APPROVAL_EXPIRED, since only a running task may fail.
 */
export async function expireQuestions(database: Queryable, limit: number): Promise<ExpiredQuestion[]> {
  const { rows } = await database.query<ExpiredQuestion>(
    `WITH due AS (
       SELECT a.id FROM task_approvals a JOIN task_executions t ON t.id = a.task_id
       WHERE a.decision IS NULL AND a.expires_at <= now()
       ORDER BY a.expires_at LIMIT $1
       FOR NO KEY UPDATE OF t SKIP LOCKED
     ), expired AS (
       UPDATE task_approvals a SET decision = 'expired', decided_at = now()
       FROM due WHERE a.id = due.id AND a.decision IS NULL
       RETURNING a.task_id, a.call_id
     ), woken AS (
       UPDATE task_executions t SET delayed = false, not_before = now(), event_count = t.event_count + 1
       FROM expired WHERE t.id = expired.task_id
       RETURNING t.id, expired.call_id, t.event_count
     ), told AS (
       INSERT INTO task_events (task_id, sequence, body)
       SELECT id, event_count, jsonb_build_object('type', 'approval_decided', 'callId', call_id, 'decision', 'expired',
         'by', NULL, 'comment', NULL)
       FROM woken
     )
     SELECT id AS "taskId", call_id AS "callId" FROM woken`,
    [limit],
  );
  return rows;
}
