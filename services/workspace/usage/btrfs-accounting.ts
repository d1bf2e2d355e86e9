import { readdir, readFile, realpath, rm, statfs } from "node:fs/promises";
import { basename, join } from "node:path";
import type { QuotaStatus } from "../../../contracts/workspace-quota.ts";
import type { Logger } from "../../runtime/logger.ts";
import { workspacePath } from "../workspace-path.ts";
import { hardLimitBytes, type StorageAccounting } from "./accounting.ts";
import type { Mount } from "./mount-table.ts";
import { ensureFolder, type FolderState, lookAt } from "./own-folder.ts";
import { QuotaKindUnavailableError, QuotaProgramError } from "./quota-errors.ts";
import { findQuotaProgram, runProgram } from "./run-program.ts";
import type { WorkspaceQuota } from "./usage-meter.ts";

/** linux/magic.h: BTRFS_SUPER_MAGIC */
const BTRFS_MAGIC = 0x9123683e;
/** The inode of a subvolume's root: BTRFS_FIRST_FREE_OBJECTID of linux/btrfs_tree.h. */
const SUBVOLUME_INODE = 256;
const SYSFS = "/sys/fs/btrfs";

interface BtrfsDeps {
  readonly rootDir: string;
  readonly mount: Mount | undefined;
  readonly log: Logger;
  /** Whether quotas may be turned on where they are off: only when this kind was asked for by name. */
  readonly mayEnable: boolean;
}

/**
 * A subvolume for each workspace, with a limit of its qgroup. The kernel shows both in /sys/fs/btrfs (since 5.9), so
 * that reading them starts no program; what was written counts at once, what was removed with the next transaction
 * (30 s at most, or `settle`).
 */
export class BtrfsAccounting implements StorageAccounting {
  readonly status: QuotaStatus;
  readonly #rootDir: string;
  readonly #qgroups: string;
  /** By device number and time of birth: the number of a subvolume that was deleted is given to another one. */
  readonly #subvolumes = new Map<string, string>();

  private constructor(rootDir: string, qgroups: string, reason: string) {
    this.#rootDir = rootDir;
    this.#qgroups = qgroups;
    this.status = { kind: "btrfs", hardLimit: true, reason };
  }

  /** @throws QuotaKindUnavailableError */
  static async open({ rootDir, mount, log, mayEnable }: BtrfsDeps): Promise<BtrfsAccounting> {
    const unavailable = (reason: string, remedy: string) => new QuotaKindUnavailableError("btrfs", reason, remedy);
    if ((await statfs(rootDir)).type !== BTRFS_MAGIC) {
      throw unavailable(`${rootDir} is not on btrfs`, "Put WORKSPACES_DIR on a btrfs volume.");
    }
    if (findQuotaProgram("btrfs") === undefined) {
      throw unavailable("the program `btrfs` is not installed", "Install the package btrfs-progs.");
    }
    const device = mount === undefined ? "" : basename(await realpath(mount.source));
    const fileSystem = await fileSystemOf(device);
    if (fileSystem === undefined) {
      throw unavailable(
        `no file system in ${SYSFS} has the device ${device}`,
        "Mount /sys, and run Linux 5.9 or later.",
      );
    }
    const qgroups = join(SYSFS, fileSystem, "qgroups");
    const enabled = async () => (await readdir(qgroups).catch(() => [])).some((name) => /^0_[0-9]+$/.test(name));
    const remedy = `Run \`btrfs quota enable ${rootDir}\`.`;
    if (!(await enabled())) {
      if (!mayEnable) throw unavailable("quotas are not enabled on this btrfs", remedy);
      await runProgram("btrfs", ["quota", "enable", rootDir]);
      if (!(await enabled())) throw unavailable("quotas could not be enabled", remedy);
    }
    const inconsistent = await readFile(join(qgroups, "inconsistent"), "utf8").catch(() => "0");
    if (inconsistent.trim() === "1") {
      log.warn({ event: "quota_rescan" }, "the qgroups' numbers are out of date: the file system counts again");
      await runProgram("btrfs", ["quota", "rescan", rootDir]).catch((error: unknown) => {
        log.warn({ event: "quota_rescan_failed", err: error }, "the qgroups could not be counted again");
      });
    }
    return new BtrfsAccounting(rootDir, qgroups, `${mount?.mountPoint ?? rootDir} is btrfs with quotas enabled`);
  }

