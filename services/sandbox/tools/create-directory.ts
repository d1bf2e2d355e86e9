import { succeeded, type Tool } from "./tool.ts";
import { workspaceFiles } from "./workspace-files.ts";

/** Makes a directory and those missing on the way to it. */
export const createDirectory: Tool<"create_directory"> = async ({ path }, context) => {
  await workspaceFiles(context).mkdirs(path);
  return succeeded({ path });
};
