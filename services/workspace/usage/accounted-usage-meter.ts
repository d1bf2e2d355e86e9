import type { QuotaStatus } from "../../../contracts/workspace-quota.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { StorageAccounting } from "./accounting.ts";
import { CountedUsageMeter, type CountedUsageMeterDeps } from "./counted-usage-meter.ts";
import type { UsageMeter, UsageReading, WorkspaceQuota } from "./usage-meter.ts";

/**
 * Reads usage in the file system's own books, which are always up to date but for what was removed in the last seconds.
 * A folder that has no account yet (it is in use, and is carried over later) is counted meanwhile.
 */
export class AccountedUsageMeter implements UsageMeter {
  readonly status: QuotaStatus;
  readonly #accounting: StorageAccounting;
  readonly #counted: CountedUsageMeter;
  readonly #now: () => Date;
  readonly #log: Logger;

  constructor(deps: CountedUsageMeterDeps & { readonly accounting: StorageAccounting }) {
    this.status = deps.accounting.status;
    this.#accounting = deps.accounting;
    this.#counted = new CountedUsageMeter(deps);
    this.#log = deps.logger;
    this.#now = deps.now ?? (() => new Date());
  }

  prepare(workspace: WorkspaceQuota, options: { readonly inUse: boolean }): Promise<void> {
    return this.#accounting.prepare(workspace, options);
  }

  changeQuota(workspace: WorkspaceQuota): Promise<void> {
    return this.#accounting.changeQuota(workspace);
  }

  async read(workspaceId: string): Promise<UsageReading> {
    return (await this.#booked(workspaceId)) ?? this.#counted.read(workspaceId);
  }

  async look(workspaceId: string, options: { readonly held?: boolean } = {}): Promise<UsageReading> {
    return (await this.#booked(workspaceId)) ?? this.#counted.look(workspaceId, options);
  }

  async measure(workspaceId: string): Promise<UsageReading> {
    await this.#accounting.settle(workspaceId);
    return (await this.#booked(workspaceId)) ?? this.#counted.measure(workspaceId);
  }

  writtenBytes(workspaceId: string): Promise<number> {
    return this.#counted.writtenBytes(workspaceId);
  }

  refreshInBackground(workspaceId: string): void {
    void this.#booked(workspaceId)
      .then(async (reading) => {
        if (reading === undefined) this.#counted.refreshInBackground(workspaceId);
        // For readers that may not look into the books themselves.
        else await this.#counted.remember(workspaceId, reading);
      })
      .catch((error: unknown) => {
        this.#log.warn({ event: "usage_not_remembered", workspaceId, err: error }, "usage could not be kept");
      });
  }

  close(): Promise<void> {
    return this.#counted.close();
  }

  async #booked(workspaceId: string): Promise<UsageReading | undefined> {
    const measuredAt = this.#now().toISOString();
    const usedBytes = await this.#accounting.usedBytes(workspaceId);
    if (usedBytes === undefined) return undefined;
    const usedEntries = await this.#accounting.usedEntries?.(workspaceId);
    return { usedBytes, measuredAt, ...(usedEntries === undefined ? {} : { usedEntries }) };
  }
}
