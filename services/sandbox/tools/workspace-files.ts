import { SafeFs } from "../../workspace/safe-fs.ts";
import type { ToolContext } from "./tool.ts";

/** The workspace's files, on behalf of its user. */
export function workspaceFiles({ profile }: ToolContext): SafeFs {
  return new SafeFs(profile.workspaceDir, { owner: { uid: profile.uid, gid: profile.uid } });
}
