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
const Swap = z.strictObject({ runId: z.string(), comparison: TreeComparison, isDone: z.boolean().default(false) });
/** Which run has restored the tree, and what its comparison found. */
export type Swap = Omit<z.infer<typeof Swap>, "isDone">;

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
 * in place. That record stays when all is done: who takes the run over learns from it that nothing is left to do.
 *
 * @param confirm Called under the workspace's lock, before anything is done; false: nothing is.
 */
export async function swapTree(place: SwapPlace, swap: Swap, confirm: () => Promise<boolean>): Promise<boolean> {
  const { rootDir, workspaceId } = place;
  const records = new ServiceRecords(rootDir);
  const staged = records.file(workspaceId, STAGED);
  const dir = workspacePath(rootDir, workspaceId);
  await runProgram("sync", ["--file-system", staged], { timeoutMs: SYNC_TIMEOUT_MS });
  return locked(place, async () => {
    if (!(await confirm())) return false;
    const trashed = records.file(workspaceId, ["trash", randomBytes(8).toString("hex")]);
    await mkdir(dirname(trashed), { recursive: true, mode: 0o700 });
    await records.write(workspaceId, RECORD, { ...swap, isDone: false });
    try {
      await rename(dir, trashed);
    } catch (error) {
      await records.remove(workspaceId, RECORD); // nothing has been done
      throw error;
    }
    await rename(staged, dir);
    await records.write(workspaceId, RECORD, { ...swap, isDone: true });
    return true;
  });
}

/**
 * Ends a swap that was cut off. Resolves to the last one of the workspace that is done; undefined when there was none,
 * or it had not begun.
 */
export async function finishSwap(place: SwapPlace): Promise<Swap | undefined> {
  const swap = await readSwap(place);
  return swap === undefined || swap.isDone ? swap : locked(place, () => finishSwapLocked(place));
}

/** `finishSwap` for who holds the workspace's lock. */
export async function finishSwapLocked(place: Omit<SwapPlace, "locks">): Promise<Swap | undefined> {
  const { rootDir, workspaceId } = place;
  const swap = await readSwap(place);
  if (swap === undefined || swap.isDone) return swap;
  const records = new ServiceRecords(rootDir);
  const staged = records.file(workspaceId, STAGED);
  const dir = workspacePath(rootDir, workspaceId);
  const isStaged = await isThere(staged);
  // Both: cut off before the first step, the old tree is where it was. None: the workspace was removed meanwhile.
  if (isStaged === (await isThere(dir))) {
    await records.remove(workspaceId, RECORD);
    return undefined;
  }
  if (isStaged) await rename(staged, dir);
  await records.write(workspaceId, RECORD, { ...swap, isDone: true });
  return swap;
}

/** Ends what was cut off in any workspace of the volume. One where that fails does not stop the others. */
export async function finishSwaps(
  { rootDir, locks }: Omit<SwapPlace, "workspaceId">,
  onFailed: (workspaceId: string, error: unknown) => void,
): Promise<void> {
  for (const workspaceId of await new ServiceRecords(rootDir).workspaces()) {
    await finishSwap({ rootDir, locks, workspaceId }).catch((error: unknown) => onFailed(workspaceId, error));
  }
}

/** What the volume knows of the workspace's last swap, done or under way. */
export function readSwap({
  rootDir,
  workspaceId,
}: Omit<SwapPlace, "locks">): Promise<z.infer<typeof Swap> | undefined> {
  return new ServiceRecords(rootDir).read(workspaceId, RECORD, Swap);
}

const isThere = (path: string) =>
  lstat(path).then(
    () => true,
    () => false,
  );

const locked = <Result>({ locks, workspaceId }: SwapPlace, work: () => Promise<Result>): Promise<Result> =>
  withLock(locks, workspaceLockName(workspaceId), AbortSignal.timeout(LOCK_TIMEOUT_MS), work);
