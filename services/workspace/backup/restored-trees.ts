import type { BackupRun, TreeComparison } from "../../../contracts/backup.ts";
import type { PlanLimits, PlanTier } from "../../../contracts/plan.ts";
import type { RepositoryLocks } from "../repository-locks.ts";
import type { UsageMeter } from "../usage/usage-meter.ts";
import type { WorkspaceStore } from "../workspace-store.ts";
import type { WorkspaceVolume } from "../workspace-volume.ts";
import type { RunOutcome } from "./backup-leases.ts";
import { finishSwap, readSwap } from "./tree-swap.ts";

export interface RestoredTreesDeps {
  readonly rootDir: string;
  readonly locks: RepositoryLocks;
  readonly volume: Pick<WorkspaceVolume, "prepare" | "sweep">;
  readonly usage: Pick<UsageMeter, "refreshInBackground">;
  readonly workspaces: Pick<WorkspaceStore, "get" | "uid">;
  readonly planLimits: Readonly<Record<PlanTier, PlanLimits>>;
}

/**
 * What restores have put in the place of workspaces. It asks neither restic nor the store: every worker can end what
 * another was killed in.
 */
export class RestoredTrees {
  readonly #deps: RestoredTreesDeps;

  constructor(deps: RestoredTreesDeps) {
    this.#deps = deps;
  }

  /**
   * Ends what was cut off in the run's workspace: the new tree has its account, and the old one goes.
   *
   * @returns what the run has come to; undefined when it has put nothing in place.
   */
  async settle({ workspaceId, runId }: BackupRun): Promise<RunOutcome | undefined> {
    const { rootDir, locks, volume, usage } = this.#deps;
    const swap = await finishSwap({ rootDir, locks, workspaceId });
    if (swap?.runId !== runId) return undefined;
    await this.prepare(workspaceId);
    await volume.sweep(workspaceId);
    usage.refreshInBackground(workspaceId);
    return outcomeOf(swap.comparison);
  }

  /** Whether the run has begun to replace the workspace's files: it cannot have failed then. Asks the volume alone. */
  async hasBegun({ workspaceId, runId }: BackupRun): Promise<boolean> {
    return (await readSwap({ ...this.#deps, workspaceId }))?.runId === runId;
  }

  /** Makes the workspace's folder, or repairs it. */
  async prepare(workspaceId: string): Promise<void> {
    const { workspaces, planLimits, volume } = this.#deps;
    const { plan, createdAt } = await workspaces.get(workspaceId);
    const { storageQuotaBytes: quotaBytes } = planLimits[plan];
    const uid = await workspaces.uid(workspaceId);
    await volume.prepare({ workspaceId, planTier: plan, createdAt }, { uid, quotaBytes });
  }
}

export const outcomeOf = (comparison: TreeComparison): RunOutcome => ({
  comparison,
  fileCount: comparison.files,
  totalBytes: comparison.bytes,
});
