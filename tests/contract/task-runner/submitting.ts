import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { it } from "node:test";
import type { PlatformError } from "../../../contracts/errors.ts";
import { TaskStatus } from "../../../contracts/task.ts";
import { aTask, collectEvents, completed, untilEvent, untilStopped } from "../../support/runner.ts";
import { hasCode, LONG_MS, type StartRunner } from "./harness.ts";

/** What it promises to those who submit. */
export function describeSubmitting(start: StartRunner): void {
  it("runs a task once, however often it is submitted", async () => {
    let runs = 0;
    const { runner, workspace } = await start(async () => {
      runs += 1;
      return completed;
    });
    const task = aTask(await workspace("pro"));
    const statuses = await Promise.all(Array.from({ length: 5 }, () => runner.submit(task)));
    for (const status of statuses) assert.equal(TaskStatus.parse(status).taskId, task.taskId);
    assert.equal((await runner.result(task.taskId, { waitMs: LONG_MS }))?.status, "completed");
    assert.equal((await runner.submit({ ...task, createdAt: new Date().toISOString() })).status, "completed");
    assert.equal(runs, 1);
  });

  it("refuses other contents under an id that is taken", async () => {
    const { runner, workspace } = await start(async () => completed);
    const task = aTask(await workspace("pro"), { prompt: "one", context: { a: 1, b: 2 } });
    await runner.submit(task);
    await runner.submit({ ...task, context: { b: 2, a: 1 } });
    await assert.rejects(runner.submit({ ...task, prompt: "two" }), hasCode("TASK_CONFLICT"));
    await assert.rejects(runner.submit({ ...task, workspaceId: await workspace("pro") }), hasCode("TASK_CONFLICT"));
  });

  it("knows nothing of tasks and workspaces that do not exist", async () => {
    const { runner } = await start(async () => completed);
    const nobody = randomUUID();
    await assert.rejects(runner.status(nobody), hasCode("TASK_NOT_FOUND"));
    await assert.rejects(runner.result(nobody), hasCode("TASK_NOT_FOUND"));
    await assert.rejects(runner.result(nobody, { waitMs: LONG_MS }), hasCode("TASK_NOT_FOUND"));
    await assert.rejects(runner.cancel(nobody), hasCode("TASK_NOT_FOUND"));
    await assert.rejects(runner.retry(nobody, randomUUID()), hasCode("TASK_NOT_FOUND"));
    await assert.rejects(collectEvents(runner, nobody), hasCode("TASK_NOT_FOUND"));
    await assert.rejects(runner.submit(aTask(nobody)), hasCode("WORKSPACE_NOT_FOUND"));
  });

  it("holds a workspace to the limits of its plan", async () => {
    const limits = {
      maxQueuedTasks: 2,
      submissionsPerMinute: 4,
      maxRunningTasks: 1,
      maxTimeoutSeconds: 600,
      maxMemoryMb: 1_024,
      maxCpuMillicores: 1_000,
    };
    const { runner, workspace } = await start(
      async (execution) => {
        await untilStopped(execution);
        return completed;
      },
      { plans: { pro: limits } },
    );
    const workspaceId = await workspace("pro");
    await assert.rejects(runner.submit(aTask(workspaceId, { timeoutSeconds: 601 })), hasCode("TIMEOUT_ABOVE_PLAN"));
    for (const resources of [{ memoryMb: 1_025 }, { cpuMillicores: 1_001 }]) {
      const tooLarge = aTask(workspaceId, { resources });
      await assert.rejects(runner.submit(tooLarge), hasCode("RESOURCES_ABOVE_PLAN"));
    }
    const first = aTask(workspaceId);
    await runner.submit(first);
    await untilEvent(runner, first.taskId, "task_started");
    const waiting = [aTask(workspaceId), aTask(workspaceId)];
    for (const task of waiting) await runner.submit(task);
    await assert.rejects(runner.submit(aTask(workspaceId)), hasCode("QUEUE_FULL"));
    for (const task of waiting) await runner.cancel(task.taskId);
    await runner.submit(aTask(workspaceId));
    await assert.rejects(runner.submit(aTask(workspaceId)), (error: unknown) => {
      assert.ok(hasCode("SUBMISSION_RATE_EXCEEDED")(error));
      const { retryAfterSeconds = 0 } = error as PlatformError;
      return retryAfterSeconds >= 1 && retryAfterSeconds <= 60;
    });
    await runner.submit(first);
  });

  it("refuses text that no record can hold", async () => {
    const { runner, workspace } = await start(async () => completed);
    const workspaceId = await workspace("pro");
    for (const prompt of ["a\0b", "half \ud83d"]) {
      await assert.rejects(runner.submit(aTask(workspaceId, { prompt })), hasCode("TASK_NOT_STORABLE"));
    }
    await assert.rejects(runner.submit(aTask(workspaceId, { context: { "a\0": 1 } })), hasCode("TASK_NOT_STORABLE"));
  });

  it("tries again what did not succeed, and only that", async () => {
    let fails = true;
    const { runner, workspace } = await start(async ({ task }) => {
      assert.equal(task.prompt, "p");
      if (fails) throw new Error("no");
      return completed;
    });
    const task = aTask(await workspace("pro"), { prompt: "p", priority: "high" });
    await runner.submit(task);
    await runner.result(task.taskId, { waitMs: LONG_MS });
    fails = false;
    const again = randomUUID();
    const status = await runner.retry(task.taskId, again);
    assert.equal(status.taskId, again);
    assert.equal(status.retryOf, task.taskId);
    assert.equal(status.priority, "high");
    assert.equal((await runner.result(again, { waitMs: LONG_MS }))?.status, "completed");
    assert.equal((await runner.retry(task.taskId, again)).status, "completed");
    assert.equal((await runner.status(task.taskId)).status, "failed");
    await assert.rejects(runner.retry(again, randomUUID()), hasCode("TASK_NOT_RETRYABLE"));
  });
}
