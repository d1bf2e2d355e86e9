import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, it } from "node:test";
import fc from "fast-check";
import { advance } from "../../../../services/runner/workflows/advance.ts";
import type { AdvanceDeps } from "../../../../services/runner/workflows/submit-steps.ts";
import { migratedDatabase, silentLog } from "../../../support/database.ts";
import { startPostgres, type TestPostgres } from "../../../support/postgres.ts";
import { aWorkspace, completed } from "../../../support/runner.ts";
import { openWorkflowProcess, until, type WorkflowProcess } from "./support.ts";

const task = { prompt: "do" };
/** Passes, as the loss of a connection does; what stays is the step's failure. */
const killed = (): Error => Object.assign(new Error("killed"), { code: "ECONNRESET" });

describe("an execution whose process dies", () => {
  let server: TestPostgres;
  let own: WorkflowProcess;
  let workspaceId: string;

  before(async () => {
    server = await startPostgres();
    const plans = { enterprise: { submissionsPerMinute: 100_000 } };
    own = await openWorkflowProcess((await migratedDatabase(server)).url, { plans, orchestrates: false });
    workspaceId = await aWorkspace(own.own);
  });
  after(async () => {
    await own.close();
    await server.stop();
  });

  const deps = (submit?: AdvanceDeps["runner"]["submit"]): AdvanceDeps => {
    const { pool, runner } = own.own;
    return {
      pool,
      log: silentLog,
      runner: { cancel: runner.cancel.bind(runner), submit: submit ?? runner.submit.bind(runner) },
    };
  };
  /** Submits, and never comes to note it. */
  const dyingAfter = deps.bind(null, async (given) => {
    await own.own.runner.submit(given);
    throw killed();
  });
  const tasksOf = async (executionId: string) => {
    const { rows } = await own.own.pool.query<{ status: string }>(
      "SELECT status::text FROM task_executions WHERE parent_execution_id = $1",
      [executionId],
    );
    return rows.map(({ status }) => status);
  };

  it("goes on with the task that nobody noted", async () => {
    const { executionId } = await own.start(workspaceId, {
      steps: [
        { id: "a", task },
        { id: "b", task },
      ],
    });
    await assert.rejects(advance(dyingAfter(), executionId), /killed/);
    const noted = await own.executions.get(executionId);
    assert.deepEqual(
      noted.steps.map(({ status }) => status),
      ["starting", "starting"],
    );
    assert.equal((await tasksOf(executionId)).length, 2);
    await Promise.all([advance(deps(), executionId), advance(deps(), executionId)]);
    const again = await own.executions.get(executionId);
    assert.deepEqual(
      again.steps.map(({ status }) => status),
      ["submitted", "submitted"],
    );
    assert.equal((await tasksOf(executionId)).length, 2);
    assert.deepEqual(
      again.steps.map(({ taskId }) => taskId),
      noted.steps.map(({ taskId }) => taskId),
    );
  });

  it("cancels the task that nobody noted, and submits none", async () => {
    const recipe = {
      maxParallel: 1,
      steps: [
        { id: "a", task },
        { id: "b", task },
      ],
    };
    const { executionId } = await own.start(workspaceId, recipe);
    await assert.rejects(advance(dyingAfter(), executionId), /killed/);
    assert.equal(await own.executions.cancel(executionId), true);
    await advance(deps(), executionId);
    await advance(deps(), executionId);
    const ended = await own.executions.get(executionId);
    assert.deepEqual([ended.status, ...ended.steps.map(({ status }) => status)], ["cancelled", "cancelled", "skipped"]);
    assert.deepEqual(await tasksOf(executionId), ["cancelled"]);

    const none = await own.start(workspaceId, recipe);
    const dyingBefore = deps(async () => Promise.reject(killed()));
    await assert.rejects(advance(dyingBefore, none.executionId), /killed/);
    await own.executions.cancel(none.executionId);
    await advance(deps(), none.executionId);
    assert.equal((await own.executions.get(none.executionId)).status, "cancelled");
    assert.deepEqual(await tasksOf(none.executionId), []);
  });

  it("runs every step of any graph once, after those before it, whoever dies on the way", async () => {
    const begun = new Map<string, string[]>();
    const worker = await own.own.work(
      async ({ task: { taskId, parentExecutionId = "" } }) => {
        begun.set(parentExecutionId, [...(begun.get(parentExecutionId) ?? []), taskId]);
        return completed;
      },
      { concurrency: 16 },
    );
    const graphs = fc.record({
      edges: fc.array(fc.array(fc.nat(20), { maxLength: 3 }), { minLength: 1, maxLength: 8 }),
      maxParallel: fc.integer({ min: 1, max: 4 }),
      deaths: fc.infiniteStream(fc.integer({ min: 0, max: 3 })),
    });
    try {
      await fc.assert(
        fc.asyncProperty(graphs, async ({ edges, maxParallel, deaths }) => {
          const steps = edges.map((before, index) => ({
            id: `s${index}`,
            dependsOn: index === 0 ? [] : [...new Set(before.map((number) => `s${number % index}`))],
            task,
          }));
          const { executionId } = await own.start(
            workspaceId,
            { steps: steps.toReversed(), maxParallel },
            { executionId: randomUUID() },
          );
          await until(async () => {
            const dies = deaths.next().value === 0;
            // Two at once, one of which may die.
            await Promise.allSettled([
              advance(dies ? dyingAfter() : deps(), executionId),
              advance(deps(), executionId),
            ]);
            return (await own.executions.get(executionId)).status !== "running";
          });
          const ended = await own.executions.get(executionId);
          assert.equal(ended.status, "completed");
          const order = begun.get(executionId) ?? [];
          assert.equal(new Set(order).size, steps.length);
          assert.equal(order.length, steps.length);
          const placeOf = (id: string) => order.indexOf(ended.steps.find(({ stepId }) => stepId === id)?.taskId ?? "");
          for (const { id, dependsOn } of steps) {
            for (const before of dependsOn) assert.ok(placeOf(before) < placeOf(id), `${id} began before ${before}`);
          }
        }),
        { numRuns: 15 },
      );
    } finally {
      await worker.close();
    }
  });
});
