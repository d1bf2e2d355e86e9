import { randomUUID } from "node:crypto";
import { z } from "zod";
import { PlatformError, TaskConflictError } from "../../../contracts/errors.ts";
import type { Schedule, ScheduleRun } from "../../../contracts/schedule.ts";
import { AgentTask, type TaskError, type TaskStatus } from "../../../contracts/task.ts";
import { isTransient, withTransaction, type Pool } from "../../runtime/database.ts";
import type { Logger } from "../../runtime/logger.ts";
import { Leadership } from "../admission/leadership.ts";
import { derivedId } from "../derived-id.ts";
import { toTaskError } from "../errors.ts";
import { CronTimes } from "./cron.ts";
import { missedReason, OVERLAP, ScheduledTaskInvalidError } from "./errors.ts";
import { RUN_JSON, SCHEDULE_COLUMNS, type ScheduleRow } from "./schedule-record.ts";

export type SubmitTask = (task: AgentTask) => Promise<TaskStatus>;

export interface SchedulerDeps {
  readonly pool: Pool;
  readonly submit: SubmitTask;
  /** Names this process among those that could do it. */
  readonly holder: string;
  readonly log: Logger;
}

const TICK_MS = 1_000;
const LEADERSHIP_SECONDS = 5;
const BATCH = 100;
/** Runs that are kept of a schedule. */
const KEPT_RUNS = 100;

interface DueRow extends ScheduleRow {
  readonly dueAt: Date;
  readonly now: Date;
}

type RunnableSchedule = Pick<Schedule, "scheduleId" | "workspaceId" | "task">;

/** One time of a schedule, before it is known what becomes of it. */
interface Time {
  readonly runId: string;
  readonly dueAt: Date;
  readonly missed: number;
  readonly requestedBy: string | null;
}

/**
 * Submits the tasks of schedules when their times come. Runs in every API process, since a worker may make no tasks, and
 * acts in one of them at a time;
 * if two act at once, or one is killed between a task and its note, the task's id is the same and so is the task.
 */
export class Scheduler {
  readonly #deps: SchedulerDeps;
  readonly #leadership: Leadership;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;

  constructor(deps: SchedulerDeps) {
    this.#deps = deps;
    this.#leadership = new Leadership({ role: "scheduler", holder: deps.holder, seconds: LEADERSHIP_SECONDS });
  }

  start(): void {
    this.#timer = setInterval(() => void (this.#running ??= this.#tick()), TICK_MS);
  }

