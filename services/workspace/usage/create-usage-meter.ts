import { mkdir, realpath } from "node:fs/promises";
import type { QuotaKind, QuotaSetting } from "../../../contracts/workspace-quota.ts";
import type { Logger } from "../../runtime/logger.ts";
import { AccountedUsageMeter } from "./accounted-usage-meter.ts";
import type { StorageAccounting } from "./accounting.ts";
import { BtrfsAccounting } from "./btrfs-accounting.ts";
import { CountedUsageMeter } from "./counted-usage-meter.ts";
import { mountOf, readMounts } from "./mount-table.ts";
import { ProjectAccounting } from "./project-accounting.ts";
import { QuotaKindUnavailableError } from "./quota-errors.ts";
import type { UsageMeter } from "./usage-meter.ts";
import { VolumeAccounting } from "./volume-accounting.ts";

export interface UsageMeterOptions {
  /** Folder of all workspaces; made when it is not there. */
  readonly rootDir: string;
  readonly setting: QuotaSetting;
  readonly logger: Logger;
  /**
   * A reader sets no limits. Where it cannot look into the file system's books (it is not root, or they are not open
   * yet) it tells what the workers have kept. @default false
   */
  readonly readOnly?: boolean;
}

const IN_ORDER = ["volume", "btrfs", "project"] as const satisfies readonly QuotaKind[];

/**
 * The best way to count and limit what workspaces take that their volume can do, or the one that was asked for.
 *
 * @throws QuotaKindUnavailableError when the kind that was asked for cannot be had.
 */
export async function createUsageMeter(options: UsageMeterOptions): Promise<UsageMeter> {
  const { setting, logger } = options;
  await mkdir(options.rootDir, { recursive: true, mode: 0o711 });
  const rootDir = await realpath(options.rootDir);
  const meter = await choose({ ...options, rootDir });
  logger.info({ event: "quota_kind", setting, ...meter.status }, "how workspaces' storage is counted and limited");
  return meter;
}

async function choose(options: UsageMeterOptions): Promise<UsageMeter> {
  const { rootDir, setting, logger } = options;
  if (setting === "count") return new CountedUsageMeter({ rootDir, logger });
  if (setting !== "auto" && options.readOnly !== true) {
    return new AccountedUsageMeter({ rootDir, logger, accounting: await open(setting, options) });
  }
  const lacking: string[] = [];
  for (const kind of setting === "auto" ? IN_ORDER : [setting]) {
    try {
      return new AccountedUsageMeter({ rootDir, logger, accounting: await open(kind, options) });
    } catch (error) {
      if (!(error instanceof QuotaKindUnavailableError)) throw error;
      lacking.push(error.reason);
    }
  }
  return new CountedUsageMeter({ rootDir, logger, reason: lacking.join("; ") });
}

async function open(kind: Exclude<QuotaKind, "count">, options: UsageMeterOptions): Promise<StorageAccounting> {
  const { rootDir, setting, readOnly = false, logger: log } = options;
  const mounts = await readMounts();
  const mount = mountOf(mounts, rootDir);
  if (kind === "volume") {
    const isUsed = await VolumeAccounting.isUsed(rootDir, mounts);
    const reason = isUsed ? `every workspace below ${rootDir} is a mount` : "WORKSPACE_QUOTA is volume";
    if (isUsed || setting === "volume") return new VolumeAccounting({ rootDir, reason });
    throw new QuotaKindUnavailableError(kind, "workspaces are no mounts of their own", "Mount a volume for each.");
  }
  if (!readOnly && process.getuid?.() !== 0) {
    throw new QuotaKindUnavailableError(kind, "limits can only be set by root", "Run the worker as root.");
  }
  return kind === "btrfs"
    ? BtrfsAccounting.open({ rootDir, mount, log, mayEnable: setting === "btrfs" && process.getuid?.() === 0 })
    : ProjectAccounting.open({ rootDir, mount });
}
