import { chown, lstat, mkdir, rename, statfs } from "node:fs/promises";
import { join } from "node:path";
import { TreeComparison, type BackupConfig, type BackupRun } from "../../../contracts/backup.ts";
import type { PlanLimits, PlanTier } from "../../../contracts/plan.ts";
import type { RepositoryLocks } from "../repository-locks.ts";
import { SafeFs } from "../safe-fs.ts";
import { ServiceRecords } from "../service-records.ts";
import type { UsageMeter } from "../usage/usage-meter.ts";
import type { WorkspaceStore } from "../workspace-store.ts";
import type { WorkspaceVolume } from "../workspace-volume.ts";
import type { BackupBox, Mount } from "./backup-box.ts";
import type { BackupLeases, ClaimedRun, RunOutcome } from "./backup-leases.ts";
import {
  BackupDiffersError,
  BackupProgramError,
  BackupWorkerLostError,
  NoSpaceToRestoreError,
  RestoreAboveQuotaError,
  RestoreNotPossibleError,
  WorkspaceBusyError,
} from "./errors.ts";
import { findProgramFiles, type ProgramFiles } from "./program-files.ts";
import type { Restic } from "./restic.ts";
import { outcomeOf, type RestoredTrees } from "./restored-trees.ts";
import { readSwap, STAGED, swapTree } from "./tree-swap.ts";

export interface DoRunDeps {
  readonly rootDir: string;
  readonly box: BackupBox;
  readonly restic: Restic;
  readonly keep: BackupConfig["keep"];
  readonly leases: BackupLeases;
  readonly locks: RepositoryLocks;
  readonly trees: RestoredTrees;
  readonly volume: Pick<WorkspaceVolume, "workspaceDir">;
  readonly usage: Pick<UsageMeter, "status">;
  readonly workspaces: Pick<WorkspaceStore, "get" | "uid">;
  readonly planLimits: Readonly<Record<PlanTier, PlanLimits>>;
}

/** A comparison that found differences comes with the error. */
export class ComparedError extends BackupDiffersError {
  readonly comparison: TreeComparison;

  constructor(comparison: TreeComparison) {
    super(comparison.different + comparison.missing + comparison.extra, comparison.examples[0]);
    this.comparison = comparison;
  }
}

const TREE_LIST = join(import.meta.dirname, "inside/tree-list.ts");
const LIST_INSIDE = "/program/tree-list.mts";
const MIB = 1024 ** 2;
/** What stays free beside a restored tree, for its folders and names. */
const SPARE_BYTES = 64 * MIB;
const SCRATCH = "scratch";

/** Does backups, restores and checks of workspaces on this worker's volume. */
export class RunDoer {
  readonly #deps: DoRunDeps;
  readonly #records: ServiceRecords;
  readonly #node: ProgramFiles;

  constructor(deps: DoRunDeps) {
    this.#deps = deps;
    this.#records = new ServiceRecords(deps.rootDir);
    this.#node = findProgramFiles(process.execPath);
  }

