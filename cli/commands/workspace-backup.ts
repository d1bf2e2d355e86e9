import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { BackupRun, BackupRunPage, BackupSettings } from "../../contracts/backup.ts";
import { isPassing } from "../api-client.ts";
import { checkedId, Context, type GlobalOptions } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { brief, duration, localTime, size } from "../output/format.ts";
import { forTerminal } from "../output/style.ts";
import { fields, table } from "../output/table.ts";

export interface BackupRunOptions extends GlobalOptions {
  /** Do not wait for its end. */
  readonly detach?: boolean;
}

export interface RestoreOptions extends BackupRunOptions {
  readonly from?: string;
}

const POLL_MS = 500;

export const workspaceBackup = (named: string | undefined, options: BackupRunOptions): Promise<number> =>
  ask("backups", named, {}, options);

export const workspaceRestore = (named: string | undefined, options: RestoreOptions): Promise<number> =>
  ask("restores", named, backupOf(options), options);

export const workspaceBackupVerify = (named: string | undefined, options: RestoreOptions): Promise<number> =>
  ask("backup-checks", named, backupOf(options), options);

const backupOf = ({ from }: RestoreOptions) => (from === undefined ? {} : { backupId: checkedId("backup", from) });

async function ask(
  what: "backups" | "restores" | "backup-checks",
  named: string | undefined,
  body: Readonly<Record<string, unknown>>,
  options: BackupRunOptions,
): Promise<number> {
  const context = await Context.create(options);
  const path = `/api/workspaces/${await context.workspaceId(named)}`;
  const asked = await context.client.call("POST", `${path}/${what}`, BackupRun, {
    body: { ...body, runId: randomUUID() },
    repeatable: true,
  });
  if (options.detach === true) {
    context.answer(asked, () => asked.runId);
    return EXIT.ok;
  }
  const ended = await waitFor(context, `${path}/backups/${asked.runId}`, asked);
  context.answer(ended, () => describe(ended));
  return ended.state === "succeeded" ? EXIT.ok : EXIT.failed;
}

/** Asks until it has ended; what it says of a try that failed is shown once. */
async function waitFor(context: Context, path: string, asked: BackupRun): Promise<BackupRun> {
  let run = asked;
  let noted = "";
  while (run.state === "pending" || run.state === "running") {
    const note = run.error === null ? run.state : `${run.error.message}; it is tried again`;
    if (!context.json && note !== noted && note !== "pending") context.note(forTerminal(`${run.kind}: ${note}`, false));
    noted = note;
    await delay(POLL_MS);
    run = await context.client.call("GET", path, BackupRun).catch((error: unknown) => {
      if (!isPassing(error)) throw error;
      return run;
    });
  }
  return run;
}

export interface BackupListOptions extends GlobalOptions {
  readonly limit?: number;
  readonly cursor?: string;
  readonly kind?: string;
}

export async function workspaceBackups(named: string | undefined, options: BackupListOptions): Promise<number> {
  const context = await Context.create(options);
  const path = `/api/workspaces/${await context.workspaceId(named)}/backups`;
  const { limit, cursor, kind } = options;
  const page = await context.client.call("GET", path, BackupRunPage, { query: { limit, cursor, kind } });
  context.answer(page, () => {
    if (page.items.length === 0) return "no backups";
    const rows = page.items.map((run) => [
      run.runId,
      run.kind,
      run.removedAt === null ? run.state : "removed",
      localTime(run.requestedAt),
      run.fileCount === null ? "-" : String(run.fileCount),
      run.totalBytes === null ? "-" : size(run.totalBytes),
      run.addedBytes === null ? "-" : size(run.addedBytes),
      brief(forTerminal(run.error?.message ?? "", false), 60),
    ]);
    return table(["RUN", "KIND", "STATE", "ASKED", "FILES", "SIZE", "ADDED", "ERROR"], rows);
  });
  if (!context.json && page.nextCursor !== null) context.note(`More: add --cursor ${page.nextCursor}`);
  return EXIT.ok;
}

/** Shows whether the schedules cover the workspace, or changes it. */
export async function workspaceBackupSchedule(args: readonly string[], options: GlobalOptions): Promise<number> {
  const context = await Context.create(options);
  const wanted = args.find((arg) => arg === "on" || arg === "off");
  const path = `/api/workspaces/${await context.workspaceId(args.find((arg) => arg !== wanted))}/backup-settings`;
  const settings =
    wanted === undefined
      ? await context.client.call("GET", path, BackupSettings)
      : await context.client.call("PUT", path, BackupSettings, { body: { scheduled: wanted === "on" } });
  context.answer(settings, () =>
    settings.scheduled ? "backed up by the stack's schedule" : "left out of the stack's schedule",
  );
  return EXIT.ok;
}

function describe(run: BackupRun): string {
  const { comparison, error, startedAt, finishedAt } = run;
  const took = startedAt === null || finishedAt === null ? 0 : Date.parse(finishedAt) - Date.parse(startedAt);
  return fields([
    [run.kind, run.runId],
    ["state", run.state],
    ["took", duration(took)],
    ...(run.backupId === null ? [] : ([["of backup", run.backupId]] as const)),
    ...(run.fileCount === null ? [] : ([["files", `${run.fileCount}, ${size(run.totalBytes ?? 0)}`]] as const)),
    ...(run.addedBytes === null ? [] : ([["added", size(run.addedBytes)]] as const)),
    ...(run.unreadable ? ([["unreadable", `${run.unreadable} entries are not in it`]] as const) : []),
    ...(run.tasksRan === true
      ? ([["tasks ran", "it is what a loss of power in that moment would have left"]] as const)
      : []),
    ...(comparison === null ? [] : ([["compared", comparisonLine(comparison)]] as const)),
    ...(comparison?.examples ?? []).map((example) => ["", forTerminal(example, false)] as const),
    ...(error === null ? [] : ([["error", forTerminal(`${error.message}. ${error.remedy}`, false)]] as const)),
  ]);
}

function comparisonLine(compared: NonNullable<BackupRun["comparison"]>): string {
  const { files, directories, links, others, different, missing, extra, changedMeanwhile } = compared;
  const counts = `${files} files, ${directories} folders, ${links} links${others > 0 ? `, ${others} pipes` : ""}`;
  const differences = different + missing + extra;
  const found = differences === 0 ? "no difference" : `${different} different, ${missing} missing, ${extra} new`;
  return `${counts}: ${found}${changedMeanwhile === 0 ? "" : `; ${changedMeanwhile} changed while the backup was made`}`;
}
