import { PathOutsideWorkspaceError } from "./file-errors.ts";

/**
 * The parts of a path below a workspace; `.` and `""` give none. A `..` takes back the part before it, as text: no
 * symbolic link is ever followed, so text and file system agree.
 *
 * @throws PathOutsideWorkspaceError for an absolute path, a NUL byte, what is no text, or more `..` than parts before them.
 */
export function splitWorkspacePath(path: string): string[] {
  if (path.includes("\0")) throw new PathOutsideWorkspaceError(path, "holds a NUL byte");
  if (!path.isWellFormed()) throw new PathOutsideWorkspaceError(path, "holds half a character (a lone surrogate)");
  if (path.startsWith("/")) throw new PathOutsideWorkspaceError(path, "is absolute");
  if (process.platform === "win32" && /[\\:]/.test(path)) {
    throw new PathOutsideWorkspaceError(path, "holds a backslash or a colon");
  }
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) throw new PathOutsideWorkspaceError(path, "leads out of the workspace");
  }
  return parts;
}
