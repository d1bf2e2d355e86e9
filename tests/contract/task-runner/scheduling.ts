import assert from "node:assert/strict";
import { it } from "node:test";
import { aTask, completed, untilEvent } from "../../support/runner.ts";
import { LONG_MS, type StartRunner } from "./harness.ts";

/** What runs when. */
export function describeScheduling(start: StartRunner): void {
  it("never runs more of a workspace than its plan allows, and all that the process can", async () => {
    const running = new Map<string, number>();
    const most = new Map<string, number>();
    let together = 0;
    let mostTogether = 0;
    const { runner, workspace } = await start(
      async ({ task: { workspaceId } }) => {
        const now = (running.get(workspaceId) ?? 0) + 1;
        running.set(workspaceId, now);
        most.set(workspaceId, Math.max(now, most.get(workspaceId) ?? 0));
        mostTogether = Math.max(mostTogether, ++together);
        for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
        running.set(workspaceId, (running.get(workspaceId) ?? 0) - 1);
        together -= 1;
        return completed;
      },
      { concurrency: 4, plans: { starter: { maxRunningTasks: 1 }, pro: { maxRunningTasks: 3 } } },
    );
    const [small, large] = [await workspace("starter"), await workspace("pro")];
    const tasks = Array.from({ length: 40 }, (_, index) => aTask(index % 2 === 0 ? small : large));
    await Promise.all(tasks.map((task) => runner.submit(task)));
    for (const { taskId } of tasks) {
      assert.equal((await runner.result(taskId, { waitMs: LONG_MS }))?.status, "completed");
    }
    assert.equal(most.get(small), 1);
    assert.ok((most.get(large) ?? 0) <= 3, `${most.get(large)}`);
    assert.ok(mostTogether <= 4, `${mostTogether}`);
  });

  it("starts the more urgent first, and the first submitted within a priority", async () => {
    const order: string[] = [];
    const gate = Promise.withResolvers<null>();
    const { runner, workspace } = await start(
      async ({ task }) => {
        order.push(task.prompt);
        if (task.prompt === "gate") await gate.promise;
        return completed;
      },
      { plans: { enterprise: { maxRunningTasks: 1 } } },
    );
    const workspaceId = await workspace("enterprise");
    const first = aTask(workspaceId, { prompt: "gate" });
    await runner.submit(first);
    await untilEvent(runner, first.taskId, "task_started");
    const tasks = (["low", "normal", "critical", "high", "low", "critical"] as const).map((priority, index) =>
      aTask(workspaceId, { prompt: `${priority} ${index}`, priority }),
    );
    for (const task of tasks) {
      await runner.submit(task);
    }
    gate.resolve(null);
    for (const { taskId } of tasks) await runner.result(taskId, { waitMs: LONG_MS });
    assert.deepEqual(order, ["gate", "critical 2", "critical 5", "high 3", "normal 1", "low 0", "low 4"]);
  });
}
