import { z } from "zod";
import { CredentialKeysText } from "./credential-keys.ts";
import { page, pageOf } from "./http-api.ts";
import { CronExpression, TimeZone } from "./schedule.ts";
import { TaskError } from "./task.ts";

const keepCount = z.int().min(0).max(1_000);

/** Where backups of workspaces go, when, and how long they are kept: `backup` of the stack. */
export const BackupConfig = z.strictObject({
  endpoint: z
    .url({ protocol: /^https?$/ })
    .refine((text) => new URL(text).pathname === "/", "must have no path: bucket and prefix are keys of their own")
    .describe("The S3-compatible store, e.g. `https://s3.eu-central-1.amazonaws.com`."),
  bucket: z
    .string()
    .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/)
    .describe("It must be there: none is made."),
  region: z
    .string()
    .regex(/^[A-Za-z0-9-]{1,64}$/)
    .default("us-east-1"),
  prefix: z
    .string()
    .regex(/^[A-Za-z0-9_-]+(\/[A-Za-z0-9_-]+)*$/)
    .default("automatos")
    .describe("Begins the names of all objects; below it each workspace has a repository of its own."),
  schedule: CronExpression.nullable().default("0 2 * * *").describe("When workspaces are backed up; null: on demand."),
  checkSchedule: CronExpression.nullable()
    .default("0 5 * * SUN")
    .describe("When each workspace's newest backup is restored to a scratch folder and compared; null: on demand."),
  timeZone: TimeZone.default("UTC"),
  spreadMinutes: z
    .int()
    .min(0)
    .max(1_440)
    .default(60)
    .describe("Each workspace has its turn within so many minutes after the time."),
  keep: z
    .strictObject({
      last: keepCount.min(1).default(3),
      daily: keepCount.default(14),
      weekly: keepCount.default(8),
      monthly: keepCount.default(0),
    })
    .prefault({})
    .describe("Backups that stay; the others are removed after the next backup."),
});
export type BackupConfig = z.infer<typeof BackupConfig>;

/** What opens the store, and what the backups' keys are derived from. Secrets of the stack. */
export const BackupSecrets = z.strictObject({
  accessKeyId: z.string().min(1),
  secretAccessKey: z.string().min(1),
  keys: CredentialKeysText.refine((keys) => keys.every(({ kind }) => kind === undefined)).describe(
    "`<id>:<32 bytes in base64>`, comma-separated: the first encrypts, all decrypt.",
  ),
});
export type BackupSecrets = z.infer<typeof BackupSecrets>;

export const BackupRunKind = z.enum(["backup", "restore", "check"]);
export type BackupRunKind = z.infer<typeof BackupRunKind>;
export const BackupRunState = z.enum(["pending", "running", "succeeded", "failed"]);
export type BackupRunState = z.infer<typeof BackupRunState>;

/** Of a restored tree against the list that was made of the workspace for its backup. */
export const TreeComparison = z.strictObject({
  files: z.int().min(0),
  directories: z.int().min(0),
  links: z.int().min(0).describe("Symbolic links."),
  others: z.int().min(0).describe("Named pipes."),
  bytes: z.int().min(0).describe("Compared by content."),
  different: z.int().min(0).describe("Entries with another content, type, mode, time, target or hard link."),
  missing: z.int().min(0),
  extra: z.int().min(0),
  changedMeanwhile: z
    .int()
    .min(0)
    .describe(
      "Entries that something wrote to while the backup was made: the list and the backup saw them at two moments.",
    ),
  examples: z.array(z.string().max(5_000)).max(20).describe("The first entries that differ, and how."),
});
export type TreeComparison = z.infer<typeof TreeComparison>;

const instant = z.iso.datetime({ offset: true });

/** A backup, a restore, or a check of a backup. */
export const BackupRun = z.strictObject({
  runId: z.uuid(),
  workspaceId: z.uuid(),
  kind: BackupRunKind,
  state: BackupRunState,
  requestedBy: z.string().nullable().describe("Null: its time had come."),
  requestedAt: instant,
  startedAt: instant.nullable(),
  finishedAt: instant.nullable(),
  attempt: z.int().min(0),
  backupId: z.uuid().nullable().describe("Of a restore or check: the backup's run."),
  snapshotId: z.string().nullable().describe("In the repository."),
  fileCount: z.int().min(0).nullable(),
  totalBytes: z.int().min(0).nullable().describe("As the files say they are long."),
  addedBytes: z.int().min(0).nullable().describe("What this backup added to the store."),
  unreadable: z.int().min(0).nullable().describe("Entries that could not be read, e.g. removed in that moment."),
  tasksRan: z
    .boolean()
    .nullable()
    .describe("Whether tasks ran: then the backup is what a loss of power in that moment would have left."),
  comparison: TreeComparison.nullable(),
  removedAt: instant.nullable().describe("When retention removed the backup from the store."),
  error: TaskError.nullable(),
});
export type BackupRun = z.infer<typeof BackupRun>;

export const BackupRunPage = pageOf(BackupRun);
export const BackupRunQuery = z.strictObject({ ...page, kind: BackupRunKind.optional() });

export const BackupRequest = z.strictObject({
  runId: z
    .uuid()
    .toLowerCase()
    .optional()
    .describe("Chosen by the caller, so that the same request again is the same run."),
});
export const RestoreRequest = BackupRequest.extend({
  backupId: z.uuid().toLowerCase().optional().describe("Default: the newest backup."),
});

/** A workspace's own part in the schedules. */
export const BackupSettings = z.strictObject({
  scheduled: z.boolean().describe("Whether the stack's schedules cover this workspace."),
});
export type BackupSettings = z.infer<typeof BackupSettings>;
