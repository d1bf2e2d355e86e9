import { PlatformError } from "../../../contracts/errors.ts";
import type { TaskError } from "../../../contracts/task.ts";

export class ScheduleNotFoundError extends PlatformError {
  constructor(scheduleId: string) {
    super("SCHEDULE_NOT_FOUND", `schedule ${scheduleId} is unknown`, {
      remedy: "List the workspace's schedules with `automatos schedule ls`.",
      status: 404,
    });
  }
}

export class ScheduleConflictError extends PlatformError {
  constructor(name: string) {
    super("SCHEDULE_CONFLICT", `the id or the name ${JSON.stringify(name)} is another schedule's`, {
      remedy: "Choose another name, or change the schedule that has it.",
      status: 409,
    });
  }
}

export class TooManySchedulesError extends PlatformError {
  constructor(workspaceId: string, limit: number) {
    super("TOO_MANY_SCHEDULES", `workspace ${workspaceId} has ${limit} schedules, which is the most`, {
      remedy: "Remove one that is no longer needed.",
      status: 409,
    });
  }
}

export class InvalidCronError extends PlatformError {
  constructor(cron: string, problem: string, cause?: unknown) {
    super("INVALID_CRON", `${JSON.stringify(cron)} is no time to run at: ${problem}`, {
      remedy: "Write minute, hour, day of the month, month and day of the week, e.g. `0 6 * * MON-FRI`.",
      status: 422,
      cause,
    });
  }
}

/** The schedule was made by an older version, and its task is not taken any more. */
export class ScheduledTaskInvalidError extends PlatformError {
  constructor(scheduleId: string, problems: string) {
    super("SCHEDULED_TASK_INVALID", `the task of schedule ${scheduleId} is not valid: ${problems}`, {
      remedy: "Change the schedule's task.",
      status: 422,
    });
  }
}

/** Why a time of a schedule was left out. */
export const OVERLAP: TaskError = {
  code: "SCHEDULE_OVERLAP",
  message: "the task of an earlier time has not ended",
  remedy: "Give it less to do, run it less often, or set overlap to allow.",
};

export const missedReason = (catchUpSeconds: number): TaskError => ({
  code: "SCHEDULE_MISSED",
  message: `nothing ran at that time, nor within the ${catchUpSeconds} s after it`,
  remedy: "Run it now with `automatos schedule run` if it is still wanted; catchUpSeconds says how late it may be.",
});
