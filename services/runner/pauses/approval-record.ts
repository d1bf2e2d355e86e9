import type { Approval, ApprovalAnswer } from "../../../contracts/approval.ts";
import { TaskNotFoundError } from "../../../contracts/errors.ts";
import type { Queryable } from "../../runtime/database.ts";

/** An Approval from `task_approvals a` joined with `task_executions t`. */
export const APPROVAL_COLUMNS = `
  a.task_id AS "taskId", t.workspace_id AS "workspaceId", a.call_id AS "callId", a.tool, a.level, a.input, a.summary,
  CASE WHEN a.decision IS NULL AND a.expires_at <= now() THEN 'expired' ELSE coalesce(a.decision, 'waiting') END AS status,
  iso_time(a.asked_at) AS "askedAt", iso_time(a.expires_at) AS "expiresAt", iso_time(a.decided_at) AS "decidedAt",
  a.decided_by AS "decidedBy", a.comment`;

/** What a task has asked, the first question first. @throws TaskNotFoundError */
export async function readApprovals(database: Queryable, taskId: string): Promise<Approval[]> {
  const { rows } = await database.query<Approval | { readonly callId: null }>(
    `SELECT ${APPROVAL_COLUMNS} FROM task_executions t LEFT JOIN task_approvals a ON a.task_id = t.id
     WHERE t.id = $1 ORDER BY a.asked_at, a.id`,
    [taskId],
  );
  if (rows.length === 0) throw new TaskNotFoundError(taskId);
  return rows.filter((row) => row.callId !== null);
}

/** What `ANSWERS` selects of one task: every question that is settled. */
export type Answers = Readonly<Record<string, Omit<ApprovalAnswer, "decision"> & { readonly decision: string }>>;

/** For task `t`: its answers as one object, by callId; null where it has none. */
export const ANSWERS = `
  (SELECT jsonb_object_agg(call_id, jsonb_build_object(
     'decision', decision, 'by', coalesce(decided_by, ''), 'at', iso_time(decided_at), 'comment', comment))
   FROM task_approvals WHERE task_id = t.id AND decision IS NOT NULL)`;
