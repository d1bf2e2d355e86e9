import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { TaskPriority } from "../../../contracts/task.ts";
import { Leadership } from "../../../services/runner/admission/leadership.ts";
import { createTaskRunner } from "../../../services/runner/create-task-runner.ts";
import { LocalTaskRunner } from "../../../services/runner/local-task-runner.ts";
import { QueuedTaskRunner } from "../../../services/runner/queued-task-runner.ts";
import { listWorkers } from "../../../services/runner/worker-registry.ts";
import { withTransaction } from "../../../services/runtime/database.ts";
import { resolvePlanLimits } from "../../../contracts/plan.ts";
import { migratedDatabase, silentLog } from "../../support/database.ts";
import { startPostgres, type TestDatabase, type TestPostgres } from "../../support/postgres.ts";
import {
  aTask,
  aWorkspace,
  collectEvents,
  completed,
  openQueuedProcess,
  untilEvent,
  untilStopped,
  type QueuedProcess,
  type WorkingSide,
} from "../../support/runner.ts";

describe("dispatching", () => {
  let server: TestPostgres;
  let database: TestDatabase;
  let process: QueuedProcess;
  let working: WorkingSide[] = [];

  before(async () => {
    server = await startPostgres();
  });
  after(() => server.stop());
  beforeEach(async () => {
    database = await migratedDatabase(server);
    process = await openQueuedProcess(database.url);
  });
  afterEach(async () => {
    for (const side of working) await side.close();
    working = [];
    await process.close();
  });
  const work = async (...args: Parameters<QueuedProcess["work"]>): Promise<WorkingSide> => {
    const side = await process.work(...args);
    working.push(side);
    return side;
  };

  it("has one leader, and the next when that one is not heard of", async () => {
    const of = (holder: string, seconds: number) => new Leadership({ role: "r", holder, seconds });
    const [first, second] = [of("first", 60), of("second", 60)];
    assert.deepEqual([await first.acquire(process.pool), await second.acquire(process.pool)], [true, false]);
    assert.equal(await first.acquire(process.pool), true);
    const confirm = (leadership: Leadership) => withTransaction(process.pool, (client) => leadership.confirm(client));
    assert.deepEqual([await confirm(first), await confirm(second)], [true, false]);
    await process.pool.query("UPDATE leadership SET expires_at = now() - interval '1 second'");
    assert.equal(await confirm(first), false);
    assert.deepEqual([await second.acquire(process.pool), await first.acquire(process.pool)], [true, false]);
    assert.deepEqual([await confirm(first), await confirm(second)], [false, true]);
    await second.release(process.pool);
    assert.equal(await first.acquire(process.pool), true);
  });

  it("passes to another process when the first is closed", async () => {
    const first = await work(async () => completed);
    const second = await work(async () => completed);
    assert.deepEqual([first.dispatcher.leads, second.dispatcher.leads], [true, false]);
    await first.close();
    const task = aTask(await aWorkspace(process));
    await process.runner.submit(task);
    assert.equal((await process.runner.result(task.taskId, { waitMs: 30_000 }))?.status, "completed");
    assert.equal(second.dispatcher.leads, true);
  });

  it("takes the more urgent first among what is admitted, of the priorities that a worker takes", async () => {
    const order: string[] = [];
    const gate = Promise.withResolvers<null>();
    const execute = async ({ task }: { task: { priority: string; prompt: string } }) => {
      order.push(`${task.prompt}${task.priority}`);
      if (task.prompt === "gate ") await gate.promise;
      return completed;
    };
    const side = await work(execute, {
      concurrency: 1,
      priorities: ["low", "critical", "normal"],
      throughQueues: true,
    });
    const first = aTask(await aWorkspace(process), { prompt: "gate " });
    await process.runner.submit(first);
    await untilEvent(process.runner, first.taskId, "task_started");
    const tasks = [];
    for (const priority of ["low", "high", "normal", "critical"] as const) {
      const task = aTask(await aWorkspace(process), { priority });
      tasks.push(task);
      await process.runner.submit(task);
    }
    const announced = "SELECT count(*)::int AS jobs FROM bullmq.job";
    while ((await process.pool.query<{ jobs: number }>(announced)).rows[0]?.jobs !== 4) await delay(10);
    gate.resolve(null);
    for (const task of tasks) {
      if (task.priority !== "high") await process.runner.result(task.taskId, { waitMs: 30_000 });
    }
    assert.deepEqual(order, ["gate normal", "critical", "normal", "low"]);
    assert.equal((await process.runner.status(tasks[1]?.taskId ?? "")).status, "queued");
    await side.close();
  });

  it("never runs more at once than its concurrency, over all priorities", async () => {
    let running = 0;
    let most = 0;
    const full = Promise.withResolvers<null>();
    await work(
      async () => {
        most = Math.max(most, ++running);
        if (most === 3) full.resolve(null);
        await full.promise;
        await delay(1);
        running -= 1;
        return completed;
      },
      { concurrency: 3 },
    );
    const tasks = [];
    for (let index = 0; index < 40; index++) {
      const priority = TaskPriority.options[index % 4] ?? "normal";
      tasks.push(aTask(await aWorkspace(process), { priority }));
    }
    await Promise.all(tasks.map((task) => process.runner.submit(task)));
    for (const { taskId } of tasks) await process.runner.result(taskId, { waitMs: 30_000 });
    assert.equal(most, 3);
  });

  it("starts a task again, uncounted, whose work could not reach the record", async () => {
    let starts = 0;
    const side = await work(async () => {
      if (++starts === 1) throw Object.assign(new Error("terminating connection"), { code: "57P01" });
      return completed;
    });
    const task = aTask(await aWorkspace(process), { maxRetries: 0 });
    await process.runner.submit(task);
    assert.equal((await process.runner.result(task.taskId, { waitMs: 30_000 }))?.status, "completed");
    assert.equal((await process.runner.status(task.taskId)).attempt, 1);
    const requeued = (await collectEvents(process.runner, task.taskId)).map(({ body }) =>
      body.type === "task_requeued" ? body.error.code : "",
    );
    assert.deepEqual(requeued.filter(Boolean), ["RECORD_UNAVAILABLE"]);
    await side.close();
  });

  it("lists workers with what they do, until they are closed", async () => {
    const side = await work(
      async (execution) => {
        await untilStopped(execution);
        return completed;
      },
      { workerId: "w-1", leaseSeconds: 1, priorities: ["low"], concurrency: 7, healthUrl: "http://127.0.0.1:1" },
    );
    const task = aTask(await aWorkspace(process), { priority: "low" });
    await process.runner.submit(task);
    await untilEvent(process.runner, task.taskId, "task_started");
    let [info] = await listWorkers(process.pool);
    while (info?.activeTasks !== 1) {
      await delay(20);
      [info] = await listWorkers(process.pool);
    }
    const { workerId, concurrency, priorities, healthUrl, alive, pid } = info;
    assert.deepEqual(
      { workerId, concurrency, priorities, healthUrl, alive, pid },
      {
        workerId: "w-1",
        concurrency: 7,
        priorities: ["low"],
        healthUrl: "http://127.0.0.1:1",
        alive: true,
        pid: globalThis.process.pid,
      },
    );
    await side.consumer.check();
    await side.close();
    assert.deepEqual(await listWorkers(process.pool), []);
  });

  it("notices a cancel although its notification was lost", async () => {
    await work(async (execution) => {
      await untilStopped(execution);
      return completed;
    });
    const task = aTask(await aWorkspace(process));
    await process.runner.submit(task);
    await untilEvent(process.runner, task.taskId, "task_started");
    await process.pool.query("ALTER TABLE task_executions DISABLE TRIGGER task_executions_cancel");
    await process.runner.cancel(task.taskId);
    assert.equal((await process.runner.result(task.taskId, { waitMs: 30_000 }))?.status, "cancelled");
  });

  it("hears again after its connection was lost, and misses no event", async () => {
    const gate = Promise.withResolvers<null>();
    await work(async ({ emit }) => {
      await gate.promise;
      emit({ type: "step_started", index: 0, tool: "x", summary: "" });
      return completed;
    });
    const task = aTask(await aWorkspace(process));
    const reconnected = new Promise<void>((resolve) => process.listener.onReconnect(resolve));
    await process.runner.submit(task);
    const seen: string[] = [];
    for await (const { body } of process.runner.events(task.taskId)) {
      seen.push(body.type);
      if (body.type !== "task_started") continue;
      await process.pool.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'test-listener' AND datname = current_database()",
      );
      gate.resolve(null);
      await reconnected;
    }
    assert.deepEqual(seen, [
      "task_submitted",
      "task_queued",
      "task_admitted",
      "task_started",
      "step_started",
      "task_ended",
    ]);
    await process.listener.check();
  });

  it("creates the runner that is asked for, or says why not", () => {
    const deps = { ...process, planLimits: resolvePlanLimits({}), log: silentLog };
    assert.ok(createTaskRunner("queued", deps) instanceof QueuedTaskRunner);
    const local = { execute: async () => completed, concurrency: 1 };
    assert.ok(createTaskRunner("local", { ...deps, local }) instanceof LocalTaskRunner);
    for (const backend of ["local", "kubernetes"] as const) {
      assert.throws(() => createTaskRunner(backend, deps), { code: "RUNNER_BACKEND_UNAVAILABLE" });
    }
  });

  it("runs a task of the local backend in a workspace of the record", async () => {
    const deps = { ...process, planLimits: resolvePlanLimits({}), log: silentLog };
    const runner = createTaskRunner("local", { ...deps, local: { execute: async () => completed, concurrency: 1 } });
    const task = aTask(await aWorkspace(process));
    await runner.submit(task);
    assert.equal((await runner.result(task.taskId, { waitMs: 30_000 }))?.status, "completed");
    await assert.rejects(runner.submit(aTask(randomUUID())), { code: "WORKSPACE_NOT_FOUND" });
    await runner.close();
  });
});
