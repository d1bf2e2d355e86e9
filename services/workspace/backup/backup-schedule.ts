import { createHash, randomUUID } from "node:crypto";
import type { BackupConfig } from "../../../contracts/backup.ts";
import { CronTimes } from "../../runner/schedules/cron.ts";
import type { Queryable } from "../../runtime/database.ts";
import { insertRun } from "./backup-store.ts";
import { IS_USABLE } from "./run-record.ts";

const BATCH = 200;

interface PlanRow {
  readonly workspaceId: string;
  readonly now: Date;
  readonly backupDue: boolean;
  readonly checkDue: boolean;
  readonly newestBackup: string | null;
}

type Schedules = Pick<BackupConfig, "schedule" | "checkSchedule" | "timeZone" | "spreadMinutes">;

/**
 * Asks for the backups and checks whose time has come. Each workspace has its turn somewhere within the spread, always
 * at the same place in it; however many times were missed, they are made up for once.
 */
export async function requestDueBackups(database: Queryable, config: Schedules): Promise<number> {
  const { schedule, checkSchedule, timeZone, spreadMinutes } = config;
  const schedules = JSON.stringify([schedule, checkSchedule, timeZone, spreadMinutes]);
  // Those that these schedules have not come to yet; a time that has not come before does not lie in the past.
  const { rows: fresh } = await database.query<{ workspaceId: string; now: Date }>(
    `SELECT w.id AS "workspaceId", now() AS now FROM workspaces w
     LEFT JOIN workspace_backup_plans p ON p.workspace_id = w.id
     WHERE p.schedules IS DISTINCT FROM $1 AND w.state = 'open' ORDER BY w.id LIMIT $2`,
    [schedules, BATCH],
  );
  for (const { workspaceId, now } of fresh) {
    await database.query(
      `INSERT INTO workspace_backup_plans (workspace_id, schedules, next_backup_at, next_check_at) VALUES ($1, $2, $3, $4)
       ON CONFLICT (workspace_id) DO UPDATE SET schedules = excluded.schedules, next_backup_at = excluded.next_backup_at,
         next_check_at = excluded.next_check_at`,
      [
        workspaceId,
        schedules,
        nextTime(schedule, config, workspaceId, now),
        nextTime(checkSchedule, config, workspaceId, now),
      ],
    );
  }
  const { rows: due } = await database.query<PlanRow>(
    `SELECT p.workspace_id AS "workspaceId", now() AS now, coalesce(p.next_backup_at <= now(), false) AS "backupDue",
       coalesce(p.next_check_at <= now(), false) AS "checkDue",
       (SELECT b.id FROM workspace_backups b WHERE b.workspace_id = p.workspace_id AND ${IS_USABLE}
        ORDER BY b.finished_at DESC LIMIT 1) AS "newestBackup"
     FROM workspace_backup_plans p JOIN workspaces w ON w.id = p.workspace_id
     WHERE p.scheduled AND w.state = 'open' AND (p.next_backup_at <= now() OR p.next_check_at <= now()) LIMIT $1`,
    [BATCH],
  );
  for (const { workspaceId, now, backupDue, checkDue, newestBackup } of due) {
    if (backupDue)
      await insertRun(database, { runId: randomUUID(), workspaceId, kind: "backup", backupId: null, by: null });
    if (checkDue && newestBackup !== null) {
      await insertRun(database, { runId: randomUUID(), workspaceId, kind: "check", backupId: newestBackup, by: null });
    }
    await database.query(
      `UPDATE workspace_backup_plans SET next_backup_at = CASE WHEN $2 THEN $3 ELSE next_backup_at END,
         next_check_at = CASE WHEN $4 THEN $5 ELSE next_check_at END WHERE workspace_id = $1`,
      [
        workspaceId,
        backupDue,
        nextTime(schedule, config, workspaceId, now),
        checkDue,
        nextTime(checkSchedule, config, workspaceId, now),
      ],
    );
  }
  return due.length;
}

/** The first time after `now` that is a workspace's own; null where there is no schedule. */
export function nextTime(
  cron: string | null,
  { timeZone, spreadMinutes }: Pick<Schedules, "timeZone" | "spreadMinutes">,
  workspaceId: string,
  now: Date,
): Date | null {
  if (cron === null) return null;
  const spreadMs = spreadMinutes * 60_000;
  const offsetMs = spreadMs === 0 ? 0 : createHash("sha256").update(workspaceId).digest().readUInt32BE() % spreadMs;
  const next = new CronTimes(cron, timeZone).after(new Date(now.getTime() - offsetMs));
  return next === null ? null : new Date(next.getTime() + offsetMs);
}
