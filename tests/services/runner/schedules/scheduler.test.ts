import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { Schedule, ScheduleCreation, ScheduleDefinition, type ScheduleRun } from "../../../../contracts/schedule.ts";
import {
  runDueSchedules,
  runNow,
  Scheduler,
  type SubmitTask,
} from "../../../../services/runner/schedules/scheduler.ts";
import { ScheduleStore } from "../../../../services/runner/schedules/schedule-store.ts";
import { derivedId } from "../../../../services/runner/derived-id.ts";
import { hasCode } from "../../../contract/task-runner/harness.ts";
import { migratedDatabase, silentLog } from "../../../support/database.ts";
import { startPostgres, type TestPostgres } from "../../../support/postgres.ts";
import { aTask, aWorkspace, openQueuedProcess, type QueuedProcess } from "../../../support/runner.ts";

const HOUR_MS = 3_600_000;
const PAGE = { limit: 50 };

describe("schedules", () => {
  let server: TestPostgres;
  let own: QueuedProcess;
  let schedules: ScheduleStore;
  const submit: SubmitTask = (task) => own.runner.submit(task);

  before(async () => {
    server = await startPostgres();
    const plans = { pro: { maxQueuedTasks: 1 }, enterprise: { submissionsPerMinute: 100_000 } };
    own = await openQueuedProcess((await migratedDatabase(server)).url, { plans });
    schedules = new ScheduleStore({ pool: own.pool });
  });
  after(async () => {
    await own.close();
    await server.stop();
  });

  const create = async (overrides: Partial<Record<keyof ScheduleCreation, unknown>> = {}, workspaceId?: string) => {
    const definition = { name: randomUUID(), cron: "0 * * * *", task: { prompt: "do" }, ...overrides };
    return schedules.create(workspaceId ?? (await aWorkspace(own)), ScheduleCreation.parse(definition));
  };
  /** Its next time is the last one that was `agoMs` ago or longer. */
  const makeDue = async ({ scheduleId }: Schedule, agoMs = 0): Promise<Date> => {
    const { rows } = await own.pool.query<{ due: Date }>(
      `UPDATE schedules SET next_run_at = date_trunc('hour', now() - $2::float8 * interval '1 ms') WHERE id = $1
       RETURNING next_run_at AS due`,
      [scheduleId, agoMs],
    );
    assert.ok(rows[0] !== undefined);
    return rows[0].due;
  };
  const pass = (using: SubmitTask = submit) => runDueSchedules({ pool: own.pool, submit: using, log: silentLog });
  const runsOf = async ({ workspaceId, scheduleId }: Schedule): Promise<readonly ScheduleRun[]> =>
    (await schedules.runs(workspaceId, scheduleId, PAGE)).items;
  const tasksOf = async ({ workspaceId }: Schedule): Promise<string[]> => {
    const statement = "SELECT id FROM task_executions WHERE workspace_id = $1 ORDER BY submission";
    return (await own.pool.query<{ id: string }>(statement, [workspaceId])).rows.map(({ id }) => id);
  };

  it("submit their task when the time has come, once, and go on with the next", async () => {
    const schedule = await create({ task: { prompt: "report", priority: "low" } });
    assert.deepEqual(Schedule.parse(schedule), schedule);
    assert.equal(schedule.lastRun, null);
    await pass();
    assert.deepEqual(await tasksOf(schedule), []);

    const due = await makeDue(schedule);
    await Promise.all([pass(), pass(), pass()]);
    await pass();
    const runId = derivedId(schedule.scheduleId, due.toISOString());
    assert.deepEqual(await tasksOf(schedule), [runId]);
    const status = await own.runner.status(runId);
    assert.deepEqual([status.priority, status.correlationId], ["low", `schedule:${schedule.scheduleId}`]);
    const [run, ...more] = await runsOf(schedule);
    assert.deepEqual(more, []);
    assert.deepEqual(
      [run?.runId, run?.taskId, run?.dueAt, run?.reason, run?.missed],
      [runId, runId, due.toISOString(), null, 0],
    );
    const now = await schedules.get(schedule.workspaceId, schedule.scheduleId);
    assert.deepEqual(now.lastRun, run);
    assert.equal(Date.parse(now.nextRunAt ?? "") - due.getTime(), HOUR_MS);
  });

  it("make one task although who made it was killed before he could note it", async () => {
    const schedule = await create();
    await makeDue(schedule);
    await pass(async (task) => {
      await submit(task);
      throw new Error("killed");
    });
    assert.deepEqual(await runsOf(schedule), []);
    // Changed in between: the time has its task already.
    await own.pool.query(`UPDATE schedules SET task = task || '{"prompt": "other"}' WHERE id = $1`, [
      schedule.scheduleId,
    ]);
    await pass();
    const [run] = await runsOf(schedule);
    assert.deepEqual(await tasksOf(schedule), [run?.taskId]);
  });

  it("leave a time out while the task of an earlier one is under way, unless they may overlap", async () => {
    const skips = await create();
    const allows = await create({ overlap: "allow" });
    for (const schedule of [skips, allows]) await makeDue(schedule, HOUR_MS);
    await pass();
    for (const schedule of [skips, allows]) await makeDue(schedule);
    await pass();
    const reasons = async (schedule: Schedule) => (await runsOf(schedule)).map(({ reason }) => reason?.code ?? null);
    // The first pass made up for the last time, which is the one that comes again: of it there is one run.
    assert.deepEqual(await reasons(skips), [null]);
    await own.pool.query("UPDATE schedule_runs SET id = gen_random_uuid(), due_at = due_at - interval '1 hour'");
    for (const schedule of [skips, allows]) {
      await makeDue(schedule);
    }
    await pass();
    assert.deepEqual(await reasons(skips), ["SCHEDULE_OVERLAP", null]);
    assert.deepEqual(await reasons(allows), [null, null]);
  });

  it("make up for the last of the times that were missed, if it is not too long ago", async () => {
    const hourly = await create();
    const since = await makeDue(hourly, 71 * HOUR_MS);
    await pass();
    const [run, ...more] = await runsOf(hourly);
    assert.deepEqual(more, []);
    assert.equal(run?.missed, 71);
    assert.equal(Date.parse(run.dueAt) - since.getTime(), 71 * HOUR_MS);

    const yearly = await create({ cron: "0 0 1 1 *", catchUpSeconds: 60 });
    await own.pool.query(
      "UPDATE schedules SET next_run_at = date_trunc('year', now() - interval '400 days') WHERE id = $1",
      [yearly.scheduleId],
    );
    await pass();
    const [missed] = await runsOf(yearly);
    assert.deepEqual([missed?.taskId, missed?.reason?.code], [null, "SCHEDULE_MISSED"]);
    assert.deepEqual(await tasksOf(yearly), []);
    assert.ok(Date.parse((await schedules.get(yearly.workspaceId, yearly.scheduleId)).nextRunAt ?? "") > Date.now());
  });

  it("obey the workspace's limits, and keep on record what was left out for them", async () => {
    const workspaceId = await aWorkspace(own, "pro"); // one waiting task
    const schedule = await create({}, workspaceId);
    const tooLong = await create({ task: { prompt: "do", timeoutSeconds: 3_600 } }, workspaceId);
    await own.runner.submit(aTask(workspaceId));
    for (const each of [schedule, tooLong]) await makeDue(each);
    await pass();
    for (const each of [schedule, tooLong]) {
      const [run] = await runsOf(each);
      assert.deepEqual([run?.taskId, run?.reason?.code], [null, "QUEUE_FULL"]);
    }
    assert.equal((await tasksOf(schedule)).length, 1);
    await assert.rejects(runNow({ pool: own.pool, submit }, schedule, { by: "a" }), hasCode("QUEUE_FULL"));
  });

  it("run when somebody asks, also while they are paused, and the same request is one run", async () => {
    const schedule = await create({ paused: true });
    assert.deepEqual([schedule.paused, schedule.nextRunAt], [true, null]);
    const request = { runId: randomUUID(), by: "admin:root" };
    const run = await runNow({ pool: own.pool, submit }, schedule, request);
    assert.deepEqual([run.taskId, run.requestedBy], [request.runId, "admin:root"]);
    assert.deepEqual(await runNow({ pool: own.pool, submit }, schedule, request), run);
    await runNow({ pool: own.pool, submit }, schedule, { by: "admin:root" });
    assert.equal((await runsOf(schedule)).length, 2);
  });

  it("stop while they are paused, and make up for nothing when they go on", async () => {
    const { workspaceId, scheduleId } = await create();
    const pause = () => schedules.setPaused(workspaceId, scheduleId, true);
    assert.deepEqual([(await pause()).nextRunAt, (await pause()).nextRunAt], [null, null]);
    await pass();
    const resumed = await schedules.setPaused(workspaceId, scheduleId, false);
    assert.deepEqual(await schedules.setPaused(workspaceId, scheduleId, false), resumed);
    assert.ok(Date.parse(resumed.nextRunAt ?? "") > Date.now());
    assert.deepEqual(await runsOf(resumed), []);
  });

  it("are made once, have a name of their own, can be changed and removed, and are not without number", async () => {
    const workspaceId = await aWorkspace(own);
    const scheduleId = randomUUID();
    const definition = {
      scheduleId,
      name: "nightly",
      cron: "0 2 * * *",
      timeZone: "Europe/Berlin",
      task: { prompt: "x" },
    };
    const first = await schedules.create(workspaceId, ScheduleCreation.parse(definition));
    assert.deepEqual(await schedules.create(workspaceId, ScheduleCreation.parse(definition)), first);
    await assert.rejects(create({ ...definition, cron: "0 3 * * *" }, workspaceId), hasCode("SCHEDULE_CONFLICT"));
    await assert.rejects(create({ name: "nightly" }, workspaceId), hasCode("SCHEDULE_CONFLICT"));
    await assert.rejects(create({ ...definition, name: "other" }), hasCode("SCHEDULE_CONFLICT"));
    await assert.rejects(create({ cron: "0 0 30 2 *" }, workspaceId), hasCode("INVALID_CRON"));
    await assert.rejects(create({ task: {} }, workspaceId), hasCode("NOTHING_TO_RUN"));
    await assert.rejects(create({}, randomUUID()), hasCode("WORKSPACE_NOT_FOUND"));

    const other = await create({ name: "b" }, workspaceId);
    const changed = ScheduleDefinition.parse({ name: "c", cron: "30 2 * * *", task: { prompt: "x" } });
    const replaced = await schedules.replace(workspaceId, scheduleId, changed);
    assert.deepEqual([replaced.name, replaced.cron], ["c", "30 2 * * *"]);
    assert.deepEqual(
      (await schedules.list(workspaceId)).map(({ name }) => name),
      ["b", "c"],
    );
    await assert.rejects(
      schedules.replace(workspaceId, scheduleId, { ...changed, name: "b" }),
      hasCode("SCHEDULE_CONFLICT"),
    );
    const foreign = await aWorkspace(own);
    for (const refused of [
      () => schedules.get(foreign, scheduleId),
      () => schedules.replace(foreign, scheduleId, changed),
      () => schedules.setPaused(foreign, scheduleId, true),
      () => schedules.remove(foreign, scheduleId),
      () => schedules.runs(foreign, scheduleId, PAGE),
    ]) {
      await assert.rejects(refused, hasCode("SCHEDULE_NOT_FOUND"));
    }
    await schedules.remove(workspaceId, other.scheduleId);
    for (let count = 1; count < 100; count++) await create({}, workspaceId);
    await assert.rejects(create({}, workspaceId), hasCode("TOO_MANY_SCHEDULES"));
  });

  it("keep the last hundred of their runs, in pages", async () => {
    const schedule = await create({ overlap: "allow" });
    await own.pool.query(
      `INSERT INTO schedule_runs (id, schedule_id, due_at, reason)
       SELECT gen_random_uuid(), $1, now() - n * interval '1 hour', '{"code": "X", "message": "x", "remedy": "X."}'
       FROM generate_series(1, 120) n`,
      [schedule.scheduleId],
    );
    await runNow({ pool: own.pool, submit }, schedule, { by: "a" });
    const seen: string[] = [];
    for (let cursor: string | undefined; ;) {
      const { workspaceId, scheduleId } = schedule;
      const page = await schedules.runs(workspaceId, scheduleId, {
        limit: 40,
        ...(cursor !== undefined && { cursor }),
      });
      seen.push(...page.items.map(({ runId }) => runId));
      if (page.nextCursor === null) break;
      cursor = page.nextCursor;
    }
    assert.deepEqual([seen.length, new Set(seen).size], [100, 100]);
  });

  it("do not keep each other waiting when one of them cannot be run", async () => {
    const [broken, old, good] = [await create(), await create(), await create()];
    await makeDue(broken, HOUR_MS);
    await own.pool.query("UPDATE schedules SET cron = 'not a cron' WHERE id = $1", [broken.scheduleId]);
    // Made by a version whose tasks had other fields.
    await own.pool.query(`UPDATE schedules SET task = task || '{"priority": "asap"}' WHERE id = $1`, [old.scheduleId]);
    for (const each of [old, good]) await makeDue(each);
    await pass();
    assert.deepEqual(
      (await runsOf(good)).map(({ reason }) => reason),
      [null],
    );
    assert.deepEqual(
      (await runsOf(old)).map(({ reason }) => reason?.code),
      ["SCHEDULED_TASK_INVALID"],
    );
    await schedules.remove(broken.workspaceId, broken.scheduleId);
  });

  it("are looked at by one of all processes, and by another when that one has gone", async () => {
    const names: string[] = [];
    const start = (holder: string): Scheduler => {
      const scheduler = new Scheduler({
        pool: own.pool,
        holder,
        log: silentLog,
        submit: (task) => {
          names.push(holder);
          return submit(task);
        },
      });
      scheduler.start();
      return scheduler;
    };
    const untilRun = async (schedule: Schedule) => {
      while ((await runsOf(schedule)).length === 0) await delay(50);
    };
    const first = start("first");
    const one = await create();
    await makeDue(one);
    await untilRun(one);
    const second = start("second");
    await first.close();
    const two = await create();
    await makeDue(two);
    await untilRun(two);
    await second.close();
    assert.deepEqual(names, ["first", "second"]);
  });
});
