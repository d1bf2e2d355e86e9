import { constants, type Dirent, type Stats } from "node:fs";
import { chmod, lstat, mkdir, open, opendir, readlink, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { NotADirectoryError, PathIsSymlinkError, toFileError } from "./file-errors.ts";

const OPEN_DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
const O_PATH = 0o10000000; // Linux only; Node has no name for it
const HAS_PROC = process.platform === "linux";

/** A name in a directory; bytes where it may be no valid UTF-8. */
export type EntryName = string | Buffer;

/**
 * An open directory. What is done through `child()` happens in that very directory, whatever anybody renames, removes
 * or links meanwhile.
 *
 * Only Linux offers that to Node (through `/proc/self/fd`). Elsewhere the path is used, and each opened directory is
 * compared with what `lstat` said of the name: a symbolic link is still refused, but the time between check and use
 * is not covered. That is enough there, as no command runs on such a machine: there is no sandbox.
 */
export class DirectoryHandle {
  readonly #handle: FileHandle | undefined;
  readonly #base: string;

  private constructor(handle: FileHandle | undefined, path: string) {
    this.#handle = handle;
    this.#base = HAS_PROC && handle !== undefined ? `/proc/self/fd/${handle.fd}` : path;
  }

  /** Opens a directory that the service chose itself: its parents are trusted, the last part is not followed. */
  static async openRoot(path: string): Promise<DirectoryHandle> {
    return DirectoryHandle.#open(path, path);
  }

  static async #open(location: string | Buffer, realPath: string): Promise<DirectoryHandle> {
    if (HAS_PROC) return new DirectoryHandle(await open(location, OPEN_DIRECTORY), realPath);
    const before = await lstat(location);
    if (!before.isDirectory()) throw Object.assign(new Error("not a directory"), { code: "ENOTDIR" });
    if (process.platform === "win32") return new DirectoryHandle(undefined, realPath); // cannot open directories
    const handle = await open(location, OPEN_DIRECTORY);
    const after = await handle.stat();
    if (after.dev === before.dev && after.ino === before.ino) return new DirectoryHandle(handle, realPath);
    await handle.close();
    throw Object.assign(new Error("not a directory"), { code: "ENOTDIR" });
  }

  /** Where the file system finds `name` of this directory. Valid until `close()`. `name` must be one part. */
  child(name: EntryName): string | Buffer {
    if (typeof name === "string") return HAS_PROC ? `${this.#base}/${name}` : join(this.#base, name);
    return Buffer.concat([Buffer.from(`${this.#base}/`), name]);
  }

  /** Opens a directory in this one; throws what the file system throws (ENOTDIR or ELOOP for a symbolic link). */
  async openChild(name: EntryName): Promise<DirectoryHandle> {
    return DirectoryHandle.#open(this.child(name), join(this.#base, name.toString()));
  }

  /** As `openChild`; gives the owner all rights on a directory that may not be opened for want of them. */
  async forceOpenChild(name: EntryName): Promise<DirectoryHandle> {
    try {
      return await this.openChild(name);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EACCES" || !HAS_PROC) throw error;
    }
    // Through a handle that needs no right to read, so that no symbolic link can be put in between.
    const handle = await open(this.child(name), O_PATH | OPEN_DIRECTORY);
    try {
      await chmod(`/proc/self/fd/${handle.fd}`, 0o700);
    } finally {
      await handle.close();
    }
    return this.openChild(name);
  }

  /** The entries as they come, without loading all of them; names are bytes. */
  async *entries(): AsyncGenerator<Dirent<Buffer>> {
    const directory = await opendir(this.#base, { encoding: "buffer" as BufferEncoding, bufferSize: 256 });
    // With names as bytes the entries hold bytes, which the types do not tell.
    yield* directory as unknown as AsyncIterable<Dirent<Buffer>>;
  }

  async lstat(name: EntryName): Promise<Stats> {
    return lstat(this.child(name));
  }

  async chown(uid: number, gid: number): Promise<void> {
    await this.#handle?.chown(uid, gid);
  }

  async stat(): Promise<Stats> {
    return this.#handle === undefined ? lstat(this.#base) : this.#handle.stat();
  }

  async close(): Promise<void> {
    await this.#handle?.close();
  }
}

/** What to do on the way through a path. */
export interface WalkOptions {
  /** Make directories that are missing, with this mode. */
  readonly create?: { readonly mode: number; readonly uid: number | undefined; readonly gid: number | undefined };
}

/** Walks down `parts`, one open directory at a time, following nothing. The caller closes what it gets. */
export async function walkTo(
  rootDir: string,
  parts: readonly EntryName[],
  options: WalkOptions = {},
): Promise<DirectoryHandle> {
  let current: DirectoryHandle;
  try {
    current = await DirectoryHandle.openRoot(rootDir);
  } catch (error) {
    throw toFileError(error, ".");
  }
  let next: DirectoryHandle | undefined;
  for (const [index, part] of parts.entries()) {
    try {
      if (options.create !== undefined) next = await makeChild(current, part, options.create);
      else next = await current.openChild(part);
    } catch (error) {
      throw await explain(error, current, part, parts.slice(0, index + 1).join("/"));
    } finally {
      await current.close();
    }
    current = next;
  }
  return current;
}

async function makeChild(
  parent: DirectoryHandle,
  name: EntryName,
  { mode, uid, gid }: NonNullable<WalkOptions["create"]>,
): Promise<DirectoryHandle> {
  try {
    return await parent.openChild(name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  const made = await mkdir(parent.child(name), { mode }).then(
    () => true,
    (error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      return false; // somebody else did in the same moment
    },
  );
  const child = await parent.openChild(name);
  if (made && uid !== undefined && gid !== undefined) {
    await child.chown(uid, gid).catch(async (error: unknown) => {
      await child.close();
      throw error;
    });
  }
  return child;
}

/** The error for the caller: a symbolic link is named with its target, as the file system says only "not a directory". */
async function explain(error: unknown, parent: DirectoryHandle, name: EntryName, path: string): Promise<unknown> {
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ELOOP" || code === "ENOTDIR") {
    const target = await readlink(parent.child(name)).catch(() => undefined);
    return target === undefined ? new NotADirectoryError(path) : new PathIsSymlinkError(path, target);
  }
  return toFileError(error, path);
}
