import { textOrBase64 } from "../../runtime/text-or-base64.ts";
import type { DocumentFile, DocumentList } from "../../../contracts/workspace-contents.ts";
import type { SafeFs } from "../safe-fs.ts";

/** Files of a workspace that are looked at; what is beyond is not searched, and said so. */
const MAX_FILES = 5_000;
/** Of a longer file its beginning is searched. */
const MAX_TEXT_BYTES = 512 * 1024;
/** Repositories are search_codebase's; a task's own folder is gone with it. */
const OTHER_PLACES = new Set(["repos", "tasks"]);
const isHidden = (path: string): boolean =>
  path.split("/").some((part) => part.startsWith(".") || part === "node_modules");

/** The workspace's regular files outside of repositories, hidden folders and packages; at most 5,000. */
export async function listDocuments(files: SafeFs): Promise<DocumentList> {
  const found: DocumentFile[] = [];
  const top = await files.list(".", { maxEntries: MAX_FILES }).catch((error: unknown) => {
    if ((error as { code?: unknown }).code === "FILE_NOT_FOUND") return { entries: [], truncated: false }; // nothing ran in it yet
    throw error;
  });
  for (const entry of top.entries) {
    if (OTHER_PLACES.has(entry.path) || isHidden(entry.path)) continue;
    const below = entry.type === "directory" ? files.walk(entry.path) : [entry];
    for await (const { path, type, sizeBytes, modifiedAt } of below) {
      // A name that is no UTF-8 is shown with U+FFFD, and cannot be opened by that.
      if (type !== "file" || isHidden(path) || path.includes("\uFFFD")) continue;
      if (found.length === MAX_FILES) return { found, complete: false };
      found.push({ path, sizeBytes, modifiedMs: Math.floor(modifiedAt.getTime()) });
    }
  }
  return { found, complete: !top.truncated };
}

/** The text of a file; empty for what is no text, or is there no more. */
export async function readText(files: SafeFs, path: string): Promise<string> {
  const data = await files.readFile(path, { maxBytes: MAX_TEXT_BYTES }).catch((error: unknown) => {
    if (GONE.has(String((error as { code?: unknown }).code))) return Buffer.alloc(0);
    throw error;
  });
  const { content, encoding } = textOrBase64(data, data.length === MAX_TEXT_BYTES);
  return encoding === "utf8" && !content.includes("\0") ? content : "";
}

/** What a task may have done to a file since it was listed. */
const GONE = new Set(["FILE_NOT_FOUND", "NOT_A_FILE", "NOT_A_DIRECTORY", "PATH_IS_SYMLINK", "FILE_ACCESS_DENIED"]);
