import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { recoverLostTasks } from "../../../services/runner/admission/recover.ts";
import { LeaseLostError } from "../../../services/runner/errors.ts";
import { countTasks, getTask, listTasks, queueDepths } from "../../../services/runner/task-queries.ts";
import type { ClaimedTask } from "../../../services/runner/claimed-task.ts";
import { TaskLeases } from "../../../services/runner/task-leases.ts";
import { withTransaction } from "../../../services/runtime/database.ts";
import { migratedDatabase } from "../../support/database.ts";
import { startPostgres, type TestPostgres } from "../../support/postgres.ts";
import {
  aTask,
  aWorkspace,
  collectEvents,
  completed,
  openQueuedProcess,
  type QueuedProcess,
} from "../../support/runner.ts";

const started = { type: "step_started", index: 0, tool: "x", summary: "" } as const;
const requeued = { code: "X", message: "x", remedy: "X." };

describe("TaskLeases", () => {
  let server: TestPostgres;
  let process: QueuedProcess;
  let workspaceId: string;
  let first: TaskLeases;
  let second: TaskLeases;

  before(async () => {
    server = await startPostgres();
  });
  after(() => server.stop());
  afterEach(() => process.close());
  beforeEach(async () => {
    process = await openQueuedProcess((await migratedDatabase(server)).url);
    workspaceId = await aWorkspace(process);
    first = new TaskLeases({ pool: process.pool, workerId: "first", leaseSeconds: 60 });
    second = new TaskLeases({ pool: process.pool, workerId: "second", leaseSeconds: 60 });
  });

  const admitted = async (overrides = {}): Promise<string> => {
    const task = aTask(workspaceId, overrides);
    await process.runner.submit(task);
    await process.pool.query("UPDATE task_executions SET admitted_at = now() WHERE id = $1", [task.taskId]);
    return task.taskId;
  };
  const claim = async (leases: TaskLeases, taskId: string, token = randomUUID()): Promise<ClaimedTask> => {
    const claimed = await leases.claim(taskId, token);
    assert.ok(claimed !== undefined);
    return claimed;
  };
  /** As a worker that is not heard of any more. */
  const lose = async (taskId: string) => {
    await process.pool.query("UPDATE leases SET expires_at = now() - interval '1 second' WHERE task_id = $1", [taskId]);
    return withTransaction(process.pool, (client) => recoverLostTasks(client, { leaseSeconds: 0, limit: 10 }));
  };
  const stateOf = async (taskId: string) => {
    const { status, attempt } = await process.runner.status(taskId);
    return { status, attempt };
  };

  it("gives a task to one of many", async () => {
    const taskId = await admitted();
    const claims = await Promise.all(Array.from({ length: 8 }, () => first.claim(taskId, randomUUID())));
    assert.equal(claims.filter((each) => each !== undefined).length, 1);
    assert.deepEqual(await stateOf(taskId), { status: "running", attempt: 1 });
  });

  it("gives nothing that is not admitted, has ended or is unknown", async () => {
    const task = aTask(workspaceId);
    await process.runner.submit(task);
    assert.equal(await first.claim(task.taskId, randomUUID()), undefined);
    const cancelled = await admitted();
    await process.runner.cancel(cancelled);
    assert.equal(await first.claim(cancelled, randomUUID()), undefined);
    assert.equal(await first.claim(randomUUID(), randomUUID()), undefined);
  });

  it("knows each write that comes a second time, since its answer was lost", async () => {
    const taskId = await admitted();
    const token = randomUUID();
    const lease = await claim(first, taskId, token);
    assert.deepEqual(await claim(first, taskId, token), lease);
    for (let times = 0; times < 2; times++) await first.append(lease, 1, [started, started]);
    for (let times = 0; times < 2; times++) await first.append(lease, 2, [started]);
    const end = { ...completed, result: 1 };
    const ended = await first.finish(lease, end);
    assert.equal(ended.status, "completed");
    assert.deepEqual(await first.finish(lease, end), ended);
    assert.deepEqual((await collectEvents(process.runner, taskId)).map(({ body }) => body.type).slice(2), [
      "task_started",
      "step_started",
      "step_started",
      "step_started",
      "task_ended",
    ]);
  });

  it("refuses whatever the holder of a lost lease writes", async () => {
    const taskId = await admitted();
    const lost = await claim(first, taskId);
    await first.append(lost, 1, [started]);
    assert.deepEqual(await lose(taskId), [{ id: taskId, workspace_id: workspaceId, attempt: 1, status: "queued" }]);
    const before = await process.pool.query("SELECT * FROM task_events WHERE task_id = $1", [taskId]);
    const refused = async () => {
      await assert.rejects(first.append(lost, 2, [started]), LeaseLostError);
      await assert.rejects(first.finish(lost, completed), LeaseLostError);
      await first.handBack(lost, requeued);
      assert.deepEqual(await first.renew([lost.token]), new Set());
    };
    await refused();
    assert.deepEqual(
      (await process.pool.query("SELECT * FROM task_events WHERE task_id = $1", [taskId])).rows,
      before.rows,
    );

    await process.pool.query("UPDATE task_executions SET admitted_at = now() WHERE id = $1", [taskId]);
    const held = await claim(second, taskId);
    await refused();
    assert.deepEqual(await second.renew([held.token, lost.token]), new Set([held.token]));
    await second.finish(held, { ...completed, result: "second" });
    await refused();
    assert.equal((await process.runner.result(taskId))?.result, "second");
  });

  it("counts a lost attempt, and not one that was handed back", async () => {
    const taskId = await admitted({ maxRetries: 1 });
    const again = () => process.pool.query("UPDATE task_executions SET admitted_at = now() WHERE id = $1", [taskId]);
    for (let times = 0; times < 5; times++) {
      await first.handBack(await claim(first, taskId), requeued);
      assert.deepEqual(await stateOf(taskId), { status: "queued", attempt: 0 });
      await again();
    }
    await claim(first, taskId);
    await lose(taskId);
    assert.deepEqual(await stateOf(taskId), { status: "queued", attempt: 1 });
    await again();
    await claim(first, taskId);
    assert.deepEqual(
      (await lose(taskId)).map(({ status }) => status),
      ["failed"],
    );
    assert.deepEqual(await stateOf(taskId), { status: "failed", attempt: 2 });
    assert.deepEqual(await lose(taskId), []);
  });

  it("ends a cancelled task as cancelled, whichever way it ends", async () => {
    const ways = [
      (lease: ClaimedTask) => first.finish(lease, { ...completed, result: 1 }),
      (lease: ClaimedTask) => first.handBack(lease, requeued),
      (lease: ClaimedTask) => lose(lease.task.taskId),
    ];
    for (const way of ways) {
      const taskId = await admitted();
      const lease = await claim(first, taskId);
      assert.deepEqual(await first.findCancelled([taskId]), []);
      assert.equal(await process.runner.cancel(taskId), true);
      assert.deepEqual(await first.findCancelled([taskId]), [taskId]);
      await way(lease);
      const result = await process.runner.result(taskId);
      assert.deepEqual([result?.status, result?.result, result?.error], ["cancelled", null, null]);
    }
  });

  it("shows tasks page by page, by any filter, and what is under way", async () => {
    const ids: string[] = [];
    for (let index = 0; index < 9; index++) {
      const task = aTask(workspaceId, { priority: index % 2 === 0 ? "low" : "high", correlationId: `c${index % 3}` });
      await process.runner.submit(task);
      ids.unshift(task.taskId);
    }
    const other = await aWorkspace(process);
    await process.runner.submit(aTask(other, { prompt: "p", context: { a: [1] } }));
    const { tasks: all } = await listTasks(process.pool, { workspaceId, limit: 100 });
    assert.deepEqual(
      all.map(({ taskId }) => taskId),
      ids,
    );
    const paged: string[] = [];
    for (let cursor: string | undefined, more = true; more;) {
      const page = await listTasks(process.pool, { workspaceId, limit: 4, cursor });
      paged.push(...page.tasks.map(({ taskId }) => taskId));
      cursor = page.nextCursor ?? undefined;
      more = cursor !== undefined;
    }
    assert.deepEqual(paged, ids);
    assert.equal((await listTasks(process.pool, { workspaceId, priority: "high", limit: 100 })).tasks.length, 4);
    assert.equal((await listTasks(process.pool, { correlationId: "c1", limit: 100 })).tasks.length, 3);
    assert.equal((await listTasks(process.pool, { status: "running", limit: 100 })).tasks.length, 0);
    await assert.rejects(listTasks(process.pool, { limit: 1, cursor: "x" }), { code: "INVALID_CURSOR" });

    const taskId = ids[0] ?? "";
    assert.equal((await getTask(process.pool, taskId)).taskId, taskId);
    await assert.rejects(getTask(process.pool, randomUUID()), { code: "TASK_NOT_FOUND" });
    await process.pool.query("UPDATE task_executions SET admitted_at = now() WHERE id = $1", [taskId]);
    await claim(first, taskId);
    assert.deepEqual(await countTasks(process.pool, workspaceId), { runningTasks: 1, queuedTasks: 8 });
    const depths = (await queueDepths(process.pool)).map(({ priority, queued, admitted, running }) => [
      priority,
      queued,
      admitted,
      running,
    ]);
    assert.deepEqual(depths, [
      ["critical", 0, 0, 0],
      ["high", 4, 0, 0],
      ["normal", 1, 0, 0],
      ["low", 4, 0, 1],
    ]);
  });
});
