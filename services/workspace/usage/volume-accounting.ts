import { lstat, readdir, statfs } from "node:fs/promises";
import { z } from "zod";
import type { QuotaStatus } from "../../../contracts/workspace-quota.ts";
import { workspacePath } from "../workspace-path.ts";
import type { StorageAccounting } from "./accounting.ts";
import { type Mount } from "./mount-table.ts";
import { lookAt } from "./own-folder.ts";
import { WorkspaceVolumeMissingError } from "./quota-errors.ts";
import type { WorkspaceQuota } from "./usage-meter.ts";

/**
 * A volume for each workspace, mounted in its place by somebody else (a PersistentVolumeClaim, a logical volume). Its
 * size is the limit that the kernel enforces; a quota below that is watched.
 */
export class VolumeAccounting implements StorageAccounting {
  readonly status: QuotaStatus;
  readonly #rootDir: string;

  constructor(deps: { readonly rootDir: string; readonly reason: string }) {
    this.#rootDir = deps.rootDir;
    this.status = { kind: "volume", hardLimit: true, reason: deps.reason };
  }

  /** Whether every workspace below `rootDir` is a mount of its own, and there is one. */
  static async isUsed(rootDir: string, mounts: readonly Mount[]): Promise<boolean> {
    const names = (await readdir(rootDir)).filter((name) => z.uuid().safeParse(name).success);
    const mounted = new Set(mounts.map(({ mountPoint }) => mountPoint));
    return names.length > 0 && names.every((name) => mounted.has(workspacePath(rootDir, name)));
  }

  async prepare({ workspaceId }: WorkspaceQuota): Promise<void> {
    if (!(await this.#isMounted(workspaceId))) throw new WorkspaceVolumeMissingError(workspaceId);
  }

  async changeQuota(): Promise<void> {
    // The volume's size is its owner's to change.
  }

  async usedBytes(workspaceId: string): Promise<number | undefined> {
    if (!(await this.#isMounted(workspaceId))) return undefined;
    const { blocks, bfree, bsize } = await statfs(workspacePath(this.#rootDir, workspaceId));
    return (blocks - bfree) * bsize;
  }

  async settle(): Promise<void> {
    // statfs is always up to date.
  }

  async #isMounted(workspaceId: string): Promise<boolean> {
    const stats = await lookAt(workspacePath(this.#rootDir, workspaceId));
    return stats !== undefined && stats.dev !== (await lstat(this.#rootDir)).dev;
  }
}
