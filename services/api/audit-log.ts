import type { Pool } from "pg";
import type { AuditEntry, AuditQuery } from "../../contracts/http-api.ts";
import { InvalidCursorError } from "../runtime/cursor.ts";

export type AuditRecord = Omit<AuditEntry, "entryId" | "at"> & {
  /** Names the call of which this is one of two rows: its start (outcome `started`), or its end. */
  readonly call?: string;
};

/** Who changed what. Append-only: the database refuses to change or remove a row. */
export interface AuditLog {
  append(record: AuditRecord): Promise<void>;
  /** The newest first. @throws InvalidCursorError */
  list(query: AuditQuery): Promise<{ items: AuditEntry[]; nextCursor: string | null }>;
}

/** Rows have numbers that grow: the last one on a page says where the next begins. */
const CURSOR = /^[0-9]{1,18}$/;
interface Row {
  id: string;
  at: Date;
  actor: string;
  action: string;
  target: string;
  outcome: string;
  details: { workspaceId?: string | null; requestId?: string; suppressed?: number };
}

export class PostgresAuditLog implements AuditLog {
  readonly #database: Pick<Pool, "query">;

  constructor(deps: { readonly database: Pick<Pool, "query"> }) {
    this.#database = deps.database;
  }

  async append(record: AuditRecord): Promise<void> {
    const { actor, action, target, outcome, workspaceId, requestId, suppressed, call = null } = record;
    const details = { workspaceId, requestId, ...(suppressed === 0 ? {} : { suppressed }) };
    await this.#database.query(
      "INSERT INTO audit_log (actor, action, target, outcome, details, call) VALUES ($1, $2, $3, $4, $5, $6)",
      [actor, action, target, outcome, details, call],
    );
  }

  async list(query: AuditQuery): Promise<{ items: AuditEntry[]; nextCursor: string | null }> {
    const { cursor = null } = query;
    if (cursor !== null && !CURSOR.test(cursor)) throw new InvalidCursorError(cursor);
    const { rows } = await this.#database.query<Row>(
      // A call's start is shown until its end is recorded, which does not repeat what the call was about.
      `SELECT a.id, a.at, a.actor, a.action, coalesce(started.target, a.target) AS target, a.outcome, a.details
       FROM audit_log a
       LEFT JOIN LATERAL (
         SELECT s.target FROM audit_log s WHERE s.call = a.call AND s.id < a.id AND s.outcome = 'started'
         ORDER BY s.id DESC LIMIT 1
       ) started ON a.outcome <> 'started'
       WHERE ($1::bigint IS NULL OR a.id < $1) AND ($2::text IS NULL OR a.action = $2)
         AND ($3::text IS NULL OR a.details->>'workspaceId' = $3)
         AND NOT (a.outcome = 'started' AND EXISTS (SELECT FROM audit_log e WHERE e.call = a.call AND e.id > a.id))
       ORDER BY a.id DESC LIMIT $4`,
      [cursor, query.action ?? null, query.workspaceId ?? null, query.limit + 1],
    );
    const items = rows.slice(0, query.limit).map(toEntry);
    const last = items.at(-1);
    return { items, nextCursor: rows.length > query.limit && last !== undefined ? last.entryId : null };
  }
}

const toEntry = ({ id, at, actor, action, target, outcome, details }: Row): AuditEntry => ({
  entryId: id,
  at: at.toISOString(),
  actor,
  action,
  target,
  outcome,
  workspaceId: details.workspaceId ?? null,
  requestId: details.requestId ?? "",
  suppressed: details.suppressed ?? 0,
});
