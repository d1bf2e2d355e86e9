import { createHash, randomBytes } from "node:crypto";
import { Caller } from "../../../contracts/http-api.ts";
import type { TerminalTicket } from "../../../contracts/terminal.ts";
import type { Pool } from "../../runtime/database.ts";

const GOOD_SECONDS = 30;

/** Tickets for terminals: good once, for one workspace, for 30 seconds. The record has their hashes alone. */
export class TicketStore {
  readonly #database: Pick<Pool, "query">;

  constructor(deps: { readonly database: Pick<Pool, "query"> }) {
    this.#database = deps.database;
  }

  async give(workspaceId: string, caller: Caller): Promise<TerminalTicket> {
    const ticket = randomBytes(32).toString("base64url");
    const { rows } = await this.#database.query<{ expiresAt: Date }>(
      `WITH expired AS (DELETE FROM terminal_tickets WHERE expires_at < now())
       INSERT INTO terminal_tickets (ticket_hash, workspace_id, caller, expires_at)
       VALUES ($1, $2, $3, now() + $4 * interval '1 second') RETURNING expires_at AS "expiresAt"`,
      [hashOf(ticket), workspaceId, JSON.stringify(caller), GOOD_SECONDS],
    );
    return { ticket, expiresAt: (rows[0]?.expiresAt ?? new Date()).toISOString() };
  }

  /** Who was given the ticket, confined to the workspace that it is for; undefined when it is not good any more. */
  async take(ticket: string): Promise<Caller | undefined> {
    const { rows } = await this.#database.query<{ caller: unknown; workspaceId: string }>(
      `DELETE FROM terminal_tickets WHERE ticket_hash = $1 AND expires_at > now()
       RETURNING caller, workspace_id AS "workspaceId"`,
      [hashOf(ticket)],
    );
    const row = rows[0];
    if (row === undefined) return undefined;
    return { ...Caller.parse(row.caller), kind: "workspace", workspaceId: row.workspaceId, mayApprove: false };
  }
}

const hashOf = (ticket: string): Buffer => createHash("sha256").update(ticket).digest();
