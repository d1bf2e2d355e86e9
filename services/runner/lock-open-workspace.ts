import { WorkspaceNotFoundError, WorkspaceNotOpenError } from "../../contracts/errors.ts";
import type { PlanTier } from "../../contracts/plan.ts";
import type { WorkspaceState } from "../../contracts/workspace-move.ts";
import type { PoolClient } from "../runtime/database.ts";

/**
 * Holds a workspace's row until the transaction ends: it stays open as long, and whoever else changes what is its own by
 * this waits. Resolves to its plan.
 *
 * @throws WorkspaceNotFoundError, WorkspaceNotOpenError
 */
export async function lockOpenWorkspace(client: PoolClient, workspaceId: string): Promise<PlanTier> {
  const { rows } = await client.query<{ plan: PlanTier; state: WorkspaceState; peer: string | null }>(
    "SELECT plan, state, move_peer AS peer FROM workspaces WHERE id = $1 FOR NO KEY UPDATE",
    [workspaceId],
  );
  const workspace = rows[0];
  if (workspace === undefined) throw new WorkspaceNotFoundError(workspaceId);
  const { plan, state, peer } = workspace;
  if (state !== "open") throw new WorkspaceNotOpenError(workspaceId, state, peer);
  return plan;
}
