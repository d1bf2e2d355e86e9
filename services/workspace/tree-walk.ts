import type { Dirent, Stats } from "node:fs";
import { rename, rmdir, unlink } from "node:fs/promises";
import { randomBytes } from "node:crypto";
import { walkTo, type DirectoryHandle, type EntryName } from "./directory-handle.ts";

/** Directories held open at once on the way down. Deeper ones are opened again from the root: any depth is walked. */
const MAX_OPEN_DEPTH = 100;
const STAT_BATCH = 64;

export interface WalkedEntry {
  /** The way from the root; bytes, since a name may be no valid UTF-8. */
  readonly parts: readonly EntryName[];
  readonly stats: Stats;
}

/** Every entry below `start`, parents first. What disappears meanwhile is left out; symbolic links are not followed. */
export async function* walkTree(rootDir: string, start: readonly EntryName[]): AsyncGenerator<WalkedEntry> {
  const deferred: (readonly EntryName[])[] = [start];
  for (let parts = deferred.pop(); parts !== undefined; parts = deferred.pop()) {
    let directory: DirectoryHandle;
    try {
      directory = await walkTo(rootDir, parts);
    } catch (error) {
      if (parts === start) throw error;
      continue; // removed, moved or closed to us since it was seen
    }
    yield* walkOpen(directory, parts, 0, deferred);
  }
}

async function* walkOpen(
  directory: DirectoryHandle,
  parts: readonly EntryName[],
  depth: number,
  deferred: (readonly EntryName[])[],
): AsyncGenerator<WalkedEntry> {
  try {
    for await (const batch of statEntries(directory)) {
      for (const [name, stats] of batch) {
        const path = [...parts, name];
        yield { parts: path, stats };
        if (!stats.isDirectory()) continue;
        if (depth >= MAX_OPEN_DEPTH) {
          deferred.push(path);
          continue;
        }
        const child = await directory.openChild(name).catch(() => undefined);
        if (child !== undefined) yield* walkOpen(child, path, depth + 1, deferred);
      }
    }
  } finally {
    await directory.close();
  }
}

/** The entries of one directory with what `lstat` says of them, in batches. */
export async function* statEntries(directory: DirectoryHandle): AsyncGenerator<[Buffer, Stats][]> {
  let batch: Dirent<Buffer>[] = [];
  for await (const entry of directory.entries()) {
    batch.push(entry);
    if (batch.length < STAT_BATCH) continue;
    yield await statBatch(directory, batch);
    batch = [];
  }
  if (batch.length > 0) yield await statBatch(directory, batch);
}

async function statBatch(directory: DirectoryHandle, batch: readonly Dirent<Buffer>[]): Promise<[Buffer, Stats][]> {
  const all = await Promise.all(
    batch.map(async ({ name }): Promise<[Buffer, Stats] | undefined> => {
      const stats = await directory.lstat(name).catch(() => undefined);
      return stats && [name, stats];
    }),
  );
  return all.filter((entry) => entry !== undefined);
}

/**
 * Removes `name` of `parent` and all below it. Symbolic links are removed, not followed. Trees deeper than what may be
 * held open are moved up beside `name` first, and removed from there.
 */
export async function removeTree(parent: DirectoryHandle, name: EntryName): Promise<void> {
  const deferred: EntryName[] = [name];
  for (let next = deferred.pop(); next !== undefined; next = deferred.pop()) {
    await removeEntry(parent, next, 0, async (from, deepName) => {
      const moved = `.automatos-removed-${randomBytes(8).toString("hex")}`;
      await rename(from.child(deepName), parent.child(moved));
      deferred.push(moved);
    });
  }
}

type MoveUp = (from: DirectoryHandle, name: EntryName) => Promise<void>;

async function removeEntry(parent: DirectoryHandle, name: EntryName, depth: number, moveUp: MoveUp): Promise<void> {
  const code = await unlinkCode(parent, name);
  if (code === undefined) return;
  if (depth >= MAX_OPEN_DEPTH) return moveUp(parent, name);
  const directory = await parent.forceOpenChild(name);
  try {
    // One pass may miss what is written meanwhile, or what a file system skips while entries are removed.
    for (let removed = 1; removed > 0;) {
      removed = 0;
      for await (const entry of directory.entries()) {
        await removeEntry(directory, entry.name, depth + 1, moveUp);
        removed++;
      }
    }
  } finally {
    await directory.close();
  }
  await rmdir(parent.child(name));
}

/** Removes what is no directory; the answer says why it is still there: undefined when it is gone. */
async function unlinkCode(parent: DirectoryHandle, name: EntryName): Promise<string | undefined> {
  try {
    await unlink(parent.child(name));
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return undefined;
    if (code === "EISDIR" || code === "EPERM") return code; // EPERM: what POSIX and macOS say of a directory
    throw error;
  }
}
