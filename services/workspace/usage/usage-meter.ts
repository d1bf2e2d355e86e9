import { z } from "zod";
import type { QuotaStatus } from "../../../contracts/workspace-quota.ts";

export const UsageReading = z.strictObject({
  usedBytes: z.int().min(0).describe("Bytes that the workspace takes on the disk."),
  usedEntries: z.int().min(0).optional().describe("Files, folders and links (inodes); absent where nothing tells."),
  measuredAt: z.iso.datetime(),
});
export type UsageReading = z.infer<typeof UsageReading>;

/** A workspace whose folder is made, or gets another limit. */
export interface WorkspaceQuota {
  readonly workspaceId: string;
  /** The owner of its files; the id of its project, where quotas are per project. */
  readonly uid: number;
  readonly quotaBytes: number;
}

/**
 * Knows how much of the disk a workspace takes, and has the file system refuse what is over its quota where that can.
 * Each kind obeys tests/contract/usage-meter.contract.ts.
 */
export interface UsageMeter {
  readonly status: QuotaStatus;
  /**
   * Makes the workspace's folder, if it is not there, and sets its limit: a little above the quota, so that whoever is
   * over it can be told and cleaned up after. A folder from before this kind was in force is carried over, unless
   * `inUse`; what a crash left of that is finished. Idempotent; cheap when nothing changes. The caller holds the
   * workspace's lock.
   *
   * @throws QuotaProgramError, WorkspaceVolumeMissingError
   */
  prepare(workspace: WorkspaceQuota, options: { readonly inUse: boolean }): Promise<void>;
  /** Sets another limit for a workspace that has been prepared. No-op for others, and where there are no hard limits. */
  changeQuota(workspace: WorkspaceQuota): Promise<void>;
  /** What is known: never looks at the files, but of a workspace that was never measured. */
  read(workspaceId: string): Promise<UsageReading>;
  /**
   * As exact as it can be without reading every file: for looking again and again while a task runs. Removed files that
   * are still open may be as they were some seconds ago; with `held` they are looked for now.
   */
  look(workspaceId: string, options?: { readonly held?: boolean }): Promise<UsageReading>;
  /** Exact, what was removed a moment ago included: before somebody is refused. Calls at the same time share one. */
  measure(workspaceId: string): Promise<UsageReading>;
  /** What the workspace's running processes have written, whatever has become of it; 0 where nothing tells. */
  writtenBytes(workspaceId: string): Promise<number>;
  /** Measures soon, one workspace after the other: for the time after a task. A failure is logged. */
  refreshInBackground(workspaceId: string): void;
  /** Resolves when what is being measured has been; starts nothing new. Idempotent. */
  close(): Promise<void>;
}
