import type { Approval, ApprovalStatus } from "../../../contracts/approval.ts";
import { microsOf, parseCursor, timeOf, toPage } from "../../runtime/cursor.ts";
import type { Queryable } from "../../runtime/database.ts";
import { APPROVAL_COLUMNS } from "./approval-record.ts";

export interface ApprovalFilter {
  /** Undefined: of every workspace. */
  readonly workspaceId: string | undefined;
  readonly status: readonly ApprovalStatus[];
  readonly limit: number;
  readonly cursor?: string | undefined;
}

type Row = Approval & { readonly micros: string; readonly id: string };

/** Questions of tasks, the newest first. @throws InvalidCursorError */
export async function listApprovals(
  database: Queryable,
  filter: ApprovalFilter,
): Promise<{ readonly items: Approval[]; readonly nextCursor: string | null }> {
  const before = filter.cursor === undefined ? undefined : parseCursor(filter.cursor);
  // Without the settled ones the index of what is open is enough.
  const onlyOpen = filter.status.every((status) => status === "waiting");
  const { rows } = await database.query<Row>(
    `SELECT * FROM (
       SELECT ${APPROVAL_COLUMNS}, a.id, ${microsOf("a.asked_at")} AS micros, a.asked_at AS time
       FROM task_approvals a JOIN task_executions t ON t.id = a.task_id
       WHERE ($1::uuid IS NULL OR t.workspace_id = $1) ${onlyOpen ? "AND a.decision IS NULL" : ""}
         AND ($4::uuid IS NULL OR (a.asked_at, a.id) < (${timeOf(3)}, $4))
     ) asked
     WHERE status = ANY ($2::text[]) ORDER BY time DESC, id DESC LIMIT $5`,
    [filter.workspaceId ?? null, filter.status, before?.micros ?? null, before?.id ?? null, filter.limit + 1],
  );
  const page = toPage(rows, filter.limit);
  return { items: page.rows.map(toApproval), nextCursor: page.nextCursor };
}

const toApproval = (row: Row): Approval => ({
  taskId: row.taskId,
  workspaceId: row.workspaceId,
  callId: row.callId,
  tool: row.tool,
  level: row.level,
  input: row.input,
  summary: row.summary,
  status: row.status,
  askedAt: row.askedAt,
  expiresAt: row.expiresAt,
  decidedAt: row.decidedAt,
  decidedBy: row.decidedBy,
  comment: row.comment,
});
