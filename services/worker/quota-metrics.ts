import { Counter, Gauge, type Registry } from "prom-client";

/** What the guard counts. */
export interface QuotaMetrics {
  /** A task was warned: 80 % are used. */
  nearlyUsed(workspaceId: string): void;
  /** A task was not begun, as its workspace is full. */
  refused(workspaceId: string): void;
  /** Running tasks were stopped, as their workspace is full. */
  exceeded(workspaceId: string): void;
  used(workspaceId: string, usedBytes: number, quotaBytes: number): void;
  /** No task of the workspace runs here any longer: what it uses is no longer known. */
  forget(workspaceId: string): void;
}

export function createQuotaMetrics(registry: Registry): QuotaMetrics {
  const registers = [registry];
  const events = new Counter({
    name: "automatos_workspace_quota_events_total",
    help: "Tasks warned at 80 % of the quota (nearly_used), not begun (refused), or stopped while they ran (exceeded).",
    labelNames: ["workspace", "event"],
    registers,
  });
  const used = new Gauge({
    name: "automatos_workspace_storage_used_bytes",
    help: "Bytes that a workspace takes while a task of it runs on this worker.",
    labelNames: ["workspace"],
    registers,
  });
  const quota = new Gauge({
    name: "automatos_workspace_storage_quota_bytes",
    help: "Bytes that a workspace may take, while a task of it runs on this worker.",
    labelNames: ["workspace"],
    registers,
  });
  const count = (event: string) => (workspace: string) => events.inc({ workspace, event });
  return {
    nearlyUsed: count("nearly_used"),
    refused: count("refused"),
    exceeded: count("exceeded"),
    used: (workspace, usedBytes, quotaBytes) => {
      used.set({ workspace }, usedBytes);
      quota.set({ workspace }, quotaBytes);
    },
    forget: (workspace) => {
      used.remove({ workspace });
      quota.remove({ workspace });
    },
  };
}
