import { randomBytes } from "node:crypto";
import { constants, type Stats } from "node:fs";
import { link, open, readlink, rename, unlink, type FileHandle } from "node:fs/promises";
import { walkTo, type DirectoryHandle, type EntryName } from "./directory-handle.ts";
import { NotAFileError, PathOutsideWorkspaceError, PathIsSymlinkError, toFileError } from "./file-errors.ts";
import { splitWorkspacePath } from "./safe-path.ts";
import { removeTree, statEntries, walkTree } from "./tree-walk.ts";

export type FileType = "file" | "directory" | "symlink" | "other";

export interface FileEntry {
  /** From the root, with `/` between its parts. Bytes that are no UTF-8 are shown as U+FFFD. */
  readonly path: string;
  readonly type: FileType;
  /** Length in bytes; 0 of what is no file. */
  readonly sizeBytes: number;
  /** What it takes on the disk. */
  readonly allocatedBytes: number;
  /** Names that share one inode are hard links: count `allocatedBytes` once. */
  readonly inode: number;
  readonly links: number;
  readonly modifiedAt: Date;
}

/** What a file is written from; of a stream that fails nothing is left. */
export type FileContent = string | Uint8Array | AsyncIterable<Uint8Array>;

export interface WriteOptions {
  /** Permission bits of a new file. @default 0o644; a replaced file keeps its own */
  readonly mode?: number;
  /** Make missing directories on the way. @default false */
  readonly createDirectories?: boolean;
}

// O_NONBLOCK: opening a FIFO must not wait for its other end.
const READ_FILE = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
const FILE_MODE = 0o644;
const DIRECTORY_MODE = 0o755;

/**
 * Files and directories below one root, for paths that nobody trusts, in a tree that somebody else changes at the same
 * time. No `..`, symbolic link, hard link or race leads out of the root: each part of a path is opened by the handle of
 * the one before it and nothing is followed.
 *
 * Every method throws a PlatformError of file-errors.ts: PATH_OUTSIDE_WORKSPACE, PATH_IS_SYMLINK, FILE_NOT_FOUND,
 * FILE_EXISTS, NOT_A_FILE, NOT_A_DIRECTORY, PATH_TOO_LONG, FILE_ACCESS_DENIED. A full disk stays Node's own ENOSPC.
 */
export class SafeFs {
  readonly #rootDir: string;
  readonly #owner: { readonly uid: number; readonly gid: number } | undefined;

  /** `owner` gets what is created; only root may give files away, so it is ignored otherwise. */
  constructor(rootDir: string, options: { readonly owner?: { readonly uid: number; readonly gid: number } } = {}) {
    this.#rootDir = rootDir;
    this.#owner = process.getuid?.() === 0 ? options.owner : undefined;
  }

