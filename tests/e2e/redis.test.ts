import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, it } from "node:test";
import type { TaskResult, TaskStatus } from "../../contracts/task.ts";
import { Redis } from "ioredis";
import { readEvents } from "../support/events.ts";
import { startPlatform, type TestPlatform } from "../support/platform.ts";
import { redisIsMissing, type TestRedis } from "../support/redis.ts";

/** Prints every environment and connection that can be seen, and tries Redis' port. */
const lookAround = (port: number): string => `
  import { readdirSync, readFileSync } from "node:fs";
  import { connect } from "node:net";
  const read = (file) => { try { return readFileSync(file, "latin1"); } catch { return ""; } };
  const processes = readdirSync("/proc").filter((name) => /^[0-9]+$/.test(name));
  console.log(JSON.stringify(process.env), read("/proc/net/tcp"), read("/proc/net/unix"));
  for (const pid of processes) console.log(read("/proc/" + pid + "/environ"));
  const answer = await new Promise((resolve) => {
    connect(${port} + 0, "127.0.0.1").on("connect", () => resolve("reached")).on("error", () => resolve("refused"));
  });
  console.log("looked around:", answer);`;

describe("the services with their queues on Redis", { timeout: 240_000, skip: await redisIsMissing() }, () => {
  let platform: TestPlatform;
  let redis: TestRedis;
  let workspaceId: string;

  before(async () => {
    platform = await startPlatform({ queue: "redis", workers: 2 });
    assert.ok(platform.redis);
    redis = platform.redis;
    workspaceId = await platform.createWorkspace();
  });
  after(() => platform.stop());

  async function submit(script: string): Promise<string> {
    const taskId = randomUUID();
    const steps = [{ tool: "execute_command", input: { argv: ["node", "--input-type=module", "-e", script] } }];
    await platform.request("POST", "/api/tasks", { taskId, workspaceId, steps });
    return taskId;
  }
  async function end(taskId: string): Promise<TaskResult> {
    for (;;) {
      const result = await platform.request<TaskResult | null>("GET", `/api/tasks/${taskId}/result?wait=20`);
      if (result !== null && "executionTimeMs" in result) return result;
    }
  }

  it("runs tasks, tells of them over Redis, and shows their commands nothing of it", async () => {
    const taskId = await submit(lookAround(redis.port));
    const following = readEvents(platform, taskId);
    const result = await end(taskId);
    assert.equal(result.status, "completed", JSON.stringify(result));
    const events = await following;
    assert.equal(events.at(-1)?.body.type, "task_ended");
    const said = JSON.stringify(events);
    assert.match(said, /looked around/);
    assert.match(said, /refused/);
    assert.doesNotMatch(said, /redis/i);
    assert.doesNotMatch(said, new RegExp(`:${redis.port.toString(16).padStart(4, "0")}`, "i"));

    const client = new Redis(redis.url);
    await platform.request("GET", `/api/tasks/${taskId}/result`);
    const left = await client.ttl(`task:${taskId}:result`);
    assert.ok(left > 3_500 && left <= 3_600, String(left));
    const beat = await client.ttl("worker:worker-0:heartbeat");
    assert.ok(beat > 0 && beat <= 60, String(beat));
    client.disconnect();
  });

  it("stays ready, takes tasks and ends them while Redis is gone, and after it came back empty", async () => {
    await redis.kill();
    const during = await Promise.all(Array.from({ length: 6 }, () => submit("")));
    const states = await Promise.all(
      during.map((taskId) => platform.request<TaskStatus>("GET", `/api/tasks/${taskId}`)),
    );
    assert.equal(states.length, during.length);
    for (const service of [platform.api, ...platform.workers]) {
      assert.equal((await fetch(`${service.healthUrl}/readyz`)).status, 200, service.name);
    }
    for (const taskId of during) assert.equal((await end(taskId)).status, "completed");
    const waiting = await Promise.all(
      Array.from({ length: 10 }, () => submit("await new Promise((resolve) => setTimeout(resolve, 500))")),
    );
    await redis.restart({ empty: true });
    for (const taskId of waiting) assert.equal((await end(taskId)).status, "completed");
    for (const service of [platform.api, ...platform.workers]) assert.doesNotMatch(await service.log(), /redis:\/\//);
  });

  it("starts without Redis", async () => {
    await redis.kill();
    const [worker] = platform.workers;
    assert.ok(worker);
    for (const service of [platform.api, worker]) {
      await service.terminate();
      await service.start();
    }
    assert.equal((await end(await submit(""))).status, "completed");
    await redis.restart();
    assert.equal((await end(await submit(""))).status, "completed");
  });
});
