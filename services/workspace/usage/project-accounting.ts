import { mkdir, rm, statfs } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import type { QuotaStatus } from "../../../contracts/workspace-quota.ts";
import { workspacePath } from "../workspace-path.ts";
import { hardLimitBytes, inodeLimit, type StorageAccounting } from "./accounting.ts";
import type { Mount } from "./mount-table.ts";
import { ensureFolder, type FolderState, lookAt } from "./own-folder.ts";
import { QuotaKindUnavailableError, QuotaProgramError } from "./quota-errors.ts";
import { findQuotaProgram, type QuotaProgram, runProgram } from "./run-program.ts";
import type { WorkspaceQuota } from "./usage-meter.ts";

const FILE_SYSTEMS = ["ext4", "xfs"];
const PROGRAMS = ["chattr", "lsattr", "setquota", "repquota"] as const satisfies readonly QuotaProgram[];
const KIB = 1024;
const XFS_ASKED = 3;
const XFS_WAIT_MS = 100;

/**
 * A project quota for each workspace, on ext4 and XFS: its folder, and all that is made in it, belongs to the project
 * that has the number of the workspace's user. `statfs` of a folder with a limited project tells that project's limit
 * and what is left of it, so that reading starts no program; only where the whole volume has less left than the
 * project does `repquota` have to be asked.
 */
export class ProjectAccounting implements StorageAccounting {
  readonly status: QuotaStatus;
  readonly #rootDir: string;
  readonly #mountPoint: string;
  readonly #fileSystem: string;
  /** By project, as this process has set them: a limit above the volume's size does not show in `statfs`. */
  readonly #limits = new Map<number, string>();

  private constructor(rootDir: string, mount: Mount) {
    this.#rootDir = rootDir;
    this.#mountPoint = mount.mountPoint;
    this.#fileSystem = mount.fileSystem;
    this.status = {
      kind: "project",
      hardLimit: true,
      reason: `${mount.mountPoint} is ${mount.fileSystem}, mounted with project quotas`,
    };
  }

