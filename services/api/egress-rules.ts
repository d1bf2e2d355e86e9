import type { EgressRule, Workspace } from "../../contracts/workspace.ts";
import { withTransaction, type Pool } from "../runtime/database.ts";
import { WorkspaceStore } from "../workspace/workspace-store.ts";
import { TooManyEgressRulesError } from "./errors.ts";

interface EgressRulesChange {
  readonly add: readonly EgressRule[];
  readonly remove: readonly EgressRule[];
}

/**
 * Removes rules, then adds others. Two changes at once both take effect.
 *
 * @throws WorkspaceNotFoundError, TooManyEgressRulesError
 */
export type ChangeEgressRules = (workspaceId: string, change: EgressRulesChange) => Promise<Workspace>;

/** As many as contracts/workspace.ts allows. */
const MAX_RULES = 1_000;

export const makeChangeEgressRules =
  (pool: Pool): ChangeEgressRules =>
  (workspaceId, { add, remove }) =>
    withTransaction(pool, async (client) => {
      await client.query("SELECT FROM workspaces WHERE id = $1 FOR UPDATE", [workspaceId]);
      const store = new WorkspaceStore({ pool: client });
      const { egressRules } = await store.get(workspaceId);
      const rules = [...new Set([...egressRules.filter((rule) => !remove.includes(rule)), ...add])];
      if (rules.length > MAX_RULES) throw new TooManyEgressRulesError(workspaceId, rules.length, MAX_RULES);
      return store.updateEgressRules(workspaceId, rules);
    });
