import { succeeded, type Tool } from "./tool.ts";
import { workspaceFiles } from "./workspace-files.ts";

/** Writes a file in place of what had its name: readers see the old or the new one, never half of it. */
export const writeFile: Tool<"write_file"> = async ({ path, content, encoding, createDirectories }, context) => {
  const data = Buffer.from(content, encoding);
  await workspaceFiles(context).replaceFile(path, data, { createDirectories });
  return succeeded({ path, bytesWritten: data.length });
};
