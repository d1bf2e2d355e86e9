import { join } from "node:path";
import { z } from "zod";

const Uuid = z.uuid();

/**
 * The folder of a workspace below the folder of all.
 *
 * @throws ZodError for what is no workspace's id: nothing else may become part of a path.
 */
export function workspacePath(rootDir: string, workspaceId: string): string {
  return join(rootDir, Uuid.parse(workspaceId).toLowerCase());
}
