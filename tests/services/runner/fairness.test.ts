import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { AgentTask } from "../../../contracts/task.ts";
import { migratedDatabase } from "../../support/database.ts";
import { startPostgres, type TestPostgres } from "../../support/postgres.ts";
import { aTask, aWorkspace, completed, openQueuedProcess, type QueuedProcess } from "../../support/runner.ts";

const HOGGED = 10_000;
const OTHERS = 99;
const CONCURRENCY = 10;
const UNLIMITED = { submissionsPerMinute: 1_000_000, maxQueuedTasks: 1_000_000 };

describe("shares of a whole runner", () => {
  let server: TestPostgres;
  let process: QueuedProcess;

  before(async () => {
    server = await startPostgres();
    process = await openQueuedProcess((await migratedDatabase(server)).url, { plans: { enterprise: UNLIMITED } });
  });
  after(async () => {
    await process.close();
    await server.stop();
  });

  const submitAll = async (tasks: readonly AgentTask[]): Promise<void> => {
    await Promise.all(tasks.map((task) => process.runner.submit(task)));
  };
  /** The order in which tasks start, while a worker runs them. */
  async function startsWhile(body: (order: readonly AgentTask[]) => Promise<void>): Promise<void> {
    const order: AgentTask[] = [];
    const side = await process.work(
      async ({ task }) => {
        order.push(task);
        return completed;
      },
      { concurrency: CONCURRENCY, leaseSeconds: 30 },
    );
    try {
      await body(order);
    } finally {
      await side.close();
    }
  }
  const ends = (tasks: readonly AgentTask[]) =>
    Promise.all(tasks.map(({ taskId }) => process.runner.result(taskId, { waitMs: 50_000 })));

  it(`lets ${OTHERS} workspaces with one task each end in at most twice their own work beside one with ${HOGGED}`, async () => {
    const hog = await aWorkspace(process);
    const others = await Promise.all(Array.from({ length: OTHERS }, () => aWorkspace(process)));
    await submitAll(Array.from({ length: HOGGED }, () => aTask(hog)));
    await startsWhile(async (order) => {
      const single = others.map((workspaceId) => aTask(workspaceId));
      await submitAll(single);
      const before = order.length;
      for (const result of await ends(single)) assert.equal(result?.status, "completed");
      const ids = new Set(others);
      const last = order.findLastIndex(({ workspaceId }) => ids.has(workspaceId));
      const between = order.slice(before, last).filter(({ workspaceId }) => workspaceId === hog).length;
      assert.ok(between <= OTHERS, `${between} tasks of the large workspace started before the last of the others`);
    });
    await process.pool.query("UPDATE task_executions SET status = 'cancelled' WHERE status = 'queued'");
  });

  it("gives low tasks their share while critical ones never end", async () => {
    const workspaces = await Promise.all(Array.from({ length: 20 }, () => aWorkspace(process)));
    const some = (count: number, priority: AgentTask["priority"]) =>
      Array.from({ length: count }, (_unused, index) => aTask(workspaces[index % 20] ?? "", { priority }));
    const low = some(40, "low");
    await submitAll([...some(800, "critical"), ...low]);
    await startsWhile(async (order) => {
      await ends(low);
      const last = order.findLastIndex(({ priority }) => priority === "low");
      const critical = order.slice(0, last).filter(({ priority }) => priority === "critical").length;
      // 8 to 1, and what was under way when the last one came.
      assert.ok(critical <= 8 * low.length + 4 * CONCURRENCY, `${critical} critical tasks before the last low one`);
    });
  });
});
