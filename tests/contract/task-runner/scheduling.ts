import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { it } from "node:test";
import type { PlanTier } from "../../../contracts/plan.ts";
import type { AgentTask } from "../../../contracts/task.ts";
import { aTask, completed, untilEvent } from "../../support/runner.ts";
import { hasCode, LONG_MS, type StartRunner } from "./harness.ts";

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

  /** Starts in order, while tasks of `first` are under way or wait when those of `later` are submitted. */
  const startsOf = async (
    first: (workspace: (plan: PlanTier) => Promise<string>) => Promise<AgentTask[]>,
    later: (workspace: (plan: PlanTier) => Promise<string>) => Promise<AgentTask[]>,
  ): Promise<string[]> => {
    const order: string[] = [];
    const gate = Promise.withResolvers<null>();
    const { runner, workspace } = await start(
      async ({ task }) => {
        order.push(task.prompt);
        await gate.promise;
        return completed;
      },
      { concurrency: 4, plans: { enterprise: { maxRunningTasks: 100, submissionsPerMinute: 10_000 } } },
    );
    const tasks = [];
    for (const each of [first, later]) {
      const batch = await each(workspace);
      for (const task of batch) await runner.submit(task);
      tasks.push(...batch);
    }
    gate.resolve(null);
    for (const { taskId } of tasks) await runner.result(taskId, { waitMs: LONG_MS });
    return order;
  };
  const several = (count: number, make: () => AgentTask) => Array.from({ length: count }, make);

  it("gives a workspace with one task its turn before the tenth of one with very many", async () => {
    const order = await startsOf(
      async (workspace) => {
        const workspaceId = await workspace("enterprise");
        return several(150, () => aTask(workspaceId, { prompt: "many" }));
      },
      async (workspace) => {
        const ids = await Promise.all(Array.from({ length: 10 }, () => workspace("enterprise")));
        return ids.map((workspaceId) => aTask(workspaceId, { prompt: "one" }));
      },
    );
    assert.equal(order.length, 160);
    // 4 run and at most 4 are decided already; from then on every other start is of one of the ten.
    assert.ok(order.lastIndexOf("one") < 4 + 4 + 2 * 10 + 2, order.slice(0, 60).join(" "));
  });

  it("lets the least urgent have their share while the most urgent never end", async () => {
    const order = await startsOf(
      async (workspace) => {
        const workspaceId = await workspace("enterprise");
        return several(140, () => aTask(workspaceId, { prompt: "critical", priority: "critical" }));
      },
      async (workspace) => {
        const workspaceId = await workspace("enterprise");
        return several(10, () => aTask(workspaceId, { prompt: "low", priority: "low" }));
      },
    );
    const before = order.slice(0, 120).filter((prompt) => prompt === "low").length;
    assert.ok(before >= 8, `${before} of 120 starts: ${order.join(" ")}`);
  });

  it("says why a task waits, and its place", async () => {
    const gate = Promise.withResolvers<null>();
    const { runner, workspace } = await start(
      async () => {
        await gate.promise;
        return completed;
      },
      { concurrency: 2, plans: { starter: { maxRunningTasks: 1 } } },
    );
    const small = await workspace("starter");
    const tasks = several(3, () => aTask(small));
    for (const task of tasks) await runner.submit(task);
    const [first, second, third] = tasks.map(({ taskId }) => taskId);
    await untilEvent(runner, first ?? "", "task_started");
    assert.equal(await runner.waiting(first ?? ""), null);
    const waits = [await runner.waiting(second ?? ""), await runner.waiting(third ?? "")];
    assert.deepEqual(
      waits.map((wait) => [wait?.reason, wait?.place]),
      [
        ["workspace_limit", 1],
        ["workspace_limit", 2],
      ],
    );
    assert.match(waits[1]?.message ?? "", /1 of 1 tasks that plan starter lets run at once .* place 2/);
    gate.resolve(null);
    for (const { taskId } of tasks) await runner.result(taskId, { waitMs: LONG_MS });
    assert.equal(await runner.waiting(third ?? ""), null);
    await assert.rejects(runner.waiting(randomUUID()), hasCode("TASK_NOT_FOUND"));
  });

  it("starts no task before its time, lets others pass, and says so", async () => {
    const { runner, workspace } = await start(async () => completed, { plans: { starter: { maxRunningTasks: 1 } } });
    const workspaceId = await workspace("starter");
    const notBefore = new Date(Date.now() + 3_000).toISOString();
    const later = aTask(workspaceId, { notBefore, priority: "critical" });
    const never = aTask(workspaceId, { notBefore: "2099-01-01T00:00:00Z" });
    const now = aTask(workspaceId, { notBefore: "2001-01-01T00:00:00+02:00" });
    for (const task of [later, never, now]) await runner.submit(task);
    const wait = await runner.waiting(never.taskId);
    assert.deepEqual([wait?.reason, wait?.message.includes("2099-01-01T00:00:00")], ["delayed", true]);
    assert.equal((await runner.result(now.taskId, { waitMs: LONG_MS }))?.status, "completed");
    const result = await runner.result(later.taskId, { waitMs: LONG_MS });
    assert.ok((result?.startedAt ?? "") >= notBefore, `${result?.startedAt} is before ${notBefore}`);
    assert.equal(await runner.cancel(never.taskId), true);
    assert.equal((await runner.status(never.taskId)).status, "cancelled");
  });
}
