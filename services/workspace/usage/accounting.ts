import type { QuotaStatus } from "../../../contracts/workspace-quota.ts";
import type { UsageMeter, WorkspaceQuota } from "./usage-meter.ts";

/** A file system's own books of what each workspace takes. */
export interface StorageAccounting extends Pick<UsageMeter, "prepare" | "changeQuota"> {
  readonly status: QuotaStatus;
  /** What the books say, without starting a program; undefined for a folder that has no account (yet). */
  usedBytes(workspaceId: string): Promise<number | undefined>;
  /** Has the file system bring its books up to date with what was removed. */
  settle(workspaceId: string): Promise<void>;
}

const MIB = 1024 ** 2;

/**
 * Where the file system begins to refuse: above the quota by a sixty-fourth (4 MiB at least, 256 MiB at most). Who is
 * over his quota is thus seen to be, and stopped with that reason; and there is room to remove what he wrote, which
 * needs a little space on file systems that copy on write.
 */
export const hardLimitBytes = ({ quotaBytes }: Pick<WorkspaceQuota, "quotaBytes">): number =>
  quotaBytes + Math.min(Math.max(Math.ceil(quotaBytes / 64), 4 * MIB), 256 * MIB);
