import { z } from "zod";
import { page, pageOf } from "./http-api.ts";
import { AgentTask, TaskError } from "./task.ts";

const instant = z.iso.datetime({ offset: true });

/** Minute, hour, day of the month, month, day of the week. */
export const CronExpression = z
  .string()
  .max(200)
  .regex(/^[0-9A-Za-z*/,#-]+( [0-9A-Za-z*/,#-]+){4}$/, "must be five fields with one space between them")
  .describe(
    "Minute, hour, day of the month, month, day of the week, e.g. `0 6 * * MON-FRI`. Where both days are given, either " +
      "is enough. Seconds are not taken: a schedule runs once a minute at most.",
  );

export const TimeZone = z
  .string()
  .max(100)
  .regex(/^[A-Za-z][A-Za-z0-9_+/-]*$/, "must be a name such as Europe/Berlin")
  .refine(isTimeZone, "is no time zone of the IANA database")
  .describe(
    "IANA name. A time of the day that a change of the clocks leaves out runs right after it, one that comes twice runs " +
      "once; `*` and `/` in minute or hour follow the clock that runs on.",
  );

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** What a schedule submits each time: ids and times are made then. */
export const ScheduledTask = AgentTask.omit({ taskId: true, workspaceId: true, notBefore: true, createdAt: true });
export type ScheduledTask = z.output<typeof ScheduledTask>;

const definition = {
  name: z.string().min(1).max(200).describe("Its own within the workspace."),
  cron: CronExpression,
  timeZone: TimeZone.default("UTC"),
  task: ScheduledTask,
  overlap: z
    .enum(["skip", "allow"])
    .default("skip")
    .describe("skip: a time that comes while the task of an earlier one has not ended is left out."),
  catchUpSeconds: z
    .int()
    .min(60)
    .max(604_800)
    .default(3_600)
    .describe(
      "After a time when nothing ran, the last of the times that were missed is made up for if it is no older than this; the others are left out.",
    ),
};

/** A schedule as it is made, or replaced. */
export const ScheduleDefinition = z.strictObject({
  ...definition,
  paused: z.boolean().default(false),
});
export type ScheduleDefinition = z.output<typeof ScheduleDefinition>;

export const ScheduleCreation = ScheduleDefinition.extend({
  scheduleId: z
    .uuid()
    .toLowerCase()
    .optional()
    .describe("Given again with the same contents, it is the same schedule."),
});
export type ScheduleCreation = z.output<typeof ScheduleCreation>;

/** One time of a schedule and what became of it. */
export const ScheduleRun = z.strictObject({
  runId: z.uuid().describe("Also the id of its task."),
  scheduleId: z.uuid(),
  dueAt: instant.describe("When it should have run; when it was asked for, if somebody did."),
  firedAt: instant,
  requestedBy: z.string().nullable().describe("Who asked for it; null: its time had come."),
  taskId: z.uuid().nullable().describe("Null: skipped, for the reason given."),
  reason: TaskError.nullable(),
  missed: z.int().min(0).describe("Times before it that had passed while nothing ran, and were left out."),
});
export type ScheduleRun = z.infer<typeof ScheduleRun>;

export const Schedule = z.strictObject({
  scheduleId: z.uuid(),
  workspaceId: z.uuid(),
  ...definition,
  timeZone: z.string(),
  task: z.looseObject({}).describe("As it was given, with its defaults."),
  overlap: definition.overlap.unwrap(),
  catchUpSeconds: definition.catchUpSeconds.unwrap(),
  paused: z.boolean(),
  nextRunAt: instant.nullable().describe("Null while it is paused."),
  lastRun: ScheduleRun.nullable(),
  createdAt: instant,
  updatedAt: instant,
});
export type Schedule = z.infer<typeof Schedule>;

export const ScheduleList = z.strictObject({ items: z.array(Schedule) });
export const ScheduleRunQuery = z.strictObject(page);
export type ScheduleRunQuery = z.output<typeof ScheduleRunQuery>;
/** The newest first; the last hundred are kept. */
export const ScheduleRunPage = pageOf(ScheduleRun);
export type ScheduleRunPage = z.infer<typeof ScheduleRunPage>;

export const ScheduleRunRequest = z.strictObject({
  runId: z.uuid().toLowerCase().optional().describe("Given again, the same run is meant. Default: made."),
});
