import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { ExecuteTask } from "../../../services/runner/task-runner.ts";
import { migratedDatabase } from "../../support/database.ts";
import { startPostgres, type TestPostgres } from "../../support/postgres.ts";
import { redisIsMissing, startRedis, type TestRedis } from "../../support/redis.ts";
import {
  aTask,
  aWorkspace,
  collectEvents,
  completed,
  openQueuedProcess,
  untilEvent,
  type QueuedProcess,
  type WorkOptions,
} from "../../support/runner.ts";

const LONG_MS = 90_000;
const PLANS = { enterprise: { submissionsPerMinute: 1_000_000, maxQueuedTasks: 10_000, maxRunningTasks: 1_000 } };

describe("a runner whose Redis fails", { timeout: 280_000, skip: await redisIsMissing() }, () => {
  let postgres: TestPostgres;
  let redis: TestRedis;
  let client: QueuedProcess;
  let workspaceId = "";
  let url = "";
  let closers: (() => Promise<unknown>)[] = [];
  /** How often each task was started. */
  const starts = new Map<string, number>();

  before(async () => {
    postgres = await startPostgres();
    redis = await startRedis();
  });
  after(async () => {
    await redis.stop();
    await postgres.stop();
  });
  afterEach(async () => {
    redis.resume();
    for (const close of closers.reverse()) await close();
    closers = [];
    starts.clear();
    await redis.restart({ empty: true });
  });

  const count: ExecuteTask = async ({ task, signal }) => {
    starts.set(task.taskId, (starts.get(task.taskId) ?? 0) + 1);
    await delay(Number(task.prompt), undefined, { signal });
    return completed;
  };
  const openClient = async (): Promise<void> => {
    ({ url } = await migratedDatabase(postgres));
    client = await openQueuedProcess(url, { plans: PLANS, redisUrl: redis.url });
    closers.push(() => client.close());
    workspaceId = await aWorkspace(client);
  };
  /** A worker with connections of its own, which hears of its tasks by the queues alone unless told otherwise. */
  const work = async (execute: ExecuteTask, options: WorkOptions = {}) => {
    const own = await openQueuedProcess(url, { plans: PLANS, redisUrl: redis.url });
    const side = await own.work(execute, { throughQueues: true, concurrency: 8, ...options });
    closers.push(() => own.close());
    closers.push(() => side.close());
    return side;
  };
  const submit = (number: number, prompt = "0") =>
    Promise.all(
      Array.from({ length: number }, async () => (await client.runner.submit(aTask(workspaceId, { prompt }))).taskId),
    );
  const allDone = async (ids: readonly string[]): Promise<void> => {
    for (const id of ids) {
      const result = await client.runner.result(id, { waitMs: LONG_MS });
      assert.equal(result?.status, "completed", id);
    }
    assert.deepEqual([...new Set(ids.map((id) => starts.get(id)))], [1], "every task was started once");
  };

  for (const [what, fail] of [
    ["is killed and started again with its data", () => redis.restart()],
    ["is killed and started again empty", () => redis.restart({ empty: true })],
  ] as const) {
    it(`loses and doubles nothing when it ${what}`, async () => {
      await openClient();
      await Promise.all([work(count), work(count)]);
      const first = await submit(40, "50");
      await untilEvent(client.runner, first[10] ?? "", "task_started");
      await fail();
      const second = await submit(40, "5");
      await fail();
      await allDone([...first, ...second]);
    });
  }

  it("takes submissions, starts and ends tasks, and tells of them while Redis is not there at all", async () => {
    await redis.kill();
    await openClient();
    await work(count); // has no task handed to it: asks the record
    const [first, second] = await submit(2, "10");
    await allDone([first ?? "", second ?? ""]);
    assert.equal((await collectEvents(client.runner, first ?? "")).at(-1)?.body.type, "task_ended");
    assert.equal((await client.runner.status(first ?? "")).status, "completed");
    await redis.restart();
    await allDone(await submit(10));
  });

  it("goes on with its own worker at once while Redis stands still for ten seconds, and with all after it", async () => {
    await openClient();
    await work(count, { throughQueues: false });
    await allDone(await submit(5));
    redis.pause();
    const pausedAt = performance.now();
    const during = await submit(30, "10");
    await allDone(during);
    await delay(Math.max(0, 10_000 - (performance.now() - pausedAt)));
    redis.resume();
    await allDone(await submit(30, "5"));
  });

  it("shows a follower every event once, in order, although news are lost in between", async () => {
    await openClient();
    const pieces = 200;
    await work(async ({ emit }) => {
      for (let piece = 0; piece < pieces; piece++) {
        emit({ type: "step_output", index: 0, stream: "stdout", text: `${piece}\n` });
        await delay(10);
      }
      return completed;
    });
    const [taskId = ""] = await submit(1);
    const following = collectEvents(client.runner, taskId);
    await untilEvent(client.runner, taskId, "step_output");
    await redis.restart();
    await redis.restart({ empty: true });
    const events = await following;
    assert.deepEqual(
      events.map(({ sequence }) => sequence),
      events.map((_, index) => index + 1),
    );
    assert.equal(events.filter(({ body }) => body.type === "step_output").length, pieces);
    assert.equal(events.at(-1)?.body.type, "task_ended");
  });

  it("puts back more than a page of admitted tasks, each once", async () => {
    await openClient();
    const side = await work(count, { concurrency: 1, priorities: ["critical"] });
    const ids = await submit(1_100);
    // As if workers with room for all of them had been lost after these were admitted.
    await client.pool.query("UPDATE task_executions SET admitted_at = now() WHERE status = 'queued'");
    await redis.restart({ empty: true });
    const filled = async () => (await takeEverything(side.queues)).sort();
    const taken = new Set<string>();
    while (taken.size < ids.length) {
      for (const id of await filled().catch(() => [])) taken.add(id);
      await delay(20); // what is refused at once lets nothing else happen
    }
    assert.deepEqual([...taken].sort(), [...ids].sort());
  });

  it("answers the result of an ended task from Redis or without it, alike", async () => {
    await openClient();
    await work(count);
    const [taskId = ""] = await submit(1);
    const fresh = await client.runner.result(taskId, { waitMs: LONG_MS });
    const kept = await client.runner.result(taskId);
    await redis.kill();
    assert.deepEqual(kept, fresh);
    assert.deepEqual(await client.runner.result(taskId), fresh);
    await redis.restart({ empty: true });
    assert.deepEqual(await client.runner.result(taskId), fresh);
  });
});

async function takeEverything(queues: {
  take(priority: "normal"): Promise<{ taskId: string; ack(): Promise<void> } | undefined>;
}) {
  const taken: string[] = [];
  for (;;) {
    const delivery = await queues.take("normal");
    if (delivery === undefined) return taken;
    taken.push(delivery.taskId);
    await delivery.ack();
  }
}
