import { randomUUID } from "node:crypto";
import { WorkspaceNotFoundError } from "../../../contracts/errors.ts";
import { resolvePlanLimits, type PlanTier } from "../../../contracts/plan.ts";
import { LocalTaskRunner } from "../../../services/runner/local-task-runner.ts";
import { describeTaskRunner } from "../../contract/task-runner.contract.ts";
import { silentLog } from "../../support/database.ts";

describeTaskRunner("LocalTaskRunner", async (execute, { concurrency, graceSeconds, plans }) => {
  const workspaces = new Map<string, PlanTier>();
  const runner = new LocalTaskRunner({
    execute,
    concurrency,
    planOf: async (workspaceId) => {
      const plan = workspaces.get(workspaceId);
      if (plan === undefined) throw new WorkspaceNotFoundError(workspaceId);
      return plan;
    },
    planLimits: resolvePlanLimits(plans),
    log: silentLog,
    shutdownGraceSeconds: graceSeconds,
  });
  return {
    runner,
    workspace: async (plan) => {
      const workspaceId = randomUUID();
      workspaces.set(workspaceId, plan);
      return workspaceId;
    },
    stopWorking: () => runner.close(),
    destroy: () => runner.close(),
  };
});
