/** Files that are whole or absent, whatever moment the process is killed at. */
import { randomBytes } from "node:crypto";
import { copyFile, link, mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { EngineError } from "./errors.ts";

export interface AtomicWriteOptions {
  /** Keeps what the file held before under this name. */
  readonly backup?: string;
  /** Whether the folder's entry is forced to disk too: needed once, at the end of a series of writes. @default true */
  readonly syncFolder?: boolean;
}

/** Replaces a file by writing beside it, forcing it to disk and renaming. Makes the folder when it is missing. */
export async function writeFileAtomic(
  file: string,
  content: string | readonly Uint8Array[],
  options: AtomicWriteOptions = {},
): Promise<void> {
  const folder = dirname(file);
  const temporary = temporaryName(file);
  try {
    const handle = await openNew(temporary);
    try {
      if (typeof content === "string") await handle.writeFile(content);
      else await writeAll(content, handle);
      await handle.datasync();
    } finally {
      await handle.close();
    }
    if (options.backup !== undefined) await keepAs(file, options.backup);
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  if (options.syncFolder ?? true) await syncFolder(folder);
}

/** A name beside a file that no one else uses. */
export function temporaryName(file: string): string {
  return `${file}.${randomBytes(6).toString("hex")}.tmp`;
}

/** The text of a file, or undefined when there is none. */
export async function readIfExists(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw unreadable(file, error);
  }
}

/** The text of a file that the user named. @throws EngineError when it cannot be read */
export async function readNamedFile(file: string): Promise<string> {
  return readFile(file, "utf8").catch((error: unknown) => {
    throw unreadable(file, error);
  });
}

function unreadable(file: string, cause: unknown): EngineError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new EngineError("FILE_UNREADABLE", `could not read ${file}: ${reason}`, {
    remedy: "Check the path, who owns the file and its permissions.",
    cause,
  });
}

/** The file system knows no second names (CIFS, exFAT, some of FUSE). */
export function hasNoLinks(error: unknown): boolean {
  return error instanceof Error && "code" in error && NO_LINKS.has(String(error.code));
}
const NO_LINKS: ReadonlySet<string> = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"]);

export function isNotFound(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR");
}

/** The folder is there already for all but the first write: it is made only when it is missed. */
async function openNew(file: string): ReturnType<typeof open> {
  try {
    return await open(file, "wx", 0o600);
  } catch (error) {
    if (!isNotFound(error)) throw error;
    await mkdir(dirname(file), { recursive: true });
    return open(file, "wx", 0o600);
  }
}

/** As many as one system call takes (IOV_MAX). */
const PARTS_AT_ONCE = 1_024;

/** The parts as they are: to put them together first would cost more than to write them. */
async function writeAll(parts: readonly Uint8Array[], handle: Awaited<ReturnType<typeof open>>): Promise<void> {
  for (let first = 0; first < parts.length; first += PARTS_AT_ONCE) {
    const batch = parts.slice(first, first + PARTS_AT_ONCE);
    const length = batch.reduce((sum, part) => sum + part.length, 0);
    let { bytesWritten } = await handle.writev(batch);
    if (bytesWritten === length) continue;
    // a disk that is nearly full takes less than it was given
    const whole = Buffer.concat(batch);
    while (bytesWritten < length) bytesWritten += (await handle.write(whole, bytesWritten)).bytesWritten;
  }
}

/** A second name for the old content costs nothing; `rename` then leaves that name with it. */
async function keepAs(file: string, backup: string): Promise<void> {
  await rm(backup, { force: true });
  try {
    await link(file, backup);
  } catch (error) {
    if (isNotFound(error)) return;
    if (!hasNoLinks(error)) throw error;
    await copyFile(file, backup);
  }
}

async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return; // folders cannot be opened there
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
