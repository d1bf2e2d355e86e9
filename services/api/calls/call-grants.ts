import type { PlanLimits, PlanTier } from "../../../contracts/plan.ts";
import type { CallGrant } from "../../../contracts/tool-call.ts";
import type { WorkspaceStore } from "../../workspace/workspace-store.ts";

/** What a worker must know of the workspace that it is called for. */
export class CallGrants {
  readonly #workspaces: Pick<WorkspaceStore, "get" | "uid">;
  readonly #planLimits: Readonly<Record<PlanTier, PlanLimits>>;

  constructor(deps: {
    readonly workspaces: Pick<WorkspaceStore, "get" | "uid">;
    readonly planLimits: Readonly<Record<PlanTier, PlanLimits>>;
  }) {
    this.#workspaces = deps.workspaces;
    this.#planLimits = deps.planLimits;
  }

  /** Read anew for each call, so that a changed policy holds at once. @throws WorkspaceNotFoundError */
  async for(workspaceId: string, callId: string): Promise<CallGrant> {
    const [workspace, uid] = await Promise.all([this.#workspaces.get(workspaceId), this.#workspaces.uid(workspaceId)]);
    const { plan, createdAt, toolPolicy } = workspace;
    const { storageQuotaBytes, maxToolCalls } = this.#planLimits[plan];
    return {
      callId,
      workspaceId,
      uid,
      plan,
      createdAt,
      quotaBytes: storageQuotaBytes,
      maxCalls: maxToolCalls,
      toolPolicy,
    };
  }
}