  /** Ends what it does at present. Idempotent. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
    await this.#leadership.release(this.#deps.pool).catch(() => undefined); // it runs out by itself
  }

  async #tick(): Promise<void> {
    try {
      if (await this.#leadership.acquire(this.#deps.pool)) await runDueSchedules(this.#deps);
    } catch (error) {
      const level = isTransient(error) ? "warn" : "error";
      this.#deps.log[level]({ event: "scheduler_failed", err: error }, "schedules are looked at again in a moment");
    }
    // In the same turn as the end, so that the next tick finds none running.
    this.#running = undefined;
  }
}

/** Runs what is due by the record's clock, each schedule once. */
export async function runDueSchedules(deps: Omit<SchedulerDeps, "holder">): Promise<void> {
  const { pool, log } = deps;
  const { rows } = await pool.query<DueRow>(
    `SELECT ${SCHEDULE_COLUMNS}, s.next_run_at AS "dueAt", now() AS now FROM schedules s
     JOIN workspaces w ON w.id = s.workspace_id
     WHERE s.next_run_at <= now() AND w.state = 'open' ORDER BY s.next_run_at LIMIT $1`,
    [BATCH],
  );
  for (const schedule of rows) {
    const { scheduleId, workspaceId } = schedule;
    try {
      const run = await runOnce(deps, schedule);
      const outcome = run?.reason?.code ?? "submitted";
      log.info({ event: "schedule_run", scheduleId, workspaceId, taskId: run?.taskId, outcome }, "schedule has run");
    } catch (error) {
      // One that cannot be run must not keep the others waiting.
      log.error({ event: "schedule_failed", scheduleId, workspaceId, err: error }, "schedule is tried again");
    }
  }
}

async function runOnce(
  deps: Pick<SchedulerDeps, "pool" | "submit">,
  schedule: DueRow,
): Promise<ScheduleRun | undefined> {
  const { scheduleId, catchUpSeconds, dueAt, now } = schedule;
  const times = new CronTimes(schedule.cron, schedule.timeZone);
  const { last, before } = times.lastUntil(now, dueAt);
  const time: Time = {
    runId: derivedId(scheduleId, last.toISOString()),
    dueAt: last,
    missed: before,
    requestedBy: null,
  };
  const isLate = now.getTime() - last.getTime() > catchUpSeconds * 1_000;
  const reason = isLate ? missedReason(catchUpSeconds) : await submitOrSkip(deps, schedule, time);
  return withTransaction(deps.pool, async (client) => {
    const moved = await client.query(
      "UPDATE schedules SET next_run_at = $3 WHERE id = $1 AND next_run_at = $2::timestamptz",
      [scheduleId, dueAt, times.after(now)],
    );
    // Another has been here, or it was paused, changed or removed in between.
    return moved.rowCount === 0 ? undefined : note(client, scheduleId, time, reason);
  });
}

/** Submits a task of a schedule now, whatever of it runs already. @throws what submitting throws */
export async function runNow(
  deps: Pick<SchedulerDeps, "pool" | "submit">,
  schedule: RunnableSchedule,
  request: { readonly runId?: string | undefined; readonly by: string },
): Promise<ScheduleRun> {
  const runId = request.runId ?? randomUUID();
  await deps.submit(taskOf(schedule, runId));
  const time: Time = { runId, dueAt: new Date(), missed: 0, requestedBy: request.by };
  return note(deps.pool, schedule.scheduleId, time, null);
}

/** Null when the task was submitted; otherwise why not. */
async function submitOrSkip(
  { pool, submit }: Pick<SchedulerDeps, "pool" | "submit">,
  schedule: ScheduleRow,
  { runId }: Time,
): Promise<TaskError | null> {
  if (schedule.overlap === "skip" && (await isUnderWay(pool, schedule.scheduleId, runId))) return OVERLAP;
  try {
    await submit(taskOf(schedule, runId));
    return null;
  } catch (error) {
    // Submitted before, by one who did not come to note it; the schedule was changed since.
    if (error instanceof TaskConflictError) return null;
    // Its workspace's limits, or a task that this version does not take any more. All else passes.
    if (error instanceof PlatformError && error.status < 500) return toTaskError(error);
    throw error;
  }
}

/** What is submitted: parsed again, since defaults may have come with a new version. */
function taskOf({ scheduleId, workspaceId, task }: RunnableSchedule, taskId: string): AgentTask {
  const parsed = AgentTask.safeParse({ correlationId: `schedule:${scheduleId}`, ...task, taskId, workspaceId });
  if (!parsed.success) throw new ScheduledTaskInvalidError(scheduleId, z.prettifyError(parsed.error));
  return parsed.data;
}

async function isUnderWay(pool: Pool, scheduleId: string, runId: string): Promise<boolean> {
  const { rowCount } = await pool.query(
    `SELECT FROM schedule_runs r JOIN task_executions t ON t.id = r.task_id
     WHERE r.schedule_id = $1 AND r.id <> $2 AND NOT is_terminal(t.status) LIMIT 1`,
    [scheduleId, runId],
  );
  return (rowCount ?? 0) > 0;
}

/** Writes down what became of a time, once, and forgets the oldest. */
async function note(
  database: Pick<Pool, "query">,
  scheduleId: string,
  time: Time,
  reason: TaskError | null,
): Promise<ScheduleRun> {
  await database.query(
    `INSERT INTO schedule_runs (id, schedule_id, due_at, requested_by, task_id, reason, missed)
     VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING`,
    [
      time.runId,
      scheduleId,
      time.dueAt,
      time.requestedBy,
      reason === null ? time.runId : null,
      reason === null ? null : JSON.stringify(reason),
      time.missed,
    ],
  );
  await database.query(
    `DELETE FROM schedule_runs WHERE schedule_id = $1 AND (due_at, id) <
       (SELECT due_at, id FROM schedule_runs WHERE schedule_id = $1 ORDER BY due_at DESC, id DESC OFFSET $2 LIMIT 1)`,
    [scheduleId, KEPT_RUNS - 1],
  );
  const { rows } = await database.query<{ run: ScheduleRun }>(
    `SELECT ${RUN_JSON} AS run FROM schedule_runs r WHERE r.id = $1`,
    [time.runId],
  );
  const row = rows[0];
  if (row === undefined) throw new Error(`run ${time.runId} of schedule ${scheduleId} was removed while it was noted`);
  return row.run;
}
