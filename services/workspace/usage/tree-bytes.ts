import { SafeFs } from "../safe-fs.ts";

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
      bytes += allocatedBytes;
    }
  } catch (error) {
    if ((error as { code?: unknown }).code !== "FILE_NOT_FOUND") throw error;
  }
  return bytes;
}
