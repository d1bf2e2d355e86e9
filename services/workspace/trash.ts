import { randomBytes } from "node:crypto";
import { mkdir, readdir, rename } from "node:fs/promises";
import { dirname } from "node:path";
import type { Logger } from "pino";
import { walkTo } from "./directory-handle.ts";
import { SafeFs } from "./safe-fs.ts";
import type { ServiceRecords } from "./service-records.ts";
import { splitWorkspacePath } from "./safe-path.ts";
import { workspacePath } from "./workspace-path.ts";

const FOLDER = ["trash"] as const;
/** How names begin in the root of a workspace from which nothing can be moved out. */
const ASIDE = ".automatos-removed-";

export interface TrashDeps {
  readonly rootDir: string;
  readonly records: ServiceRecords;
  readonly logger: Logger;
  /** Told when something of a workspace has been removed. */
  readonly onRemoved?: (workspaceId: string) => void;
}

/**
 * Takes files out of a workspace in one step, however many they are, and removes them afterwards: nobody waits for
 * that, no lock is held for it, and what runs in the workspace can no longer reach them. What a crash leaves in the
 * trash is found by `sweep`.
 */
export class Trash {
  readonly #deps: TrashDeps;
  /** What is being removed or is to be, one after the other. */
  readonly #pending = new Set<string>();
  #removing: Promise<void> = Promise.resolve();

  constructor(deps: TrashDeps) {
    this.#deps = deps;
  }

  /** Removes an entry of a workspace: it is gone from there when this resolves. No-op when it is not there. */
  async discard(workspaceId: string, path: string): Promise<void> {
    const dir = workspacePath(this.#deps.rootDir, workspaceId);
    const parts = splitWorkspacePath(path);
    const name = parts.pop() ?? path;
    const trashed = randomBytes(8).toString("hex");
    const target = this.#deps.records.file(workspaceId, [...FOLDER, trashed]);
    await mkdir(dirname(target), { recursive: true, mode: 0o700 });
    try {
      const parent = await walkTo(dir, parts);
      try {
        await rename(parent.child(name), target);
      } finally {
        await parent.close();
      }
    } catch (error) {
      // A workspace that is a file system of its own: it goes out of sight within it.
      if ((error as { code?: unknown }).code === "EXDEV" && (await this.#putAside(dir, path, `${ASIDE}${trashed}`))) {
        this.#removeLater(workspaceId, `${ASIDE}${trashed}`);
        return;
      }
      // Not there, or what runs as the same user took the right to move it away: then it is removed where it is.
      await new SafeFs(dir).remove(path);
      return;
    }
    this.#removeLater(workspaceId, trashed);
  }

  /** Removes, in the background, what a crash left of a workspace's trash. */
  async sweep(workspaceId: string): Promise<void> {
    const names = await readdir(this.#deps.records.file(workspaceId, FOLDER)).catch(() => []);
    const inside = await readdir(workspacePath(this.#deps.rootDir, workspaceId)).catch(() => []);
    for (const name of [...names, ...inside.filter((entry) => entry.startsWith(ASIDE))]) {
      this.#removeLater(workspaceId, name);
    }
  }

  /** Resolves when all that was discarded so far has been removed. Never rejects. */
  async settled(): Promise<void> {
    await this.#removing;
  }

  /** Renames within the workspace, and closes what is a directory to its user. */
  async #putAside(dir: string, path: string, aside: string): Promise<boolean> {
    try {
      await new SafeFs(dir).move(path, aside);
    } catch {
      return false;
    }
    const moved = await walkTo(dir, [aside]).catch(() => undefined); // a file, or gone again
    await moved?.chown(process.getuid?.() ?? 0, process.getgid?.() ?? 0).catch(() => undefined);
    await moved?.close();
    return true;
  }

  #removeLater(workspaceId: string, name: string): void {
    const { records, logger, onRemoved } = this.#deps;
    const key = `${workspaceId}/${name}`;
    if (this.#pending.has(key)) return;
    this.#pending.add(key);
    this.#removing = this.#removing.then(async () => {
      try {
        const isInside = name.startsWith(ASIDE);
        const folder = isInside ? workspacePath(this.#deps.rootDir, workspaceId) : records.file(workspaceId, FOLDER);
        await new SafeFs(folder).remove(name);
        onRemoved?.(workspaceId);
      } catch (error) {
        logger.error({ event: "trash_not_removed", workspaceId, name, err: error }, "files left until the next start");
      } finally {
        this.#pending.delete(key);
      }
    });
  }
}
