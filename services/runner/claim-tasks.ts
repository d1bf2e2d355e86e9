import { ApprovalDecision, type ApprovalAnswer } from "../../contracts/approval.ts";
import type { JsonValue } from "../../contracts/json.ts";
import { prepared, type Queryable } from "../runtime/database.ts";
import { ANSWERS, type Answers } from "./pauses/approval-record.ts";
import type { ClaimedTask } from "./claimed-task.ts";
import { DEFINITION_COLUMNS, toAgentTask, type DefinitionRow } from "./task-record.ts";

/** Who wants which task, under which token. */
export interface Claim {
  readonly taskId: string;
  readonly token: string;
}

interface ClaimRow extends DefinitionRow {
  readonly lease_token: string;
  readonly attempt: number;
  readonly cancel_requested: boolean;
  readonly checkpoint: JsonValue | null;
  readonly ran_ms: number;
  readonly answers: Answers | null;
}

/** A row that somebody holds at present is his: if he lets it go, the dispatcher announces it again. */
const CLAIM = `
  WITH asked AS (
    SELECT * FROM unnest($1::uuid[], $2::uuid[]) AS asked (id, token)
  ), free AS (
    SELECT t.id, asked.token FROM task_executions t JOIN asked ON asked.id = t.id
    WHERE t.status = 'queued' AND t.admitted_at IS NOT NULL
    ORDER BY t.id FOR NO KEY UPDATE OF t SKIP LOCKED
  ), claimed AS (
    UPDATE task_executions t
    SET status = 'running', attempt = t.attempt + 1, started_at = now(), lease_token = free.token,
        event_count = t.event_count + 1, event_batch = 0
    FROM free WHERE t.id = free.id AND t.status = 'queued' AND t.admitted_at IS NOT NULL
    RETURNING t.*
  ), leased AS (
    INSERT INTO leases (task_id, token, worker_id, expires_at)
    SELECT id, lease_token, $3, now() + $4::float8 * interval '1 second' FROM claimed
  ), started AS (
    INSERT INTO task_events (task_id, sequence, body)
    SELECT id, event_count, jsonb_build_object('type', 'task_started', 'workerId', $3::text, 'attempt', attempt)
    FROM claimed
  ), found AS (
    SELECT * FROM claimed
    UNION ALL
    SELECT t.* FROM task_executions t JOIN asked ON asked.id = t.id
    WHERE t.status = 'running' AND t.lease_token = asked.token
  )
  SELECT ${DEFINITION_COLUMNS}, lease_token, attempt, cancel_requested_at IS NOT NULL AS cancel_requested,
    c.body AS checkpoint, coalesce(c.ran_ms, 0) AS ran_ms,
    CASE WHEN c.task_id IS NOT NULL THEN ${ANSWERS} END AS answers
  FROM found t LEFT JOIN task_checkpoints c ON c.task_id = t.id`;

/**
 * Starts admitted tasks, all in one statement, each under its token; one that was started under its token before is
 * found again.
 *
 * @returns In the order of `claims`; undefined where there is nothing to start: another has it, or it ended.
 */
export async function claimTasks(
  database: Queryable,
  claims: readonly Claim[],
  holder: { readonly workerId: string; readonly leaseSeconds: number },
): Promise<(ClaimedTask | undefined)[]> {
  const ids = claims.map(({ taskId }) => taskId);
  const tokens = claims.map(({ token }) => token);
  const { rows } = await database.query<ClaimRow>(prepared(CLAIM, [ids, tokens, holder.workerId, holder.leaseSeconds]));
  const byToken = new Map(rows.map((row) => [row.lease_token, row]));
  return tokens.map((token) => {
    const row = byToken.get(token);
    return row === undefined ? undefined : toClaimedTask(row);
  });
}

const toClaimedTask = (row: ClaimRow): ClaimedTask => ({
  task: toAgentTask(row),
  attempt: row.attempt,
  token: row.lease_token,
  cancelRequested: row.cancel_requested,
  checkpoint: row.checkpoint,
  ranMs: row.ran_ms,
  ...readAnswers(row.answers ?? {}),
});

function readAnswers(answers: Answers): Pick<ClaimedTask, "approvals" | "approvalExpired"> {
  const approvals = new Map<string, ApprovalAnswer>();
  for (const [callId, answer] of Object.entries(answers)) {
    const decision = ApprovalDecision.safeParse(answer.decision);
    if (decision.success) approvals.set(callId, { ...answer, decision: decision.data });
  }
  return { approvals, approvalExpired: Object.values(answers).some(({ decision }) => decision === "expired") };
}
