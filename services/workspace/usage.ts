import { z } from "zod";
import type { Logger } from "pino";
import { WorkspaceQuotaExceededError } from "../../contracts/errors.ts";
import type { TaskEventBody } from "../../contracts/task-event.ts";
import { SafeFs } from "./safe-fs.ts";
import { ServiceRecords } from "./service-records.ts";
import { workspacePath } from "./workspace-path.ts";

export const UsageReading = z.strictObject({
  usedBytes: z.int().min(0).describe("Bytes that the workspace takes on the disk."),
  measuredAt: z.iso.datetime(),
});
export type UsageReading = z.infer<typeof UsageReading>;

/** Knows how much of the disk a workspace takes. */
export interface UsageMeter {
  /** What is known, without looking at the files; measures only a workspace that never was. */
  read(workspaceId: string): Promise<UsageReading>;
  /** Measures now. Calls at the same time share one measurement. */
  measure(workspaceId: string): Promise<UsageReading>;
  /** Measures soon, one workspace after the other: for the time after a task. A failure is logged. */
  refreshInBackground(workspaceId: string): void;
  /** Resolves when what is being measured has been; starts nothing new. Idempotent. */
  close(): Promise<void>;
}

/** The share of the quota from which on a task is warned. */
const WARNING_SHARE = 0.8;
const USAGE_RECORD = ["usage.json"] as const;

/** Counts the files when it is asked to, not on every read: the last count is kept beside the workspaces. */
export class TreeUsageMeter implements UsageMeter {
  readonly #rootDir: string;
  readonly #records: ServiceRecords;
  readonly #log: Logger;
  readonly #now: () => Date;
  readonly #measuring = new Map<string, Promise<UsageReading>>();
  readonly #wanted = new Set<string>();
  #background: Promise<void> | undefined;
  #closed = false;

  constructor(deps: { readonly rootDir: string; readonly logger: Logger; readonly now?: () => Date }) {
    this.#rootDir = deps.rootDir;
    this.#records = new ServiceRecords(deps.rootDir);
    this.#log = deps.logger;
    this.#now = deps.now ?? (() => new Date());
  }

  async read(workspaceId: string): Promise<UsageReading> {
    return (await this.#records.read(workspaceId, USAGE_RECORD, UsageReading)) ?? this.measure(workspaceId);
  }

  measure(workspaceId: string): Promise<UsageReading> {
    const running = this.#measuring.get(workspaceId);
    if (running !== undefined) return running;
    const measuring = this.#count(workspaceId).finally(() => this.#measuring.delete(workspaceId));
    this.#measuring.set(workspaceId, measuring);
    return measuring;
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
    await Promise.allSettled(this.#measuring.values());
  }

  async #refreshAll(): Promise<void> {
    for (const workspaceId of this.#wanted) {
      // Files may have changed under a measurement that runs already: this one begins after it.
      await this.#measuring.get(workspaceId)?.catch(() => undefined);
      this.#wanted.delete(workspaceId);
      await this.measure(workspaceId).catch((error: unknown) => {
        this.#log.error({ event: "usage_measurement_failed", workspaceId, err: error }, "usage measurement failed");
      });
    }
  }

  async #count(workspaceId: string): Promise<UsageReading> {
    const measuredAt = this.#now().toISOString();
    const reading = { usedBytes: await treeBytes(workspacePath(this.#rootDir, workspaceId), "."), measuredAt };
    await this.#records.write(workspaceId, USAGE_RECORD, reading);
    return reading;
  }
}

/** Bytes that everything below a path takes on the disk; a file with several names counts once. 0 when it is not there. */
export async function treeBytes(workspaceDir: string, path: string): Promise<number> {
  const linked = new Set<number>();
  let bytes = 0;
  try {
    for await (const { type, inode, links, allocatedBytes } of new SafeFs(workspaceDir).walk(path)) {
      if (type !== "directory" && links > 1) {
        if (linked.has(inode)) continue;
        linked.add(inode);
      }
      bytes += allocatedBytes;
    }
  } catch (error) {
    if ((error as { code?: unknown }).code !== "FILE_NOT_FOUND") throw error;
  }
  return bytes;
}

/**
 * Refuses a task of a workspace that is full. What is known may be old: before a refusal it is measured again, as
 * somebody may have made room.
 *
 * @returns A warning to tell the task's owner, when little room is left.
 * @throws WorkspaceQuotaExceededError
 */
export async function admitByQuota(
  meter: UsageMeter,
  workspaceId: string,
  quotaBytes: number,
): Promise<TaskEventBody | undefined> {
  let { usedBytes } = await meter.read(workspaceId);
  // Twice: the first may share a measurement that began before room was made.
  for (let left = 2; left > 0 && usedBytes >= quotaBytes; left--) ({ usedBytes } = await meter.measure(workspaceId));
  if (usedBytes >= quotaBytes) throw new WorkspaceQuotaExceededError(workspaceId, usedBytes, quotaBytes);
  return isNearlyUsed(usedBytes, quotaBytes) ? nearlyUsedWarning(workspaceId, usedBytes, quotaBytes) : undefined;
}

/** Whether little room is left: 80 % of the quota are used. */
export const isNearlyUsed = (usedBytes: number, quotaBytes: number): boolean => usedBytes >= quotaBytes * WARNING_SHARE;

/** Tells a task's owner that little room is left. */
export function nearlyUsedWarning(workspaceId: string, usedBytes: number, quotaBytes: number): TaskEventBody {
  return {
    type: "warning",
    code: "WORKSPACE_QUOTA_NEARLY_USED",
    message: `workspace ${workspaceId} holds ${usedBytes} bytes, its quota is ${quotaBytes} bytes`,
    remedy:
      "Drop cached repositories or artifacts with `automatos workspace repos|artifacts rm`, or move the workspace to a larger plan.",
  };
}
