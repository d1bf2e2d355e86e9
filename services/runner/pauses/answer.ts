import type { Approval } from "../../../contracts/approval.ts";
import { TaskNotFoundError } from "../../../contracts/errors.ts";
import { withTransaction, type Pool, type PoolClient } from "../../runtime/database.ts";
import { storable } from "../../runtime/storable-text.ts";
import type { GivenAnswer } from "../task-runner.ts";
import { APPROVAL_COLUMNS } from "./approval-record.ts";
import { ApprovalDecidedError, ApprovalNotFoundError } from "./errors.ts";

/** As TaskRunner.answer(). */
export async function answerQuestion(
  pool: Pool,
  taskId: string,
  callId: string,
  answer: GivenAnswer,
): Promise<{ readonly approval: Approval; readonly isNew: boolean }> {
  return withTransaction(pool, async (client) => {
    // Whoever changes a task's questions holds the task: the answer, its expiry and its withdrawal come one by one.
    const { rowCount } = await client.query("SELECT FROM task_executions WHERE id = $1 FOR NO KEY UPDATE", [taskId]);
    if (rowCount === 0) throw new TaskNotFoundError(taskId);
    const asked = await readQuestion(client, taskId, callId);
    if (asked.status === answer.decision) return { approval: asked, isNew: false };
    if (asked.status !== "waiting") throw new ApprovalDecidedError(taskId, callId, asked.status);
    await client.query(
      `WITH decided AS (
         UPDATE task_approvals SET decision = $3, decided_by = $4, comment = $5, decided_at = now()
         WHERE task_id = $1 AND call_id = $2
       ), woken AS (
         UPDATE task_executions SET delayed = false, not_before = now(), event_count = event_count + 1 WHERE id = $1
         RETURNING event_count
       )
       INSERT INTO task_events (task_id, sequence, body)
       SELECT $1, event_count, jsonb_build_object('type', 'approval_decided', 'callId', $2::text, 'decision', $3::text,
         'by', $4::text, 'comment', $5::text)
       FROM woken`,
      [taskId, callId, answer.decision, answer.by, answer.comment === null ? null : storable(answer.comment)],
    );
    return { approval: await readQuestion(client, taskId, callId), isNew: true };
  });
}

async function readQuestion(client: PoolClient, taskId: string, callId: string): Promise<Approval> {
  const { rows } = await client.query<Approval>(
    `SELECT ${APPROVAL_COLUMNS} FROM task_approvals a JOIN task_executions t ON t.id = a.task_id
     WHERE a.task_id = $1 AND a.call_id = $2`,
    [taskId, callId],
  );
  const row = rows[0];
  if (row === undefined) throw new ApprovalNotFoundError(taskId, callId);
  return row;
}
