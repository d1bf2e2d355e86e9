import type { Logger } from "../../runtime/logger.ts";
import type { ServiceRecords } from "../service-records.ts";
import { workspacePath } from "../workspace-path.ts";
import { treeBytes } from "./tree-bytes.ts";
import { UsageReading } from "./usage-meter.ts";

/** What is older is measured again, behind the scenes: who asks next is told. */
const FRESH_MS = 60_000;

/**
 * Sizes of folders of a workspace for lists of them: the last measurement is told at once, with its time. Only a folder
 * that never was measured is waited for.
 */
export class FolderSizes {
  readonly #rootDir: string;
  readonly #records: ServiceRecords;
  readonly #log: Logger;
  readonly #now: () => Date;
  /** One after the other, however many lists are asked for. */
  #measuring: Promise<unknown> = Promise.resolve();
  readonly #pending = new Set<string>();

  constructor(deps: {
    readonly rootDir: string;
    readonly records: ServiceRecords;
    readonly logger: Logger;
    readonly now: () => Date;
  }) {
    this.#rootDir = deps.rootDir;
    this.#records = deps.records;
    this.#log = deps.logger;
    this.#now = deps.now;
  }

  /** `changedAt`: something in it may have changed then; a measurement from before is not told. */
  async read(workspaceId: string, path: string, changedAt: Date): Promise<UsageReading> {
    const known = await this.#records.read(workspaceId, recordOf(path), UsageReading);
    if (known === undefined || Date.parse(known.measuredAt) <= changedAt.getTime())
      return this.#measure(workspaceId, path);
    if (this.#now().getTime() - Date.parse(known.measuredAt) > FRESH_MS) this.#measureLater(workspaceId, path);
    return known;
  }

  async forget(workspaceId: string, path: string): Promise<void> {
    await this.#records.remove(workspaceId, recordOf(path));
  }

  #measureLater(workspaceId: string, path: string): void {
    const key = `${workspaceId}/${path}`;
    if (this.#pending.has(key)) return;
    this.#pending.add(key);
    this.#measuring = this.#measuring
      .then(() => this.#measure(workspaceId, path))
      .catch((error: unknown) => {
        this.#log.warn({ event: "folder_not_measured", workspaceId, path, err: error }, "folder could not be measured");
      })
      .finally(() => this.#pending.delete(key));
  }

  async #measure(workspaceId: string, path: string): Promise<UsageReading> {
    const measuredAt = this.#now().toISOString();
    const reading = { usedBytes: await treeBytes(workspacePath(this.#rootDir, workspaceId), path), measuredAt };
    await this.#records.write(workspaceId, recordOf(path), reading);
    return reading;
  }
}

/** Names of folders that agents made may hold anything but a slash. */
const recordOf = (path: string) => ["sizes", `${path.replaceAll("/", "~")}.json`];
