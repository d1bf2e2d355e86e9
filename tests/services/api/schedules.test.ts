import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Problem } from "../../../contracts/http-api.ts";
import { Schedule, ScheduleRun, type ScheduleRunPage } from "../../../contracts/schedule.ts";
import type { TaskStatus } from "../../../contracts/task.ts";
import { runDueSchedules } from "../../../services/runner/schedules/scheduler.ts";
import type { QueuedTaskRunner } from "../../../services/runner/queued-task-runner.ts";
import { expectJson, startApi, STEPS, type TestApi } from "../../support/api.ts";
import { silentLog } from "../../support/database.ts";
import { runCli } from "../../support/cli.ts";
import { startPostgres, type TestPostgres } from "../../support/postgres.ts";
import { openQueuedProcess } from "../../support/runner.ts";

describe("the API of schedules", () => {
  let postgres: TestPostgres;
  let api: TestApi;
  let workspaceId: string;
  let token: string;
  let path: string;

  before(async () => {
    postgres = await startPostgres();
    api = await startApi(postgres);
    ({ workspaceId } = await api.createWorkspace({ plan: "enterprise" }));
    token = await api.createToken(workspaceId, { name: "ci" });
    path = `/api/workspaces/${workspaceId}/schedules`;
  });
  after(async () => {
    await api.stop();
    await postgres.stop();
  });

  const call = (method: string, url: string, body?: unknown) =>
    api.request(method, url, body === undefined ? { token } : { token, body });
  const NIGHTLY = { name: "nightly", cron: "30 2 * * *", timeZone: "Europe/Berlin", task: { steps: STEPS } };

  it("makes, shows, changes, stops and removes them", async () => {
    const made = await call("POST", path, NIGHTLY);
    const schedule = Schedule.parse(expectJson(made, 201));
    const one = `${path}/${schedule.scheduleId}`;
    assert.equal(made.headers.location, one);
    assert.deepEqual([schedule.paused, schedule.overlap, schedule.catchUpSeconds], [false, "skip", 3_600]);
    assert.ok(Date.parse(schedule.nextRunAt ?? "") > Date.now());
    assert.deepEqual(expectJson(await call("GET", one), 200), schedule);
    const again = { ...NIGHTLY, scheduleId: schedule.scheduleId };
    assert.deepEqual(expectJson(await call("POST", path, again), 201), schedule);
    assert.equal(expectJson<Schedule>(await call("POST", `${one}/pause`), 200).nextRunAt, null);
    assert.equal(expectJson<Schedule>(await call("POST", `${one}/resume`), 200).nextRunAt, schedule.nextRunAt);
    const changed = expectJson<Schedule>(await call("PUT", one, { ...NIGHTLY, cron: "0 3 * * *", paused: true }), 200);
    assert.deepEqual([changed.cron, changed.paused], ["0 3 * * *", true]);
    assert.deepEqual(expectJson(await call("GET", path), 200), { items: [changed] });
    assert.equal((await call("DELETE", one)).statusCode, 204);
    assert.equal(expectJson<Problem>(await call("GET", one), 404).code, "SCHEDULE_NOT_FOUND");
  });

  it("refuses what can never run, with the reason", async () => {
    for (const [change, status, code] of [
      [{ cron: "* * * * * *" }, 400, "VALIDATION_FAILED"],
      [{ cron: "0 0 30 2 *" }, 422, "INVALID_CRON"],
      [{ timeZone: "Nowhere/At" }, 400, "VALIDATION_FAILED"],
      [{ task: {} }, 422, "NOTHING_TO_RUN"],
      [{ task: { steps: STEPS, notBefore: "2030-01-01T00:00:00Z" } }, 400, "VALIDATION_FAILED"],
      [{ task: { prompt: "a\0b" } }, 400, "UNSTORABLE_TEXT"],
    ] as const) {
      const refused = await call("POST", path, { ...NIGHTLY, ...change });
      assert.equal(refused.statusCode, status, `${JSON.stringify(change)}: ${refused.body}`);
      assert.equal(refused.json<Problem>().code, code);
    }
  });

  it("runs one now, and lists what became of its times", async () => {
    const schedule = expectJson<Schedule>(await call("POST", path, { ...NIGHTLY, name: "now" }), 201);
    const one = `${path}/${schedule.scheduleId}`;
    const runId = crypto.randomUUID();
    const run = ScheduleRun.parse(expectJson(await call("POST", `${one}/run`, { runId }), 202));
    assert.deepEqual([run.runId, run.taskId, run.requestedBy], [runId, runId, `workspace:${workspaceId}:ci`]);
    assert.deepEqual(expectJson(await call("POST", `${one}/run`, { runId }), 202), run);
    const task = expectJson<TaskStatus>(await call("GET", `/api/tasks/${runId}`), 200);
    assert.equal(task.correlationId, `schedule:${schedule.scheduleId}`);

    await api.pool.query("UPDATE schedules SET next_run_at = date_trunc('minute', now()) WHERE id = $1", [
      schedule.scheduleId,
    ]);
    const own = await openQueuedProcess(api.databaseUrl);
    const runner: QueuedTaskRunner = own.runner;
    await runDueSchedules({ pool: own.pool, submit: (each) => runner.submit(each), log: silentLog });
    await own.close();
    const { items } = expectJson<ScheduleRunPage>(await call("GET", `${one}/runs?limit=5`), 200);
    assert.deepEqual(
      items.map(({ reason, requestedBy }) => [reason?.code ?? null, requestedBy !== null]).sort(),
      [
        ["SCHEDULE_OVERLAP", false],
        [null, true],
      ].sort(),
    );
  });

  it("is on the command line", async () => {
    const env = { AUTOMATOS_API_URL: await api.url(), AUTOMATOS_TOKEN: token };
    const cli = async (...args: string[]) => {
      const { code, stdout, stderr } = await runCli(["schedule", ...args], { env });
      return { code, stdout: stdout.trim(), stderr };
    };
    const cron = ["--cron", "0 6 * * MON-FRI", "--time-zone", "Europe/Berlin"];
    const made = await cli("create", "report", ...cron, "--command", "python3 report.py", "--overlap", "allow");
    assert.equal(made.code, 0, made.stderr);
    assert.match(made.stderr, /It runs first at /);
    const id = made.stdout;
    const list = (await cli("ls")).stdout;
    assert.match(list, new RegExp(`${id}  report +0 6 \\* \\* MON-FRI  Europe/Berlin`));
    assert.match((await cli("show", id)).stdout, /overlap: +allow/);
    assert.equal((await cli("pause", id)).stdout, "paused");
    assert.match((await cli("resume", id)).stdout, /runs next at/);
    const taskId = (await cli("run", id)).stdout;
    assert.match((await cli("runs", id)).stdout, new RegExp(`${taskId}  submitted`));
    assert.match((await cli("rm", id)).stdout, /is removed/);
    const wrong = await cli("create", "x", "--cron", "* * * * * *", "--prompt", "x");
    assert.match(wrong.stderr, /must be five fields/);
    assert.equal((await cli("create", "x", ...cron)).code, 2);
  });
});
