import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, it } from "node:test";
import type { WorkflowExecutionDetails } from "../../../../contracts/workflow.ts";
import { advance } from "../../../../services/runner/workflows/advance.ts";
import { readEvents } from "../../../../services/runner/workflows/event-order.ts";
import type { AdvanceDeps } from "../../../../services/runner/workflows/submit-steps.ts";
import { migratedDatabase, silentLog } from "../../../support/database.ts";
import { startPostgres, type TestPostgres } from "../../../support/postgres.ts";
import { aTask, aWorkspace, completed } from "../../../support/runner.ts";
import { openWorkflowProcess, until, type WorkflowProcess } from "./support.ts";

/** A recipe of 136 KB and an input of 250 KB, which come to a gigabyte. */
const MANY = Array.from({ length: 4_000 }, () => "${{ input.b }}");
const INPUT = { b: "x".repeat(250_000) };
const plain = { id: "plain", task: { prompt: "do" } };

describe("what an execution may cost", () => {
  let server: TestPostgres;
  let own: WorkflowProcess;
  let workspaceId: string;
  let worker: { close(): Promise<void> };

  before(async () => {
    server = await startPostgres();
    const plans = { enterprise: { submissionsPerMinute: 100_000 } };
    own = await openWorkflowProcess((await migratedDatabase(server)).url, { plans, orchestrates: false });
    workspaceId = await aWorkspace(own.own);
    worker = await own.own.work(async ({ task }) => ({
      ...completed,
      result: task.prompt === "big" ? "y".repeat(250_000) : task.prompt,
    }));
  });
  after(async () => {
    await worker.close();
    await own.close();
    await server.stop();
  });

  const deps = (submit?: AdvanceDeps["runner"]["submit"], pool = own.own.pool): AdvanceDeps => {
    const { runner } = own.own;
    const cancel = runner.cancel.bind(runner);
    return { pool, log: silentLog, runner: { cancel, submit: submit ?? runner.submit.bind(runner) } };
  };
  async function run(recipe: object, more: { input?: object; deps?: AdvanceDeps } = {}) {
    const { executionId } = await own.start(workspaceId, recipe, { input: (more.input ?? INPUT) as never });
    await until(async () => {
      await advance(more.deps ?? deps(), executionId);
      return (await own.executions.get(executionId)).status !== "running";
    });
    return own.executions.get(executionId);
  }
  const codeOf = ({ steps }: WorkflowExecutionDetails, id: string) =>
    steps.find(({ stepId }) => stepId === id)?.error?.code;

  it("is counted before it is made: what references come to is a step's failure, or the execution's", async () => {
    const places = {
      context: { prompt: "do", context: { v: MANY } },
      prompt: { prompt: MANY.join("") },
      steps: {
        steps: MANY.slice(0, 20).map((value) => ({ tool: "write_file", input: { path: "a", content: value } })),
      },
    };
    const before = process.memoryUsage().rss;
    const execution = await run({
      failFast: false,
      steps: Object.entries(places).map(([id, task]) => ({ id, task })),
    });
    for (const { stepId } of execution.steps) assert.equal(codeOf(execution, stepId), "WORKFLOW_STEP_VALUE_TOO_LARGE");
    const output = await run({ steps: [plain], output: MANY });
    assert.deepEqual([output.status, output.error?.code], ["failed", "WORKFLOW_STEP_VALUE_TOO_LARGE"]);
    assert.ok(process.memoryUsage().rss - before < 400_000_000);
  });

  it("holds for the results of steps before, which are handed on unasked", async () => {
    const big = Array.from({ length: 12 }, (_, index) => ({ id: `big${index}`, task: { prompt: "big" } }));
    const execution = await run(
      { maxParallel: 12, steps: [...big, { ...plain, dependsOn: big.map(({ id }) => id) }] },
      { input: {} },
    );
    assert.equal(codeOf(execution, "plain"), "WORKFLOW_STEP_VALUE_TOO_LARGE");
  });

  it("is a failure, and no further try, when a step cannot be submitted for a reason that stays", async () => {
    const breaks = deps(async () => {
      throw new RangeError("Invalid string length");
    });
    const execution = await run({ steps: [plain] }, { deps: breaks });
    assert.deepEqual([execution.status, codeOf(execution, "plain")], ["failed", "WORKFLOW_BROKE"]);
  });

  it("is the task that is there when only its answer could not be read", async () => {
    const breaks = deps(async (task) => {
      await own.own.runner.submit(task);
      throw new RangeError("Invalid string length");
    });
    assert.equal((await run({ steps: [plain] }, { deps: breaks })).status, "completed");
  });

  it("is a failure when the output cannot be made for a reason that stays", async () => {
    const { pool } = own.own;
    const broken = Object.assign(Object.create(pool) as typeof pool, {
      query: async () => {
        throw Object.assign(new Error("no such function"), { code: "42883" });
      },
    });
    const recipe = { steps: [plain], output: "${{ steps.plain.result }}" };
    const execution = await run(recipe, { deps: deps(undefined, broken) });
    assert.deepEqual([execution.status, execution.error?.code], ["failed", "WORKFLOW_BROKE"]);
  });

  it("never is another workspace's task, whatever its rows name", async () => {
    const foreign = aTask(await aWorkspace(own.own), { prompt: "secret" });
    await own.own.runner.submit(foreign);
    await own.own.runner.result(foreign.taskId, { waitMs: 30_000 });
    const { executionId } = await own.start(workspaceId, {
      failFast: false,
      steps: [plain, { id: "reads", dependsOn: ["plain"], task: { prompt: "${{ steps.plain.result }}" } }],
    });
    const setStep = (status: string) =>
      own.own.pool.query(
        "UPDATE workflow_steps SET status = $3, task_id = $2 WHERE execution_id = $1 AND step_id = 'plain'",
        [executionId, foreign.taskId, status],
      );
    await setStep("submitted");
    await advance(deps(), executionId);
    assert.equal((await own.executions.get(executionId)).steps[0]?.status, "submitted"); // not ended by it
    const told = async () => {
      const bodies = [];
      for (;;) {
        const { events } = await readEvents(own.own.pool, executionId, bodies.length);
        if (events.length === 0) return bodies;
        bodies.push(...events.map(({ task }) => task));
      }
    };
    assert.ok((await told()).every((task) => task === null));
    const { rows } = await own.own.pool.query<{ placed: string }>(
      "SELECT placed FROM workflow_event_logs WHERE execution_id = $1",
      [executionId],
    );
    await own.own.pool.query(
      `INSERT INTO workflow_event_order (execution_id, first, last, step_id, task_id, first_sequence)
       VALUES ($1, $2::bigint + 1, $2::bigint + 2, 'plain', $3, 1)`,
      [executionId, rows[0]?.placed, foreign.taskId],
    );
    assert.ok((await told()).every((task) => task === null));
    await setStep("completed");
    await advance(deps(), executionId);
    assert.equal(codeOf(await own.executions.get(executionId), "reads"), "WORKFLOW_STEP_UNRESOLVED");

    const running = await own.start(workspaceId, { steps: [plain] });
    const waiting = aTask(await aWorkspace(own.own), { taskId: randomUUID(), prompt: "do" });
    await worker.close();
    await own.own.runner.submit(waiting);
    await own.own.pool.query(
      "UPDATE workflow_steps SET status = 'submitted', task_id = $2 WHERE execution_id = $1 AND step_id = 'plain'",
      [running.executionId, waiting.taskId],
    );
    await own.executions.cancel(running.executionId);
    await advance(deps(), running.executionId);
    assert.equal((await own.own.runner.status(waiting.taskId)).cancelRequested, false);
  });
});
