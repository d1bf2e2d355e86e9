/** A state store in a folder of this machine. */
import { constants, existsSync, rmSync } from "node:fs";
import { copyFile, link, mkdir, readdir, rm } from "node:fs/promises";
import { basename, dirname, join, relative, sep } from "node:path";
import { hasNoLinks, isNotFound, readIfExists, temporaryName, writeFileAtomic } from "../files.ts";
import type { BlobStore, ReplaceOptions } from "./blob-store.ts";

export class FileBlobs implements BlobStore {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  locate(key: string): string {
    return join(this.#root, key);
  }

  read(key: string): Promise<string | undefined> {
    return readIfExists(this.locate(key));
  }

  exists(key: string): Promise<boolean> {
    return Promise.resolve(existsSync(this.locate(key)));
  }

  async replace(
    key: string,
    content: string | readonly Uint8Array[],
    { backup, last = true }: ReplaceOptions = {},
  ): Promise<void> {
    await writeFileAtomic(this.locate(key), content, {
      ...(backup !== undefined && { backup: this.locate(backup) }),
      syncFolder: last,
    });
  }

  async create(key: string, content: string): Promise<boolean> {
    const file = this.locate(key);
    const temporary = temporaryName(file);
    await writeFileAtomic(temporary, content);
    try {
      await link(temporary, file); // unlike `rename`, fails when the name is taken
      return true;
    } catch (error) {
      if (isTaken(error)) return false;
      if (!hasNoLinks(error)) throw error;
      return await createCopy(temporary, file);
    } finally {
      await rm(temporary, { force: true });
    }
  }

  async copy(from: string, to: string): Promise<boolean> {
    const target = this.locate(to);
    await mkdir(dirname(target), { recursive: true });
    try {
      await copyFile(this.locate(from), target);
      return true;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  }

  async remove(key: string): Promise<void> {
    await rm(this.locate(key), { force: true });
  }

  readonly removeNow = (key: string): void => rmSync(this.locate(key), { force: true });

  async list(folder: string): Promise<string[]> {
    const root = this.locate(folder);
    try {
      const entries = await readdir(root, { recursive: true, withFileTypes: true });
      return entries
        .filter((entry) => entry.isFile() && !entry.name.endsWith(".tmp"))
        .map((entry) => relative(this.#root, join(entry.parentPath, entry.name)).split(sep).join("/"))
        .sort();
    } catch (error) {
      if (isNotFound(error)) return [];
      throw error;
    }
  }

  async removeLeftOvers(key: string): Promise<void> {
    const folder = dirname(this.locate(key));
    const prefix = `${basename(key)}.`;
    const names = await readdir(folder).catch((): string[] => []);
    for (const name of names)
      if (name.startsWith(prefix) && name.endsWith(".tmp")) await rm(join(folder, name), { force: true });
  }

  async removeFolder(folder: string): Promise<void> {
    await rm(this.locate(folder), { recursive: true, force: true });
  }
}

/** Where there are no links: whoever dies in the middle leaves a part of the file. */
async function createCopy(source: string, file: string): Promise<boolean> {
  try {
    await copyFile(source, file, constants.COPYFILE_EXCL);
    return true;
  } catch (error) {
    if (isTaken(error)) return false;
    throw error;
  }
}

function isTaken(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EEXIST";
}
