import { mkdir } from "node:fs/promises";
import type { QuotaStatus } from "../../../contracts/workspace-quota.ts";
import type { Logger } from "../../runtime/logger.ts";
import { ServiceRecords } from "../service-records.ts";
import { workspacePath } from "../workspace-path.ts";
import { TreeIndex } from "./tree-index.ts";
import { UsageReading, type UsageMeter, type WorkspaceQuota } from "./usage-meter.ts";
import { WorkspaceProcesses } from "./workspace-processes.ts";

const USAGE_RECORD = ["usage.json"] as const;
/** Workspaces whose directories are remembered: those that were looked at last. */
const MAX_INDEXES = 64;
/** What processes hold is looked at again after this, and after so many times as long as the look took. */
const HELD_MS = 2_000;
const REST_PER_HELD = 10;

export interface CountedUsageMeterDeps {
  readonly rootDir: string;
  readonly logger: Logger;
  /** Why no file system does it. @default it was chosen */
  readonly reason?: string;
  readonly now?: () => Date;
}

/**
 * Counts the files itself, where no file system keeps books: the last count is kept beside the workspaces, so that
 * nothing is read before a task. While one runs, what has changed is read again (tree-index.ts); after it, everything
 * is, in the background. Removed files that a process still has open count as well (workspace-processes.ts). Nothing
 * refuses a write: who is over his quota is stopped when that is seen.
 */
export class CountedUsageMeter implements UsageMeter {
  readonly status: QuotaStatus;
  readonly #rootDir: string;
  readonly #records: ServiceRecords;
  readonly #log: Logger;
  readonly #now: () => Date;
  /** In the order of their last use. */
  readonly #indexes = new Map<string, TreeIndex>();
  readonly #processes = new WorkspaceProcesses();
  /** Of the same workspaces as the indexes. */
  readonly #held = new Map<string, { readonly bytes: number; readonly until: number }>();
  readonly #running = new Map<string, { readonly full: boolean; readonly reading: Promise<UsageReading> }>();
  readonly #wanted = new Set<string>();
  #background: Promise<void> | undefined;
  #closed = false;

  constructor(deps: CountedUsageMeterDeps) {
    this.status = { kind: "count", hardLimit: false, reason: deps.reason ?? "WORKSPACE_QUOTA is count" };
    this.#rootDir = deps.rootDir;
    this.#records = new ServiceRecords(deps.rootDir);
    this.#log = deps.logger;
    this.#now = deps.now ?? (() => new Date());
  }

  async prepare({ workspaceId }: WorkspaceQuota): Promise<void> {
    await mkdir(workspacePath(this.#rootDir, workspaceId), { recursive: true, mode: 0o700 });
  }

  async changeQuota(): Promise<void> {
    // There is nothing to set: the quota is compared where usage is read.
  }

  async read(workspaceId: string): Promise<UsageReading> {
    return (await this.#records.read(workspaceId, USAGE_RECORD, UsageReading)) ?? this.measure(workspaceId);
  }

  async look(workspaceId: string, options: { readonly held?: boolean } = {}): Promise<UsageReading> {
    const running = this.#running.get(workspaceId);
    if (options.held !== true) return running?.reading ?? this.#count(workspaceId, false);
    await running?.reading.catch(() => undefined);
    this.#held.delete(workspaceId);
    return this.#running.get(workspaceId)?.reading ?? this.#count(workspaceId, false);
  }

  async measure(workspaceId: string): Promise<UsageReading> {
    const running = this.#running.get(workspaceId);
    if (running?.full === true) return running.reading;
    await running?.reading.catch(() => undefined);
    const next = this.#running.get(workspaceId); // others may have waited for the same
    return next?.full === true ? next.reading : this.#count(workspaceId, true);
  }

  writtenBytes(workspaceId: string): Promise<number> {
    return this.#processes.writtenBytes(workspacePath(this.#rootDir, workspaceId));
  }

  /** Keeps what somebody else has measured. */
  async remember(workspaceId: string, reading: UsageReading): Promise<void> {
    await this.#records.write(workspaceId, USAGE_RECORD, reading);
  }

  refreshInBackground(workspaceId: string): void {
    if (this.#closed) return;
    this.#wanted.add(workspaceId);
    this.#background ??= this.#refreshAll().finally(() => (this.#background = undefined));
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#wanted.clear();
    await this.#background;
    await Promise.allSettled([...this.#running.values()].map(({ reading }) => reading));
  }

  async #refreshAll(): Promise<void> {
    for (const workspaceId of this.#wanted) {
      // Files may have changed under a measurement that runs already: this one begins after it.
      await this.#running.get(workspaceId)?.reading.catch(() => undefined);
      this.#wanted.delete(workspaceId);
      await this.measure(workspaceId).catch((error: unknown) => {
        this.#log.error({ event: "usage_measurement_failed", workspaceId, err: error }, "usage measurement failed");
      });
    }
  }

  #count(workspaceId: string, full: boolean): Promise<UsageReading> {
    const reading = this.#read(workspaceId, full).finally(() => this.#running.delete(workspaceId));
    this.#running.set(workspaceId, { full, reading });
    return reading;
  }

  async #read(workspaceId: string, full: boolean): Promise<UsageReading> {
    const measuredAt = this.#now().toISOString();
    const index = this.#index(workspaceId);
    const named = await index.count({ full });
    const held = await this.#heldBytes(workspaceId, full);
    const reading = { usedBytes: named + held, usedEntries: index.entries, measuredAt };
    await this.#records.write(workspaceId, USAGE_RECORD, reading);
    return reading;
  }

  async #heldBytes(workspaceId: string, full: boolean): Promise<number> {
    const startedAt = performance.now();
    const known = this.#held.get(workspaceId);
    if (!full && known !== undefined && startedAt < known.until) return known.bytes;
    const dir = workspacePath(this.#rootDir, workspaceId);
    const bytes = await this.#processes.heldBytes(dir, { fresh: full || known === undefined });
    const endedAt = performance.now();
    const until = endedAt + Math.max(HELD_MS, (endedAt - startedAt) * REST_PER_HELD);
    this.#held.set(workspaceId, { bytes, until });
    return bytes;
  }

  #index(workspaceId: string): TreeIndex {
    const index = this.#indexes.get(workspaceId) ?? new TreeIndex(workspacePath(this.#rootDir, workspaceId));
    this.#indexes.delete(workspaceId);
    this.#indexes.set(workspaceId, index);
    if (this.#indexes.size > MAX_INDEXES) {
      const oldest = this.#indexes.keys().next().value ?? "";
      this.#indexes.delete(oldest);
      this.#held.delete(oldest);
    }
    return index;
  }
}
