import { succeeded, type Tool } from "./tool.ts";
import { workspaceFiles } from "./workspace-files.ts";

/**
 * Lists a directory, or all below it: path, type, size in bytes and time of change of each entry, sorted by path.
 * Symbolic links are listed, not followed.
 */
export const listDirectory: Tool<"list_directory"> = async ({ path, recursive, maxEntries }, context) => {
  const { entries, truncated } = await workspaceFiles(context).list(path, { recursive, maxEntries });
  return succeeded({
    entries: entries.map(({ path: entryPath, type, sizeBytes, modifiedAt }) => ({
      path: entryPath,
      type,
      sizeBytes,
      modifiedAt: modifiedAt.toISOString(),
    })),
    truncated,
  });
};
