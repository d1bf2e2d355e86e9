import type { QuotaStatus } from "../../../contracts/workspace-quota.ts";
import type { UsageMeter, WorkspaceQuota } from "./usage-meter.ts";

/** A file system's own books of what each workspace takes. */
export interface StorageAccounting extends Pick<UsageMeter, "prepare" | "changeQuota"> {
  readonly status: QuotaStatus;
  /** What the books say, without starting a program; undefined for a folder that has no account (yet). */
  usedBytes(workspaceId: string): Promise<number | undefined>;
  /** Inodes, where the books know them and the volume has a fixed number of them. */
  usedEntries?(workspaceId: string): Promise<number | undefined>;
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

const MIN_INODES = 100_000;
const BYTES_PER_INODE = 4_096;

/**
 * How many files, folders and links a workspace may have where the file system limits them: empty ones take no bytes, but
 * an inode each, of which a volume has a fixed number.
 */
export const inodeLimit = ({ quotaBytes }: Pick<WorkspaceQuota, "quotaBytes">): number =>
  Math.max(Math.ceil(quotaBytes / BYTES_PER_INODE), MIN_INODES);
