import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { TaskResult } from "../../../contracts/task.ts";
import { migratedDatabase } from "../../support/database.ts";
import { startPostgres, type TestDatabase, type TestPostgres } from "../../support/postgres.ts";
import { WorkerProcess } from "../../support/runner-processes.ts";
import {
  aTask,
  aWorkspace,
  collectEvents,
  completed,
  openQueuedProcess,
  untilEvent,
  type QueuedProcess,
} from "../../support/runner.ts";

const LONG_MS = 60_000;

describe("tasks when something dies", () => {
  let server: TestPostgres;
  let database: TestDatabase;
  let client: QueuedProcess;
  let workers: WorkerProcess[] = [];

  before(async () => {
    server = await startPostgres();
  });
  after(() => server.stop());
  beforeEach(async () => {
    database = await migratedDatabase(server);
    client = await openQueuedProcess(database.url);
    await client.pool.query("CREATE TABLE effects (task_id uuid, worker_id text, attempt int, kind text)");
  });
  afterEach(async () => {
    for (const worker of workers) await worker.end("SIGKILL");
    workers = [];
    await client.close();
  });

  const startWorker = async (workerId: string, options: { leaseSeconds?: number; concurrency?: number } = {}) => {
    const worker = new WorkerProcess(database.url, workerId, options);
    workers.push(worker);
    await worker.said({ event: "worker_started" });
    return worker;
  };
  const resultOf = async (taskId: string): Promise<TaskResult> => {
    const result = await client.runner.result(taskId, { waitMs: LONG_MS });
    assert.ok(result !== null, `task ${taskId} did not end`);
    return result;
  };
  const attemptsOf = async (taskId: string) =>
    (await collectEvents(client.runner, taskId)).flatMap(({ body }) => (body.type === "task_started" ? [body] : []));

  it("ends every task exactly once although workers are killed in the middle", async () => {
    const workspaces = await Promise.all(Array.from({ length: 10 }, () => aWorkspace(client, "pro")));
    const tasks = Array.from({ length: 100 }, (_, index) =>
      aTask(workspaces[index % 10] ?? "", { prompt: "100", maxRetries: 10 }),
    );
    let live = [await startWorker("w1"), await startWorker("w2")];
    await Promise.all(tasks.map((task) => client.runner.submit(task)));
    for (const [round, ended] of [20, 45, 70].entries()) {
      await resultOf(tasks[ended]?.taskId ?? "");
      const [victim, other] = live;
      await victim?.end("SIGKILL");
      live = [...(other === undefined ? [] : [other]), await startWorker(`w${round + 3}`)];
    }
    const results = await Promise.all(tasks.map(({ taskId }) => resultOf(taskId)));
    assert.deepEqual(new Set(results.map(({ status }) => status)), new Set(["completed"]));

    const { rows } = await client.pool.query<{ ends: number; gaps: number; starts: number; leases: number }>(
      `SELECT (SELECT count(*)::int FROM task_events WHERE body ->> 'type' = 'task_ended') AS ends,
         (SELECT count(*)::int FROM (SELECT count(*) <> max(sequence) AS gap FROM task_events GROUP BY task_id) t
          WHERE gap) AS gaps,
         (SELECT count(*)::int FROM effects WHERE kind = 'start') AS starts,
         (SELECT count(*)::int FROM leases) AS leases`,
    );
    assert.deepEqual({ ...rows[0], starts: 0 }, { ends: 100, gaps: 0, starts: 0, leases: 0 });
    assert.ok((rows[0]?.starts ?? 0) > 100, "no worker was killed in the middle of a task");
    for (const { taskId } of tasks) {
      const attempts = await attemptsOf(taskId);
      const last = attempts.at(-1);
      const { result } = await resultOf(taskId);
      assert.deepEqual(result, { workerId: last?.workerId, attempt: attempts.length });
    }
  });

  it("refuses the late result of a worker that stood still beyond its lease", async () => {
    const frozen = await startWorker("frozen");
    await frozen.said({ event: "dispatcher_leadership", leads: true });
    const task = aTask(await aWorkspace(client), { prompt: "1500" });
    await client.runner.submit(task);
    await untilEvent(client.runner, task.taskId, "task_started");
    frozen.signal("SIGSTOP");
    await startWorker("other");
    const result = await resultOf(task.taskId);
    assert.deepEqual(result.result, { workerId: "other", attempt: 2 });
    const events = await collectEvents(client.runner, task.taskId);

    frozen.signal("SIGCONT");
    await frozen.said({ event: "task_lease_lost", taskId: task.taskId });
    assert.deepEqual(await collectEvents(client.runner, task.taskId), events);
    assert.deepEqual(await resultOf(task.taskId), result);
    // It is of use again.
    const next = aTask(await aWorkspace(client), { prompt: "0" });
    await client.runner.submit(next);
    assert.equal((await resultOf(next.taskId)).status, "completed");
    assert.equal(await frozen.end("SIGTERM"), 0);
  });

  it("fails a task for good when its workers were lost too often, and keeps it with the dead", async () => {
    const task = aTask(await aWorkspace(client), { prompt: "60000", maxRetries: 1 });
    await client.runner.submit(task);
    for (const workerId of ["first", "second"]) {
      const worker = await startWorker(workerId);
      await worker.said({ event: "task_started", taskId: task.taskId });
      await worker.end("SIGKILL");
    }
    await startWorker("third");
    const { status, error } = await resultOf(task.taskId);
    assert.equal(status, "failed");
    assert.equal(error?.code, "WORKER_LOST");
    assert.match(error.message, /^worker second was lost while it ran attempt 2 of 2$/);
    assert.equal((await attemptsOf(task.taskId)).length, 2);
    const dead = "SELECT FROM task_executions WHERE id = $1 AND dead_lettered_at IS NOT NULL";
    assert.equal((await client.pool.query(dead, [task.taskId])).rowCount, 1);
    await untilTrue(async () => {
      const queued = "SELECT FROM bullmq.job WHERE queue = 'tasks-dead' AND id = $1";
      return (await client.pool.query(queued, [task.taskId])).rowCount === 1;
    });
  });

  it("cancels, and does not start again, a task whose worker was lost after the request", async () => {
    const task = aTask(await aWorkspace(client), { prompt: "60000" });
    const worker = await startWorker("frozen");
    await client.runner.submit(task);
    await worker.said({ event: "task_started", taskId: task.taskId });
    worker.signal("SIGSTOP");
    assert.equal(await client.runner.cancel(task.taskId), true);
    await startWorker("other");
    assert.equal((await resultOf(task.taskId)).status, "cancelled");
    assert.equal((await attemptsOf(task.taskId)).length, 1);
  });

  it("hands its tasks to another worker when it is told to end", async () => {
    const task = aTask(await aWorkspace(client), { prompt: "500", maxRetries: 0 });
    const first = await startWorker("first", { leaseSeconds: 30 });
    await client.runner.submit(task);
    await first.said({ event: "task_started", taskId: task.taskId });
    assert.equal(await first.end("SIGTERM"), 0);
    await startWorker("second", { leaseSeconds: 30 });
    assert.deepEqual((await resultOf(task.taskId)).result, { workerId: "second", attempt: 1 });
    const { rows } = await client.pool.query<{ id: string }>("SELECT id FROM workers");
    assert.deepEqual(rows, [{ id: "second" }]);
  });

  it("loses nothing when the database is killed and started again", async () => {
    const worker = await startWorker("worker", { leaseSeconds: 5 });
    const workspaceId = await aWorkspace(client);
    const tasks = Array.from({ length: 40 }, () => aTask(workspaceId, { prompt: "50" }));
    await Promise.all(tasks.map((task) => client.runner.submit(task)));
    const followed = Promise.all(tasks.map(({ taskId }) => collectEvents(client.runner, taskId)));
    await resultOf(tasks[10]?.taskId ?? "");
    await server.kill();
    const lost = aTask(workspaceId, { prompt: "50" });
    await assert.rejects(client.runner.submit(lost));
    await server.restart();

    for (const events of await followed) {
      assert.deepEqual(
        events.map(({ sequence }) => sequence),
        events.map((_, index) => index + 1),
      );
      assert.equal(events.at(-1)?.body.type, "task_ended");
    }
    for (const { taskId } of tasks) assert.equal((await resultOf(taskId)).status, "completed");
    await untilTrue(() =>
      client.runner.submit(lost).then(
        () => true,
        () => false,
      ),
    );
    assert.equal((await resultOf(lost.taskId)).status, "completed");
    assert.equal(worker.hasEnded, false);
  });

  it("delivers what is admitted although the queues have lost it", async () => {
    const working = await client.work(async () => completed);
    await working.consumer.close();
    const task = aTask(await aWorkspace(client));
    await client.runner.submit(task);
    await untilEvent(client.runner, task.taskId, "task_admitted");
    await untilTrue(
      async () => (await client.pool.query("DELETE FROM bullmq.job WHERE id = $1", [task.taskId])).rowCount === 1,
    );
    await startWorker("worker");
    assert.equal((await resultOf(task.taskId)).status, "completed");
    await working.close();
  });

  it("delivers a message again whose taker died before he claimed the task", async () => {
    const idle = await client.work(async () => completed);
    await idle.consumer.close();
    const task = aTask(await aWorkspace(client));
    await client.runner.submit(task);
    await untilEvent(client.runner, task.taskId, "task_admitted");
    await untilTrue(async () => (await idle.queues.take("normal"))?.taskId === task.taskId);
    await startWorker("worker");
    assert.equal((await resultOf(task.taskId)).status, "completed");
    await idle.close();
  });
});

async function untilTrue(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await delay(20);
}
