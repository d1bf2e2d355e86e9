import type { Pool } from "pg";
import type { EgressRuleStore } from "./egress-rule-store.ts";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Reads rules from the record, through the one view that the gateway's role may see. */
export class PostgresEgressRuleStore implements EgressRuleStore {
  readonly #pool: Pool;

  constructor(deps: { readonly pool: Pool }) {
    this.#pool = deps.pool;
  }

  async rulesOf(workspaceId: string): Promise<readonly string[] | undefined> {
    if (!UUID.test(workspaceId)) return undefined;
    const { rows } = await this.#pool.query<{ egress_rules: string[] }>(
      "SELECT egress_rules FROM workspace_egress WHERE workspace_id = $1",
      [workspaceId],
    );
    return rows[0]?.egress_rules;
  }

  /** Rejects when the view cannot be read: the database is away, or its migrations have not been applied. */
  async check(): Promise<void> {
    await this.#pool.query("SELECT 1 FROM workspace_egress LIMIT 1");
  }
}
