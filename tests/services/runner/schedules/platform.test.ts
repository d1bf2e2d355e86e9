import assert from "node:assert/strict";
import { after, before, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { Schedule, ScheduleRun } from "../../../../contracts/schedule.ts";
import type { TaskStatus } from "../../../../contracts/task.ts";
import { createPool, type Pool } from "../../../../services/runtime/database.ts";
import { silentLog } from "../../../support/database.ts";
import { startPlatform, type TestPlatform } from "../../../support/platform.ts";

let platform: TestPlatform;
let pool: Pool;

before(async () => {
  platform = await startPlatform();
  pool = createPool({ url: platform.postgres.url, applicationName: "test", log: silentLog });
});
after(async () => {
  await pool.end();
  await platform.stop();
});

it("a schedule runs in the services, with their own rights, and makes up for a time at which they were killed", async () => {
  const workspaceId = await platform.createWorkspace();
  const path = `/api/workspaces/${workspaceId}/schedules`;
  const task = { steps: [{ tool: "create_directory", input: { path: "artifacts/made" } }] };
  const definition = { name: "nightly", cron: "0 3 * * *", timeZone: "Europe/Berlin", task, catchUpSeconds: 604_800 };
  const { scheduleId } = await platform.request<Schedule>("POST", path, definition);
  const comesDue = () =>
    pool.query("UPDATE schedules SET next_run_at = next_run_at - interval '2 days' WHERE id = $1", [scheduleId]);
  const untilRuns = async (count: number): Promise<ScheduleRun[]> => {
    for (;;) {
      const { items } = await platform.request<{ items: ScheduleRun[] }>("GET", `${path}/${scheduleId}/runs`);
      if (items.length >= count) return items;
      await delay(100);
    }
  };
  const endOf = async (run: ScheduleRun | undefined): Promise<string> => {
    const route = `/api/tasks/${run?.taskId ?? ""}/result?wait=30`;
    return (await platform.request<TaskStatus>("GET", route)).status;
  };

  await comesDue();
  const [first] = await untilRuns(1);
  assert.equal(first?.missed, 1);
  assert.equal(await endOf(first), "completed");

  const before = await platform.request<{ items: unknown[] }>("GET", `/api/tasks?workspaceId=${workspaceId}`);
  await platform.api.kill();
  // The same time again, as if nobody had noted it: it has its task already.
  await pool.query("DELETE FROM schedule_runs");
  await comesDue();
  await platform.api.start();
  const [again] = await untilRuns(1);
  assert.deepEqual([again?.taskId, again?.reason], [first.taskId, null]);
  const tasks = await platform.request<{ items: unknown[] }>("GET", `/api/tasks?workspaceId=${workspaceId}`);
  assert.equal(tasks.items.length, before.items.length);
});
