import { SafeFs } from "../safe-fs.ts";

/**
 * An entry counts as so many bytes at least: an empty file, a link or a pipe takes an inode, and a file system has a fixed
 * number of them. The same share as the inode limit of a project (accounting.ts).
 */
const ENTRY_BYTES = 4_096;

/** What an entry counts for, by what it has on the disk. */
export const entryBytes = (allocatedBytes: number): number => Math.max(allocatedBytes, ENTRY_BYTES);

/** Bytes that everything below a path takes on the disk; a file with several names counts once. 0 when it is not there. */
export async function treeBytes(workspaceDir: string, path: string): Promise<number> {
  const linked = new Set<number>();
  let bytes = 0;
  try {
    for await (const { type, inode, links, allocatedBytes } of new SafeFs(workspaceDir).walk(path)) {
      if (type !== "directory" && links > 1) {
        if (linked.has(inode)) continue;
        linked.add(inode);
      }
      bytes += entryBytes(allocatedBytes);
    }
  } catch (error) {
    if ((error as { code?: unknown }).code !== "FILE_NOT_FOUND") throw error;
  }
  return bytes;
}