  /** Opens a regular file for reading. The caller closes the handle. */
  async openFile(path: string): Promise<FileHandle> {
    return this.#inParent(path, async (parent, name) => {
      const handle = await open(parent.child(name), READ_FILE);
      try {
        const stats = await handle.stat();
        if (!stats.isFile()) throw new NotAFileError(path, typeOf(stats));
        this.#checkHardLink(path, stats);
        return handle;
      } catch (error) {
        await handle.close();
        throw error;
      }
    });
  }

  /** Reads a file of at most `maxBytes` (default 16 MiB); what is longer is cut. */
  async readFile(path: string, options: { readonly maxBytes?: number } = {}): Promise<Buffer> {
    const handle = await this.openFile(path);
    try {
      const { size } = await handle.stat();
      const buffer = Buffer.alloc(Math.min(size, options.maxBytes ?? 16 * 1024 ** 2));
      let length = 0;
      while (length < buffer.length) {
        const { bytesRead } = await handle.read(buffer, length, buffer.length - length, length);
        if (bytesRead === 0) break;
        length += bytesRead;
      }
      return buffer.subarray(0, length);
    } finally {
      await handle.close();
    }
  }

  /** Writes a new file: complete under its name or not at all. */
  async createFile(path: string, content: FileContent, options: WriteOptions = {}): Promise<void> {
    await this.#write(path, content, options, async (parent, temporary, name) => {
      await link(parent.child(temporary), parent.child(name)); // unlike rename, refuses a name that is taken
      await unlink(parent.child(temporary));
    });
  }

  /** Writes a file, in place of what had the name (a file, or a symbolic link itself): readers see old or new. */
  async replaceFile(path: string, content: FileContent, options: WriteOptions = {}): Promise<void> {
    await this.#write(path, content, options, async (parent, temporary, name) => {
      await rename(parent.child(temporary), parent.child(name));
    });
  }

  /** Makes a directory and those missing on the way. No-op when it is there. */
  async mkdirs(path: string, options: { readonly mode?: number } = {}): Promise<void> {
    const directory = await this.#walkTo(splitWorkspacePath(path), options.mode ?? DIRECTORY_MODE);
    await directory.close();
  }

  /** Moves an entry within the root. A file in the way is replaced; a directory in the way must be empty. */
  async move(from: string, to: string): Promise<void> {
    await this.#inParent(from, (source, sourceName) =>
      this.#inParent(to, (target, targetName) => rename(source.child(sourceName), target.child(targetName))),
    );
  }

  /** What has this name; a symbolic link is described, not followed. */
  async stat(path: string): Promise<FileEntry> {
    const parts = splitWorkspacePath(path);
    if (parts.length > 0) {
      return this.#inParent(path, async (parent, name) => toEntry(parts, await parent.lstat(name)));
    }
    const root = await this.#walkTo([]);
    try {
      return toEntry(["."], await root.stat());
    } finally {
      await root.close();
    }
  }

  /** Entries of a directory, sorted by path; those of its directories too when `recursive`. Never more than `maxEntries`. */
  async list(
    path: string,
    options: { readonly maxEntries: number; readonly recursive?: boolean },
  ): Promise<{ entries: FileEntry[]; truncated: boolean }> {
    const entries: FileEntry[] = [];
    let truncated = false;
    const found = options.recursive === true ? this.walk(path) : this.#children(path);
    for await (const entry of found) {
      if (entries.length >= options.maxEntries) {
        truncated = true;
        break;
      }
      entries.push(entry);
    }
    return { entries: entries.sort((a, b) => (a.path < b.path ? -1 : 1)), truncated };
  }

  /** Every entry below a directory, parents first, of any depth, in no order within a directory. */
  async *walk(path: string): AsyncGenerator<FileEntry> {
    for await (const { parts, stats } of walkTree(this.#rootDir, splitWorkspacePath(path))) yield toEntry(parts, stats);
  }

  /** Removes an entry and all below it. No-op when it is not there. The root itself is refused. */
  async remove(path: string): Promise<void> {
    await this.#inParent(path, removeTree).catch((error: unknown) => {
      if ((error as { code?: string }).code !== "FILE_NOT_FOUND") throw error;
    });
  }

  async *#children(path: string): AsyncGenerator<FileEntry> {
    const parts = splitWorkspacePath(path);
    const directory = await this.#walkTo(parts);
    try {
      for await (const batch of statEntries(directory)) {
        for (const [name, stats] of batch) yield toEntry([...parts, name], stats);
      }
    } finally {
      await directory.close();
    }
  }

  async #write(
    path: string,
    content: FileContent,
    options: WriteOptions,
    publish: (parent: DirectoryHandle, temporary: string, name: string) => Promise<void>,
  ): Promise<void> {
    const write = async (parent: DirectoryHandle, name: string) => {
      const present = await parent.lstat(name).catch(() => undefined);
      if (present?.isDirectory() === true) throw new NotAFileError(path, "directory");
      const temporary = `.automatos-${randomBytes(8).toString("hex")}.tmp`;
      const handle = await open(parent.child(temporary), NEW_FILE, 0o600);
      try {
        await handle.writeFile(content);
        await handle.chmod(options.mode ?? (present?.isFile() === true ? present.mode & 0o777 : FILE_MODE));
        if (this.#owner !== undefined) await handle.chown(this.#owner.uid, this.#owner.gid);
        await publish(parent, temporary, name);
      } catch (error) {
        await unlink(parent.child(temporary)).catch(() => undefined);
        throw error;
      } finally {
        await handle.close();
      }
    };
    await this.#inParent(path, write, options.createDirectories === true ? DIRECTORY_MODE : undefined);
  }

  async #walkTo(parts: readonly string[], createMode?: number): Promise<DirectoryHandle> {
    if (createMode === undefined) return walkTo(this.#rootDir, parts);
    return walkTo(this.#rootDir, parts, {
      create: { mode: createMode, uid: this.#owner?.uid, gid: this.#owner?.gid },
    });
  }

  /** Runs `action` in the directory that holds the path's last part, and explains what the file system throws. */
  async #inParent<Result>(
    path: string,
    action: (parent: DirectoryHandle, name: string) => Promise<Result>,
    createMode?: number,
  ): Promise<Result> {
    const parts = splitWorkspacePath(path);
    const name = parts.pop();
    if (name === undefined) throw new PathOutsideWorkspaceError(path, "is the workspace itself");
    const parent = await this.#walkTo(parts, createMode);
    try {
      return await action(parent, name);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ELOOP") {
        const target = await readlink(parent.child(name)).catch(() => "");
        throw new PathIsSymlinkError(path, target);
      }
      throw toFileError(error, path);
    } finally {
      await parent.close();
    }
  }

  /** A second name for a file of another user would read what that user's own directories hide. */
  #checkHardLink(path: string, stats: Stats): void {
    if (stats.nlink < 2 || this.#owner === undefined || stats.uid === this.#owner.uid) return;
    throw new PathOutsideWorkspaceError(path, "is a hard link to another user's file");
  }
}

function typeOf(stats: Stats): FileType {
  if (stats.isFile()) return "file";
  if (stats.isDirectory()) return "directory";
  return stats.isSymbolicLink() ? "symlink" : "other";
}

function toEntry(parts: readonly EntryName[], stats: Stats): FileEntry {
  return {
    path: parts.map((part) => part.toString()).join("/"),
    type: typeOf(stats),
    sizeBytes: stats.isFile() ? stats.size : 0,
    allocatedBytes: stats.blocks * 512,
    inode: stats.ino,
    links: stats.nlink,
    modifiedAt: stats.mtime,
  };
}
