import type { PlanLimits, PlanTier } from "../../contracts/plan.ts";
import type { NotificationListener } from "../runtime/listener.ts";
import type { Logger } from "../runtime/logger.ts";
import type { UsageMeter } from "../workspace/usage/usage-meter.ts";
import type { WorkspaceStore } from "../workspace/workspace-store.ts";
import type { QuotaGuard } from "./quota-guard.ts";

/** As the trigger of 0001_workspaces.sql names it; the payload is the id of the workspace that changed. */
const CHANNEL = "automatos_workspaces";

/**
 * Holds running tasks to a workspace's new plan at once, and has the file system enforce its quota. A change that is
 * missed (a lost connection) takes effect with the workspace's next task.
 *
 * @returns Ends the watch, and resolves when what it began has ended.
 */
export function watchPlans(deps: {
  readonly listener: Pick<NotificationListener, "subscribe">;
  readonly workspaces: Pick<WorkspaceStore, "get" | "uid">;
  readonly usage: Pick<UsageMeter, "changeQuota">;
  readonly guard: Pick<QuotaGuard, "changeQuota">;
  readonly planLimits: Readonly<Record<PlanTier, PlanLimits>>;
  readonly log: Logger;
}): () => Promise<void> {
  const { workspaces, usage, guard, planLimits, log } = deps;
  let last = Promise.resolve();
  const apply = async (workspaceId: string): Promise<void> => {
    try {
      const [{ plan }, uid] = await Promise.all([workspaces.get(workspaceId), workspaces.uid(workspaceId)]);
      const quotaBytes = planLimits[plan].storageQuotaBytes;
      guard.changeQuota(workspaceId, quotaBytes);
      await usage.changeQuota({ workspaceId, uid, quotaBytes });
      log.debug({ event: "quota_applied", workspaceId, plan, quotaBytes }, "quota follows the plan");
    } catch (error) {
      log.warn({ event: "quota_change_failed", workspaceId, err: error }, "quota follows with the next task");
    }
  };
  const unsubscribe = deps.listener.subscribe(CHANNEL, (workspaceId) => {
    last = last.then(() => apply(workspaceId));
  });
  return async () => {
    unsubscribe();
    await last;
  };
}
