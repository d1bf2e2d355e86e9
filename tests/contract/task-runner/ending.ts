import assert from "node:assert/strict";
import { it } from "node:test";
import { PlatformError } from "../../../contracts/errors.ts";
import { aTask, collectEvents, completed, untilEvent, untilStopped } from "../../support/runner.ts";
import { LONG_MS, type StartRunner } from "./harness.ts";

/** How tasks end. */
export function describeEnding(start: StartRunner): void {
  it("makes a failed step a failed task, and keeps the code of what was thrown", async () => {
    const error = { code: "STEP_FAILED", message: "step 0 failed", remedy: "Mend it." };
    const { runner, workspace } = await start(async ({ task }) => {
      if (task.prompt === "fail") return { status: "failed", result: null, error, steps: [], tokensUsed: 3 };
      if (task.prompt === "quota") {
        throw new PlatformError("WORKSPACE_QUOTA_EXCEEDED", "full", { remedy: "Delete.", status: 507 });
      }
      throw new Error("boom");
    });
    const workspaceId = await workspace("pro");
    const run = async (prompt: string) => {
      const task = aTask(workspaceId, { prompt });
      await runner.submit(task);
      return runner.result(task.taskId, { waitMs: LONG_MS });
    };
    const failed = await run("fail");
    assert.equal(failed?.status, "failed");
    assert.deepEqual(failed.error, error);
    assert.equal(failed.tokensUsed, 3);
    assert.deepEqual((await run("quota"))?.error, {
      code: "WORKSPACE_QUOTA_EXCEEDED",
      message: "full",
      remedy: "Delete.",
    });
    const thrown = await run("boom");
    assert.equal(thrown?.status, "failed");
    assert.equal(thrown.error?.code, "TASK_EXECUTION_FAILED");
    assert.equal(thrown.error.message, "boom");
  });

  it("cancels a task that waits at once, and never runs it", async () => {
    const ran: string[] = [];
    const { runner, workspace } = await start(
      async (execution) => {
        ran.push(execution.task.taskId);
        await untilStopped(execution);
        return completed;
      },
      { plans: { pro: { maxRunningTasks: 1 } } },
    );
    const workspaceId = await workspace("pro");
    const [running, waiting] = [aTask(workspaceId), aTask(workspaceId)];
    await runner.submit(running);
    await untilEvent(runner, running.taskId, "task_started");
    await runner.submit(waiting);
    assert.equal(await runner.cancel(waiting.taskId), true);
    const result = await runner.result(waiting.taskId);
    assert.equal(result?.status, "cancelled");
    assert.equal(result.startedAt, null);
    assert.equal(result.executionTimeMs, 0);
    assert.equal(await runner.cancel(waiting.taskId), false);
    assert.deepEqual(
      (await collectEvents(runner, waiting.taskId)).map(({ body }) => body.type),
      ["task_submitted", "task_queued", "cancel_requested", "task_ended"],
    );
    await runner.cancel(running.taskId);
    await runner.result(running.taskId, { waitMs: LONG_MS });
    assert.deepEqual(ran, [running.taskId]);
  });

  it("stops a running task that is cancelled, whatever it answers then", async () => {
    const reasons: unknown[] = [];
    let askedTwice = Promise.withResolvers<null>();
    const { runner, workspace } = await start(async (execution) => {
      await untilStopped(execution);
      reasons.push(execution.signal.reason);
      await askedTwice.promise;
      if (execution.task.prompt === "throw") throw new Error("stopped");
      return { ...completed, tokensUsed: 5 };
    });
    const workspaceId = await workspace("pro");
    for (const prompt of ["return", "throw"]) {
      askedTwice = Promise.withResolvers();
      const task = aTask(workspaceId, { prompt });
      await runner.submit(task);
      await untilEvent(runner, task.taskId, "task_started");
      assert.deepEqual(await Promise.all([runner.cancel(task.taskId), runner.cancel(task.taskId)]), [true, true]);
      askedTwice.resolve(null);
      const result = await runner.result(task.taskId, { waitMs: LONG_MS });
      assert.equal(result?.status, "cancelled");
      assert.equal(result.error, null);
      assert.equal(await runner.cancel(task.taskId), false);
      assert.equal((await runner.status(task.taskId)).cancelRequested, true);
      const types = (await collectEvents(runner, task.taskId)).map(({ body }) => body.type);
      assert.deepEqual(types.slice(-2), ["cancel_requested", "task_ended"]);
    }
    assert.deepEqual(reasons, ["cancelled", "cancelled"]);
  });

  it("stops a task whose time is over", async () => {
    const { runner, workspace } = await start(async (execution) => {
      await untilStopped(execution);
      assert.equal(execution.signal.reason, "timed_out");
      return completed;
    });
    const task = aTask(await workspace("pro"), { timeoutSeconds: 1 });
    await runner.submit(task);
    const result = await runner.result(task.taskId, { waitMs: LONG_MS });
    assert.equal(result?.status, "timed_out");
    assert.equal(result.error?.code, "TASK_TIMED_OUT");
    assert.ok(result.executionTimeMs >= 990, `${result.executionTimeMs}`);
  });

  it("keeps an outcome that was decided before the time was over, whatever the clean-up does", async () => {
    const { runner, workspace } = await start(async (execution) => {
      execution.decide({ ...completed, tokensUsed: 5 });
      await untilStopped(execution);
      throw new Error("clean-up failed");
    });
    const task = aTask(await workspace("pro"), { timeoutSeconds: 1 });
    await runner.submit(task);
    const result = await runner.result(task.taskId, { waitMs: LONG_MS });
    assert.deepEqual([result?.status, result?.tokensUsed, result?.error], ["completed", 5, null]);
  });

  it("lets what runs end when it is closed in time", async () => {
    const gate = Promise.withResolvers<null>();
    const { runner, workspace, stopWorking } = await start(
      async () => {
        await gate.promise;
        return completed;
      },
      { graceSeconds: 60 },
    );
    const task = aTask(await workspace("pro"));
    await runner.submit(task);
    await untilEvent(runner, task.taskId, "task_started");
    const stopped = stopWorking();
    gate.resolve(null);
    await stopped;
    assert.equal((await runner.status(task.taskId)).status, "completed");
  });

  it("hands back what does not end in time, and does not count that start", async () => {
    const reasons: unknown[] = [];
    const { runner, workspace, stopWorking } = await start(async (execution) => {
      await untilStopped(execution);
      reasons.push(execution.signal.reason);
      throw new Error("stopped");
    });
    const task = aTask(await workspace("pro"));
    await runner.submit(task);
    await untilEvent(runner, task.taskId, "task_started");
    await stopWorking();
    const status = await runner.status(task.taskId);
    assert.equal(status.status, "queued");
    assert.equal(status.attempt, 0);
    assert.deepEqual(reasons, ["shutdown"]);
    await stopWorking();
  });
}
