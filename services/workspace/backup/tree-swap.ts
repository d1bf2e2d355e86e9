import { randomBytes } from "node:crypto";
import { lstat, mkdir, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { z } from "zod";
import { TreeComparison } from "../../../contracts/backup.ts";
import { type RepositoryLocks, withLock, workspaceLockName } from "../repository-locks.ts";
import { ServiceRecords } from "../service-records.ts";
import { runProgram } from "../usage/run-program.ts";
import { workspacePath } from "../workspace-path.ts";

const RECORD = ["restore-swap.json"] as const;
/** Below the workspace's folder of the service: what is on its way into the workspace's place. */
export const STAGED = ["backup", "scratch", "workspace"] as const;
const Swap = z.strictObject({ runId: z.string(), comparison: TreeComparison });
type Swap = z.infer<typeof Swap>;

const LOCK_TIMEOUT_MS = 30_000;
const SYNC_TIMEOUT_MS = 600_000;

export interface SwapPlace {
  readonly rootDir: string;
  readonly locks: RepositoryLocks;
  readonly workspaceId: string;
}

/**
 * Puts the staged tree in the place of the workspace's; the old one goes to the trash. A kill before the first step
 * leaves the old tree; from then on a record on the volume says that the staged one is whole, and `finishSwap` puts it
 * in place.
 *
 * @param confirm Called under the workspace's lock, before anything is done; false: nothing is.
 */
export async function swapTree(place: SwapPlace, swap: Swap, confirm: () => Promise<boolean>): Promise<boolean> {
  const { rootDir, workspaceId } = place;
  const records = new ServiceRecords(rootDir);
  await runProgram("sync", ["--file-system", records.file(workspaceId, STAGED)], { timeoutMs: SYNC_TIMEOUT_MS });
  return locked(place, async () => {
    if (!(await confirm())) return false;
    const trashed = records.file(workspaceId, ["trash", randomBytes(8).toString("hex")]);
    await mkdir(dirname(trashed), { recursive: true, mode: 0o700 });
    await records.write(workspaceId, RECORD, swap);
    await rename(workspacePath(rootDir, workspaceId), trashed);
    await finish(place, records);
    return true;
  });
}

/** Ends a swap that was cut off. Resolves to what it was for; undefined when there was none, or it had not begun. */
export async function finishSwap(place: SwapPlace): Promise<Swap | undefined> {
  const records = new ServiceRecords(place.rootDir);
  if ((await records.read(place.workspaceId, RECORD, Swap)) === undefined) return undefined;
  return locked(place, () => finish(place, records));
}

async function finish({ rootDir, workspaceId }: SwapPlace, records: ServiceRecords): Promise<Swap | undefined> {
  const swap = await records.read(workspaceId, RECORD, Swap);
  const staged = records.file(workspaceId, STAGED);
  const dir = workspacePath(rootDir, workspaceId);
  if (!(await isThere(dir))) await rename(staged, dir);
  // Cut off before its first step: the old tree is where it was, and the staged one beside it.
  const isDone = !(await isThere(staged));
  await records.remove(workspaceId, RECORD);
  return isDone ? swap : undefined;
}

const isThere = (path: string) =>
  lstat(path).then(
    () => true,
    () => false,
  );

const locked = <Result>({ locks, workspaceId }: SwapPlace, work: () => Promise<Result>): Promise<Result> =>
  withLock(locks, workspaceLockName(workspaceId), AbortSignal.timeout(LOCK_TIMEOUT_MS), work);