  async prepare(workspace: WorkspaceQuota, { inUse }: { readonly inUse: boolean }): Promise<void> {
    const { workspaceId, uid } = workspace;
    const accounted = await ensureFolder(
      this.#rootDir,
      { workspaceId, uid, inUse },
      {
        stateOf,
        make: async (path) => {
          await runProgram("btrfs", ["subvolume", "create", path]);
          await this.#limit(path, workspace);
        },
        remove: async (path) => {
          if ((await stateOf(path)) === "accounted") await runProgram("btrfs", ["subvolume", "delete", path]);
          else await rm(path, { recursive: true, force: true });
        },
      },
    );
    if (accounted) await this.#limit(this.#dir(workspaceId), workspace);
  }

  async changeQuota(workspace: WorkspaceQuota): Promise<void> {
    const dir = this.#dir(workspace.workspaceId);
    if ((await stateOf(dir)) === "accounted") await this.#limit(dir, workspace);
  }

  async usedBytes(workspaceId: string): Promise<number | undefined> {
    const dir = this.#dir(workspaceId);
    const id = await this.#subvolumeOf(dir);
    if (id === undefined) return undefined;
    const [referenced, reserved] = await Promise.all([this.#number(id, "referenced"), this.#number(id, "rsv_data")]);
    return referenced + reserved;
  }

  async settle(workspaceId: string): Promise<void> {
    const dir = this.#dir(workspaceId);
    if ((await stateOf(dir)) === "accounted") await runProgram("btrfs", ["filesystem", "sync", dir]);
  }

  async #limit(dir: string, workspace: WorkspaceQuota): Promise<void> {
    const id = await this.#subvolumeOf(dir);
    if (id === undefined) throw new Error(`${dir} is no subvolume`);
    const wanted = hardLimitBytes(workspace);
    if ((await this.#number(id, "max_referenced")) === wanted) return;
    await runProgram("btrfs", ["qgroup", "limit", String(wanted), dir]);
  }

  async #subvolumeOf(dir: string): Promise<string | undefined> {
    const stats = await lookAt(dir);
    if (stats?.ino !== SUBVOLUME_INODE) return undefined;
    const key = `${stats.dev} ${stats.birthtimeMs}`;
    const known = this.#subvolumes.get(key);
    if (known !== undefined) return known;
    const args = ["inspect-internal", "rootid", dir];
    const id = (await runProgram("btrfs", args)).trim();
    if (!/^[0-9]{1,20}$/.test(id)) throw new QuotaProgramError("btrfs", args, `it printed ${JSON.stringify(id)}`);
    this.#subvolumes.set(key, id);
    return id;
  }

  async #number(subvolume: string, name: "referenced" | "rsv_data" | "max_referenced"): Promise<number> {
    const file = join(this.#qgroups, `0_${subvolume}`, name);
    const text = (await readFile(file, "utf8")).trim();
    if (!/^[0-9]{1,20}$/.test(text)) throw new Error(`${file} holds ${JSON.stringify(text)}`);
    return Number(text);
  }

  #dir(workspaceId: string): string {
    return workspacePath(this.#rootDir, workspaceId);
  }
}

async function stateOf(path: string): Promise<FolderState> {
  const stats = await lookAt(path);
  if (stats === undefined) return "missing";
  return stats.ino === SUBVOLUME_INODE ? "accounted" : "plain";
}

/** The id, as in sysfs, of the file system that a block device belongs to. */
async function fileSystemOf(device: string): Promise<string | undefined> {
  for (const id of await readdir(SYSFS).catch(() => [])) {
    const devices: string[] = await readdir(join(SYSFS, id, "devices")).catch(() => []);
    if (devices.includes(device)) return id;
  }
  return undefined;
}
