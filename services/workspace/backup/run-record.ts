import type { BackupRun } from "../../../contracts/backup.ts";

/** A BackupRun from `workspace_backups b`, as JSON. */
export const RUN_JSON = `jsonb_build_object(
  'runId', b.id, 'workspaceId', b.workspace_id, 'kind', b.kind, 'state', b.state, 'requestedBy', b.requested_by,
  'requestedAt', iso_time(b.requested_at), 'startedAt', iso_time(b.started_at), 'finishedAt', iso_time(b.finished_at),
  'attempt', b.attempt, 'backupId', b.backup_id, 'snapshotId', b.snapshot_id, 'fileCount', b.file_count,
  'totalBytes', b.total_bytes, 'addedBytes', b.added_bytes, 'unreadable', b.unreadable, 'tasksRan', b.tasks_ran,
  'comparison', b.comparison, 'removedAt', iso_time(b.removed_at), 'error', b.error)`;

/** What RUN_JSON selects, as `run`. */
export interface RunRow {
  readonly run: BackupRun;
}

/** Of a backup that can be restored, as `b`. */
export const IS_USABLE = "b.kind = 'backup' AND b.state = 'succeeded' AND b.removed_at IS NULL";

/** Tasks whose files are in use, or are to be again: running, let in to run, or with a checkpoint to go on from. */
export const ACTIVE_TASKS = `
  SELECT count(*)::int AS active FROM task_executions t WHERE t.workspace_id = $1
    AND (t.status IN ('scheduled', 'running') OR (t.status = 'queued' AND t.admitted_at IS NOT NULL)
      OR (t.status IN ('pending', 'queued') AND EXISTS (SELECT FROM task_checkpoints c WHERE c.task_id = t.id)))`;
