import { randomBytes } from "node:crypto";
import { chmod, chown, lstat, mkdir, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { z } from "zod";
import { ServiceRecords } from "../service-records.ts";
import { workspacePath } from "../workspace-path.ts";
import { runProgram } from "./run-program.ts";

const CARRIED = ["carried-over.json"] as const;
const FRESH = ["new-folder"] as const;
const COPY_TIMEOUT_MS = 3_600_000;

/** A workspace's folder: with an account of its own, a plain one from before, or not there. */
export type FolderState = "accounted" | "plain" | "missing";

export interface FolderMaker {
  stateOf(dir: string): Promise<FolderState>;
  /** Makes an empty folder with an account and a limit. */
  make(path: string): Promise<void>;
  /** Removes what `make` or a copy left half done; it may not be there. */
  remove(path: string): Promise<void>;
}

/**
 * Sees to it that a workspace's folder has an account. It is made beside the workspaces and moved to its place when it
 * is whole. A plain folder is copied into a new one (shared blocks where the file system can), which takes its place;
 * the old one goes to the trash. After a crash the next call goes on: with the record there the copy is whole, and
 * nothing has been written to the old folder since.
 *
 * @returns Whether the folder has an account now: a plain one that is in use stays.
 */
export async function ensureFolder(
  rootDir: string,
  { workspaceId, uid, inUse }: { readonly workspaceId: string; readonly uid: number; readonly inUse: boolean },
  maker: FolderMaker,
): Promise<boolean> {
  const records = new ServiceRecords(rootDir);
  const dir = workspacePath(rootDir, workspaceId);
  const fresh = records.file(workspaceId, FRESH);
  const state = await maker.stateOf(dir);
  if (state === "accounted") return true;

  const isWhole = (await records.read(workspaceId, CARRIED, z.strictObject({ whole: z.literal(true) }))) !== undefined;
  if (state === "missing" && isWhole && (await maker.stateOf(fresh)) === "accounted") {
    await rename(fresh, dir);
    await records.remove(workspaceId, CARRIED);
    return true;
  }
  await records.remove(workspaceId, CARRIED);
  if (inUse) return false;
  await maker.remove(fresh);
  await mkdir(dirname(fresh), { recursive: true, mode: 0o700 });
  await maker.make(fresh);
  await chmod(fresh, 0o700);
  if (process.getuid?.() === 0) await chown(fresh, uid, uid);
  if (state === "plain") {
    await runProgram("cp", ["--archive", "--reflink=auto", "--one-file-system", "--", `${dir}/.`, fresh], {
      timeoutMs: COPY_TIMEOUT_MS,
    });
    await runProgram("sync", ["--file-system", fresh], { timeoutMs: COPY_TIMEOUT_MS });
    await records.write(workspaceId, CARRIED, { whole: true });
    const trashed = records.file(workspaceId, ["trash", randomBytes(8).toString("hex")]);
    await mkdir(dirname(trashed), { recursive: true, mode: 0o700 });
    await rename(dir, trashed);
  }
  await rename(fresh, dir);
  await records.remove(workspaceId, CARRIED);
  return true;
}

/** What stands at a path, without following it; undefined when nothing does. */
export async function lookAt(path: string) {
  const stats = await lstat(path).catch((error: unknown) => {
    if ((error as { code?: unknown }).code !== "ENOENT") throw error;
    return undefined;
  });
  if (stats?.isDirectory() === false) throw new Error(`${path} is no directory`);
  return stats;
}