  /**
   * After `RestoredTrees.settle`: nothing is on its way into the workspace's place.
   *
   * @throws PlatformErrors; the signal's reason when that fires
   */
  async do(claimed: ClaimedRun, signal: AbortSignal): Promise<RunOutcome> {
    const { workspaceId, kind } = claimed.run;
    const uid = await this.#deps.workspaces.uid(workspaceId);
    const use: Use = { run: claimed.run, workspaceId, uid, signal, state: this.#records.file(workspaceId, ["backup"]) };
    await this.#makeFolder(use, use.state);
    await this.#removeScratch(use); // what a lost worker left
    try {
      if (kind === "backup") return await this.#backup(use, claimed);
      const backup = await this.#deps.leases.find(claimed.run.backupId ?? "");
      return await (kind === "restore" ? this.#restore(use, claimed, backup) : this.#check(use, backup));
    } finally {
      if (kind !== "backup") await this.#removeScratch(use);
    }
  }

  async #backup(use: Use, claimed: ClaimedRun): Promise<RunOutcome> {
    const { workspaceId, signal, run } = use;
    const { volume, restic, leases, trees } = this.#deps;
    await trees.prepare(workspaceId);
    const tree = { from: volume.workspaceDir(workspaceId), to: "/workspace" };
    const list = join(use.state, "list.ndjson");
    const fresh = `${list}.new`;
    await this.#list(
      use,
      ["list", "/workspace", "/state/list.ndjson.new", "/state/list.ndjson"],
      [tree, { from: use.state, to: "/state", writable: true }],
    );
    if (!(await lstat(fresh)).isFile()) throw new BackupProgramError("tree-list", "made no list");
    await rename(fresh, list);
    const mounts = [tree, { from: list, to: "/list.ndjson" }, await this.#cache(use)];
    const summary = await restic.backup({ workspaceId, uid: use.uid, signal }, run.runId, mounts);
    return {
      snapshotId: summary.snapshot_id,
      fileCount: summary.total_files_processed - 1, // the list
      totalBytes: summary.total_bytes_processed,
      addedBytes: summary.data_added,
      unreadable: summary.unreadable,
      tasksRan: await leases.tasksRanSince(claimed),
    };
  }

  /** Removes what is kept no longer. After the run has been recorded: its own snapshot stays. */
  async forget(run: BackupRun, signal: AbortSignal): Promise<void> {
    const { workspaces, restic, keep, leases } = this.#deps;
    const { workspaceId } = run;
    const uid = await workspaces.uid(workspaceId);
    const use = { run, workspaceId, uid, signal, state: this.#records.file(workspaceId, ["backup"]) };
    await leases.noteRemoved(run, await restic.forget(use, keep, [await this.#cache(use)]));
  }

  async #restore(use: Use, claimed: ClaimedRun, backup: BackupRun): Promise<RunOutcome> {
    const { workspaceId, run } = use;
    const { usage, leases, trees } = this.#deps;
    if (claimed.activeTasks > 0) throw new WorkspaceBusyError(workspaceId, claimed.activeTasks);
    if (usage.status.kind === "volume") throw new RestoreNotPossibleError("it is a volume of its own");
    const { plan } = await this.#deps.workspaces.get(workspaceId);
    const { storageQuotaBytes } = this.#deps.planLimits[plan];
    if ((backup.totalBytes ?? 0) > storageQuotaBytes) {
      throw new RestoreAboveQuotaError(backup.totalBytes ?? 0, storageQuotaBytes);
    }
    await trees.prepare(workspaceId); // something to put aside
    const comparison = await this.#restoreToScratch(use, backup);
    const isDone = await swapTree({ ...this.#deps, workspaceId }, { runId: run.runId, comparison }, () =>
      leases.keep(claimed),
    );
    if (!isDone) throw new BackupWorkerLostError(run.attempt);
    return (await trees.settle(run)) ?? outcomeOf(comparison);
  }

  async #check(use: Use, backup: BackupRun): Promise<RunOutcome> {
    return outcomeOf(await this.#restoreToScratch(use, backup));
  }

  /** The whole backup beside the workspace, and compared: only one that is as it was comes back from here. */
  async #restoreToScratch(use: Use, backup: BackupRun): Promise<TreeComparison> {
    await this.#requireSpace(backup.totalBytes ?? 0);
    const scratch = join(use.state, SCRATCH);
    await this.#makeFolder(use, scratch);
    const mount = { from: scratch, to: "/restore", writable: true };
    await this.#deps.restic.restore(use, backup.snapshotId ?? "", [mount]).catch(async (error: unknown) => {
      if (error instanceof NoSpaceToRestoreError) await this.#requireSpace(backup.totalBytes ?? 0, error);
      throw error;
    });
    if (!(await lstat(this.#records.file(use.workspaceId, STAGED))).isDirectory()) {
      throw new BackupProgramError("restic", "restored no folder");
    }
    const printed = await this.#list(
      use,
      ["compare", "/restore/list.ndjson", "/restore/workspace"],
      [{ from: scratch, to: "/restore" }],
    );
    const comparison = TreeComparison.parse(JSON.parse(printed));
    const { different, missing, extra } = comparison;
    if (different + extra > 0 || missing > (backup.unreadable ?? 0)) throw new ComparedError(comparison);
    return comparison;
  }

  async #requireSpace(neededBytes: number, error?: unknown): Promise<void> {
    const { bavail, bsize } = await statfs(this.#deps.rootDir);
    const free = bavail * bsize;
    if (error !== undefined || free < neededBytes + SPARE_BYTES) throw new NoSpaceToRestoreError(neededBytes, free);
  }

  /** Runs the list's program. Resolves to what it printed. */
  async #list(use: Use, args: readonly string[], mounts: readonly Mount[]): Promise<string> {
    let printed = "";
    const { code, stderr } = await this.#deps.box.run({
      program: this.#node,
      args: ["--disable-warning=ExperimentalWarning", LIST_INSIDE, ...args],
      mounts: [...mounts, { from: TREE_LIST, to: LIST_INSIDE }],
      uid: use.uid,
      readsAll: true,
      network: false,
      environment: {},
      signal: use.signal,
      onOutput: (line) => (printed += line),
    });
    if (code !== 0) throw new BackupProgramError("tree-list", stderr.slice(0, 500));
    return printed;
  }

  async #cache(use: Use): Promise<Mount> {
    const cache = join(use.state, "cache");
    await this.#makeFolder(use, cache);
    return { from: cache, to: "/cache", writable: true };
  }

  async #makeFolder({ uid }: Use, path: string): Promise<void> {
    await mkdir(path, { recursive: true, mode: 0o700 });
    if (process.getuid?.() === 0) await chown(path, uid, uid);
  }

  async #removeScratch({ state, workspaceId }: Use): Promise<void> {
    // Half of a swap: what is there is the workspace's only tree.
    if ((await readSwap({ ...this.#deps, workspaceId }))?.isDone === false) return;
    await new SafeFs(state).remove(SCRATCH);
  }
}

interface Use {
  readonly run: BackupRun;
  readonly workspaceId: string;
  readonly uid: number;
  readonly signal: AbortSignal;
  /** The service's folder for backups of the workspace, out of the reach of what runs in it. */
  readonly state: string;
}