  /** @throws QuotaKindUnavailableError */
  static async open(deps: { readonly rootDir: string; readonly mount: Mount | undefined }): Promise<ProjectAccounting> {
    const { rootDir, mount } = deps;
    const unavailable = (reason: string, remedy: string) => new QuotaKindUnavailableError("project", reason, remedy);
    if (mount === undefined || !FILE_SYSTEMS.includes(mount.fileSystem)) {
      throw unavailable(
        `${rootDir} is on ${mount?.fileSystem ?? "an unknown file system"}`,
        "Put WORKSPACES_DIR on ext4 or XFS.",
      );
    }
    if (!mount.options.some((option) => option === "prjquota" || option === "pquota")) {
      throw unavailable(
        `${mount.mountPoint} is mounted without prjquota`,
        "Mount it with the option prjquota; ext4 also needs `tune2fs -O project,quota -Q prjquota` first.",
      );
    }
    const missing = PROGRAMS.filter((program) => findQuotaProgram(program) === undefined);
    if (missing.length > 0) {
      throw unavailable(`${missing.join(", ")} not installed`, "Install the packages quota and e2fsprogs.");
    }
    const accounting = new ProjectAccounting(rootDir, mount);
    await accounting.#report().catch((error: unknown) => {
      throw unavailable(error instanceof Error ? error.message : String(error), "Turn project quotas on with quotaon.");
    });
    return accounting;
  }

  async prepare(workspace: WorkspaceQuota, { inUse }: { readonly inUse: boolean }): Promise<void> {
    const { workspaceId, uid } = workspace;
    const accounted = await ensureFolder(
      this.#rootDir,
      { workspaceId, uid, inUse },
      {
        stateOf: (path) => this.#stateOf(path),
        make: async (path) => {
          await mkdir(path, { mode: 0o700 });
          await runProgram("chattr", ["-p", String(uid), "+P", path]);
          await this.#limit(path, workspace);
        },
        remove: (path) => rm(path, { recursive: true, force: true }),
      },
    );
    if (accounted) await this.#limit(this.#dir(workspaceId), workspace);
  }

  async changeQuota(workspace: WorkspaceQuota): Promise<void> {
    const dir = this.#dir(workspace.workspaceId);
    if ((await this.#stateOf(dir)) === "accounted") await this.#limit(dir, workspace);
  }

  async usedBytes(workspaceId: string): Promise<number | undefined> {
    const dir = this.#dir(workspaceId);
    if ((await lookAt(dir)) === undefined) return undefined;
    const [project, volume] = await Promise.all([statfs(dir), statfs(this.#rootDir)]);
    // A limited project looks like a smaller volume. With as much free as the volume it may be the volume that ends
    // first, and with nothing free it may hold more than its limit, which was lower once: then only the report knows.
    if (project.blocks < volume.blocks && project.bfree !== volume.bfree && project.bfree > 0) {
      return (project.blocks - project.bfree) * project.bsize;
    }
    const id = await this.#projectOf(dir);
    return id === undefined ? undefined : ((await this.#report()).get(id) ?? 0);
  }

  async usedEntries(workspaceId: string): Promise<number | undefined> {
    const [project, volume] = await Promise.all([statfs(this.#dir(workspaceId)), statfs(this.#rootDir)]);
    // As with bytes: only a limit below what the volume has shows.
    return project.files < volume.files && project.ffree !== volume.ffree ? project.files - project.ffree : undefined;
  }

  async settle(): Promise<void> {
    // ext4's books are right at once. XFS gives back what was removed in the background, at once when it is asked.
    for (let asked = 0; this.#fileSystem === "xfs" && asked < XFS_ASKED; asked++) {
      await statfs(this.#rootDir);
      await delay(XFS_WAIT_MS);
    }
  }

  async #limit(dir: string, workspace: WorkspaceQuota): Promise<void> {
    const kib = Math.ceil(hardLimitBytes(workspace) / KIB);
    const inodes = inodeLimit(workspace);
    const { blocks, bsize, files } = await statfs(dir);
    const wanted = `${kib} ${inodes}`;
    if (blocks === Math.floor((kib * KIB) / bsize) && files === inodes) return;
    if (this.#limits.get(workspace.uid) === wanted) return;
    // Soft and hard, of blocks in KiB, then of inodes.
    const limits = ["0", String(kib), "0", String(inodes)];
    await runProgram("setquota", ["-P", String(workspace.uid), ...limits, this.#mountPoint]);
    this.#limits.set(workspace.uid, wanted);
  }

  async #stateOf(path: string): Promise<FolderState> {
    const stats = await lookAt(path);
    if (stats === undefined) return "missing";
    const { blocks } = await statfs(path);
    if (blocks < (await statfs(this.#rootDir)).blocks) return "accounted";
    return (await this.#projectOf(path)) === undefined ? "plain" : "accounted";
  }

  /** The project of a folder that hands it on to what is made in it. */
  async #projectOf(dir: string): Promise<number | undefined> {
    const args = ["-p", "-d", dir];
    const line = await runProgram("lsattr", args);
    const [, id, flags] = /^\s*([0-9]+)\s+([A-Za-z-]+)\s/.exec(line) ?? [];
    if (id === undefined || flags === undefined) {
      throw new QuotaProgramError("lsattr", args, `it printed ${JSON.stringify(line.slice(0, 200))}`);
    }
    return flags.includes("P") && id !== "0" ? Number(id) : undefined;
  }

  /** Bytes used, by project. */
  async #report(): Promise<Map<number, number>> {
    const args = ["--project", "--no-names", "--output=csv", this.#mountPoint];
    return parseReport(await runProgram("repquota", args), (line) => {
      throw new QuotaProgramError("repquota", args, `it printed ${JSON.stringify(line.slice(0, 200))}`);
    });
  }

  #dir(workspaceId: string): string {
    return workspacePath(this.#rootDir, workspaceId);
  }
}

/** `#<project>,<block status>,<file status>,<KiB used>,...`, below a line that names the columns. */
export function parseReport(text: string, onUnknown: (line: string) => never): Map<number, number> {
  const [head = "", ...lines] = text.trimEnd().split("\n");
  if (!head.startsWith("Project,BlockStatus,FileStatus,BlockUsed,")) onUnknown(head);
  return new Map(
    lines.map((line) => {
      const [, project, kib] = /^#([0-9]+),[a-z]+,[a-z]+,([0-9]+),/.exec(line) ?? onUnknown(line);
      return [Number(project), Number(kib) * KIB];
    }),
  );
}
