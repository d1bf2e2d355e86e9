import { createHash, randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { z } from "zod";

/** Below the folder of all workspaces, closed to their users; its name is no workspace's id. */
const FOLDER = ".automatos";

/**
 * What the service remembers of a workspace beside the record: small JSON files on the same volume, out of the reach of
 * what runs in the workspace. They are a memory, not the truth: one that is missing or damaged reads as undefined.
 */
export class ServiceRecords {
  readonly #rootDir: string;

  constructor(rootDir: string) {
    this.#rootDir = join(rootDir, FOLDER);
  }

  async prepare(): Promise<void> {
    await mkdir(this.#rootDir, { recursive: true, mode: 0o700 });
  }

  async read<Schema extends z.ZodType>(
    workspaceId: string,
    path: readonly string[],
    schema: Schema,
  ): Promise<z.output<Schema> | undefined> {
    try {
      return schema.parse(JSON.parse(await readFile(this.file(workspaceId, path), "utf8")));
    } catch {
      return undefined;
    }
  }

  /** Complete or not at all: a reader, or a crash, never sees half a file. */
  async write(workspaceId: string, path: readonly string[], content: unknown): Promise<void> {
    const file = this.file(workspaceId, path);
    const temporary = `${file}.${randomBytes(6).toString("hex")}.tmp`;
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await writeFile(temporary, JSON.stringify(content), { mode: 0o600 });
    await rename(temporary, file);
  }

  /** Of which workspaces something is remembered. */
  workspaces(): Promise<string[]> {
    return readdir(this.#rootDir).catch(() => []);
  }

  /** The names below a path, in order; none when it is not there. What a crash left half-written is left out. */
  async names(workspaceId: string, path: readonly string[]): Promise<string[]> {
    const names = await readdir(this.file(workspaceId, path)).catch(() => []);
    return names.filter((name) => !name.endsWith(".tmp")).sort();
  }

  /** Removes a file or all below a path. No-op when it is not there. */
  async remove(workspaceId: string, path: readonly string[]): Promise<void> {
    await rm(this.file(workspaceId, path), { recursive: true, force: true });
  }

  /** Where on the volume it is, for what is no small JSON file. */
  file(workspaceId: string, path: readonly string[]): string {
    return join(this.#rootDir, workspaceId, ...path.map(fileName));
  }
}

const MAX_NAME_CHARS = 100;
/** Names of folders that agents made may be as long as the file system allows, and so have no room for an ending. */
const fileName = (name: string) =>
  name.length <= MAX_NAME_CHARS + ".json".length ? name : createHash("sha256").update(name).digest("hex");
