import { randomUUID } from "node:crypto";
import { z } from "zod";
import {
  Schedule,
  ScheduleCreation,
  ScheduledTask,
  ScheduleList,
  ScheduleRun,
  ScheduleRunPage,
} from "../../contracts/schedule.ts";
import { checkedId, Context, type GlobalOptions } from "../context.ts";
import { UsageError } from "../errors.ts";
import { EXIT } from "../exit-codes.ts";
import { brief, localTime } from "../output/format.ts";
import { forTerminal } from "../output/style.ts";
import { fields, table } from "../output/table.ts";
import { followTask } from "./task-follow.ts";
import { submission, type TaskRunOptions } from "./task-run.ts";

export interface ScheduleCreateOptions extends TaskRunOptions {
  readonly cron: string;
  readonly timeZone?: string;
  readonly overlap?: string;
  readonly catchUp?: number;
  readonly paused?: boolean;
}

export async function scheduleCreate(name: string, options: ScheduleCreateOptions): Promise<number> {
  // --id names the schedule here: its tasks get ids of their own.
  const submitted = await submission(options);
  if ((submitted.notBefore ?? submitted.createdAt) !== undefined) {
    throw new UsageError("a schedule's task has no time of its own", "Leave notBefore and createdAt out.");
  }
  const parsed = ScheduleCreation.safeParse({
    scheduleId: options.id ?? randomUUID(),
    name,
    cron: options.cron,
    timeZone: options.timeZone,
    task: Object.fromEntries(Object.entries(submitted).filter(([key]) => key in ScheduledTask.shape)),
    overlap: options.overlap,
    catchUpSeconds: options.catchUp,
    paused: options.paused,
  });
  if (!parsed.success) {
    const problems = z.prettifyError(parsed.error).split("\n");
    throw new UsageError("the schedule is not valid", "See `automatos schedule create --help`.", problems);
  }
  const { context, path } = await open(options, submitted.workspaceId);
  const schedule = await context.client.call("POST", path, Schedule, { body: parsed.data, repeatable: true });
  context.answer(schedule, () => schedule.scheduleId);
  if (!context.json && schedule.nextRunAt !== null) context.note(`It runs first at ${localTime(schedule.nextRunAt)}.`);
  return EXIT.ok;
}

export async function scheduleList(options: GlobalOptions): Promise<number> {
  const { context, path } = await open(options);
  const list = await context.client.call("GET", path, ScheduleList);
  context.answer(list, () => {
    if (list.items.length === 0) return "no schedules";
    const rows = list.items.map((schedule) => [
      schedule.scheduleId,
      brief(forTerminal(schedule.name, false), 40),
      schedule.cron,
      schedule.timeZone,
      schedule.paused ? "paused" : localTime(schedule.nextRunAt),
      schedule.lastRun === null ? "-" : outcomeOf(schedule.lastRun),
    ]);
    return table(["SCHEDULE", "NAME", "CRON", "TIME ZONE", "NEXT", "LAST"], rows);
  });
  return EXIT.ok;
}

export async function scheduleShow(id: string, options: GlobalOptions): Promise<number> {
  const { context, path } = await open(options, undefined, id);
  const schedule = await context.client.call("GET", path, Schedule);
  context.answer(schedule, () => describe(schedule));
  return EXIT.ok;
}

function describe(schedule: Schedule): string {
  const { lastRun } = schedule;
  return fields([
    ["schedule", schedule.scheduleId],
    ["name", forTerminal(schedule.name, false)],
    ["cron", `${schedule.cron} (${schedule.timeZone})`],
    ["next", schedule.paused ? "paused" : localTime(schedule.nextRunAt)],
    ["overlap", schedule.overlap],
    ["catches up", `${schedule.catchUpSeconds} s`],
    ["last", lastRun === null ? "-" : `${localTime(lastRun.dueAt)} ${outcomeOf(lastRun)}`],
    ["last task", lastRun?.taskId ?? "-"],
    ["task", brief(forTerminal(JSON.stringify(schedule.task), false), 500)],
  ]);
}

const outcomeOf = ({ reason, missed }: ScheduleRun): string =>
  `${reason === null ? "submitted" : `left out: ${forTerminal(reason.message, false)}`}${missed === 0 ? "" : `, after ${missed} missed`}`;

export async function schedulePause(id: string, paused: boolean, options: GlobalOptions): Promise<number> {
  const { context, path } = await open(options, undefined, id);
  const verb = paused ? "pause" : "resume";
  const schedule = await context.client.call("POST", `${path}/${verb}`, Schedule, { repeatable: true });
  context.answer(schedule, () =>
    schedule.nextRunAt === null ? "paused" : `runs next at ${localTime(schedule.nextRunAt)}`,
  );
  return EXIT.ok;
}

export interface ScheduleRunOptions extends GlobalOptions {
  readonly follow?: boolean;
}

export async function scheduleRun(id: string, options: ScheduleRunOptions): Promise<number> {
  const { context, path } = await open(options, undefined, id);
  const body = { runId: randomUUID() };
  const run = await context.client.call("POST", `${path}/run`, ScheduleRun, { body, repeatable: true });
  if (options.follow === true) return followTask(context, run.runId);
  context.answer(run, () => run.runId);
  return EXIT.ok;
}

export interface ScheduleRunsOptions extends GlobalOptions {
  readonly limit?: number;
  readonly cursor?: string;
}

export async function scheduleRuns(id: string, options: ScheduleRunsOptions): Promise<number> {
  const { context, path } = await open(options, undefined, id);
  const query = { limit: options.limit, cursor: options.cursor };
  const page = await context.client.call("GET", `${path}/runs`, ScheduleRunPage, { query });
  context.answer(page, () => {
    if (page.items.length === 0) return "no runs";
    const rows = page.items.map((run) => [localTime(run.dueAt), run.taskId ?? "-", brief(outcomeOf(run), 80)]);
    return table(["DUE", "TASK", "OUTCOME"], rows);
  });
  if (!context.json && page.nextCursor !== null) context.note(`More: add --cursor ${page.nextCursor}`);
  return EXIT.ok;
}

export async function scheduleRemove(id: string, options: GlobalOptions): Promise<number> {
  const { context, path } = await open(options, undefined, id);
  await context.client.call("DELETE", path, z.null());
  context.answer({ scheduleId: id }, () => `${id} is removed; the tasks that it has submitted stay`);
  return EXIT.ok;
}

async function open(options: GlobalOptions, named?: string, id?: string): Promise<{ context: Context; path: string }> {
  const context = await Context.create(options);
  const path = `/api/workspaces/${await context.workspaceId(named)}/schedules`;
  return { context, path: id === undefined ? path : `${path}/${checkedId("schedule", id)}` };
}
