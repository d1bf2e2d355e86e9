import { z } from "zod";
import { PlanTier } from "./plan.ts";
import { ToolPolicy } from "./tools.ts";
import { QuotaKind } from "./workspace-quota.ts";

/**
 * A destination that a sandbox may reach: `host`, `host:port` or `*.suffix`. Without a port: 80 and 443.
 * A private or loopback address is reached only when that very host and port is listed.
 */
export const EgressRule = z
  .string()
  .max(260)
  .toLowerCase()
  .regex(
    /^(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(:([1-9][0-9]{0,4}))?$|^\[[0-9a-f:.]+\](:([1-9][0-9]{0,4}))?$/,
    "must be host, host:port or *.suffix",
  );
export type EgressRule = z.infer<typeof EgressRule>;

/** Who a workspace belongs to and what it may do. */
export const Workspace = z.strictObject({
  workspaceId: z.uuid(),
  name: z.string().min(1).max(200),
  plan: PlanTier,
  egressRules: z.array(EgressRule).max(1_000).describe("Beside the stack's defaults."),
  toolPolicy: ToolPolicy,
  createdAt: z.iso.datetime({ offset: true }),
});
export type Workspace = z.infer<typeof Workspace>;

/** `.workspace_meta.json` at the workspace's root. */
export const WorkspaceMeta = z.strictObject({
  workspaceId: z.uuid(),
  createdAt: z.iso.datetime({ offset: true }),
  planTier: PlanTier,
  storageQuotaBytes: z.int().min(0),
  lastTaskAt: z.iso.datetime({ offset: true }).nullable(),
  reposCached: z.array(z.string()),
  totalTasksRun: z.int().min(0),
});
export type WorkspaceMeta = z.infer<typeof WorkspaceMeta>;

export const WorkspaceUsage = z.strictObject({
  workspaceId: z.uuid(),
  usedBytes: z.int().min(0),
  quotaBytes: z.int().min(0),
  runningTasks: z.int().min(0),
  queuedTasks: z.int().min(0),
  measuredAt: z.iso.datetime({ offset: true }),
  quotaKind: QuotaKind,
  hardLimit: z.boolean().describe("Whether the file system itself refuses what is over the quota."),
});
export type WorkspaceUsage = z.infer<typeof WorkspaceUsage>;

export const CachedRepository = z.strictObject({
  name: z.string(),
  url: z.string().nullable(),
  sizeBytes: z.int().min(0).describe("Bytes that it takes on the disk, as of `measuredAt`."),
  measuredAt: z.iso
    .datetime({ offset: true })
    .describe("What is older than a minute is being measured again: ask once more for the new size."),
  lastUsedAt: z.iso.datetime({ offset: true }),
});
export type CachedRepository = z.infer<typeof CachedRepository>;

export const Artifact = z.strictObject({
  path: z.string().describe("Below artifacts/."),
  sizeBytes: z.int().min(0),
  modifiedAt: z.iso.datetime({ offset: true }),
});
export type Artifact = z.infer<typeof Artifact>;
