import type { Schedule, ScheduleRun, ScheduledTask } from "../../../contracts/schedule.ts";

/** A ScheduleRun from `schedule_runs r`, as JSON. */
export const RUN_JSON = `jsonb_build_object(
  'runId', r.id, 'scheduleId', r.schedule_id, 'dueAt', iso_time(r.due_at), 'firedAt', iso_time(r.fired_at),
  'requestedBy', r.requested_by, 'taskId', r.task_id, 'reason', r.reason, 'missed', r.missed)`;

/** A Schedule from `schedules s`. */
export const SCHEDULE_COLUMNS = `
  s.id AS "scheduleId", s.workspace_id AS "workspaceId", s.name, s.cron, s.time_zone AS "timeZone", s.task, s.overlap,
  s.catch_up_seconds AS "catchUpSeconds", s.next_run_at IS NULL AS paused, iso_time(s.next_run_at) AS "nextRunAt",
  (SELECT ${RUN_JSON} FROM schedule_runs r WHERE r.schedule_id = s.id ORDER BY r.due_at DESC, r.id DESC LIMIT 1)
    AS "lastRun",
  iso_time(s.created_at) AS "createdAt", iso_time(s.updated_at) AS "updatedAt"`;

/** What SCHEDULE_COLUMNS select. */
export type ScheduleRow = Omit<Schedule, "task" | "lastRun"> & {
  readonly task: ScheduledTask;
  readonly lastRun: ScheduleRun | null;
};
