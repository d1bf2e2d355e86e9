import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import type { WorkflowExecutionDetails } from "../../contracts/workflow.ts";
import { WorkflowEvent } from "../../contracts/workflow-event.ts";
import { startCli } from "../support/cli.ts";
import { startPlatform, type TestPlatform } from "../support/platform.ts";

const EXECUTIONS = 15;
const STEPS = 12;
const WORKSPACES = 5;
const CHOICES = [0, 1, 2, 3, 5, 7] as const;

/** Step n waits for some of those before it; the graphs differ from execution to execution. */
function recipeOf(execution: number) {
  const steps = Array.from({ length: STEPS }, (_unused, index) => {
    const before = CHOICES.map((choice) => (choice * 7 + execution * 3 + index * 5) % (index + 1)).slice(0, 2);
    const dependsOn = [...new Set(before.filter((number) => number < index).map((number) => `s${number}`))];
    const path = `artifacts/${execution}/s${index}.txt`;
    const [first] = dependsOn;
    const content = first === undefined ? "begin" : `after \${{ steps.${first}.result.path }}`;
    return {
      id: `s${index}`,
      dependsOn,
      task: {
        maxRetries: 10,
        steps: [
          { tool: "execute_command", input: { argv: ["node", "-e", "setTimeout(() => {}, 50)"] } },
          { tool: "write_file", input: { path, content } },
        ],
      },
    };
  });
  return { steps, maxParallel: 3 };
}

describe(`kill -9 in the middle of ${EXECUTIONS} executions of ${STEPS} steps`, () => {
  let platform: TestPlatform;
  let record: pg.Client;

  before(async () => {
    platform = await startPlatform({
      ...{ apis: 2, workers: 2, leaseSeconds: 2, workerEnv: { WORKER_CONCURRENCY: "4" } },
      planLimits: { pro: { maxQueuedTasks: 6 } },
    });
    record = new pg.Client({ connectionString: platform.postgres.url });
    await record.connect();
  });
  after(async () => {
    await record.end();
    await platform.stop();
  });

  const count = async (statement: string): Promise<number> =>
    Number((await record.query<{ count: string }>(`SELECT count(*) FROM ${statement}`)).rows[0]?.count);
  const until = async (condition: () => Promise<boolean>): Promise<void> => {
    while (!(await condition())) await delay(50);
  };
  const stepsEnded = () => count("workflow_steps WHERE ended_at IS NOT NULL");

  /** As a careful client does: the same id again until the API has acknowledged it. */
  async function repeat<Answer>(method: string, route: string, body?: unknown): Promise<Answer> {
    for (;;) {
      try {
        return await platform.request<Answer>(method, route, body);
      } catch (error) {
        if (!(error instanceof TypeError)) throw error; // fetch's word for a connection that broke
        await delay(50);
      }
    }
  }

  it("loses no step, doubles none, and begins none before its time", async () => {
    const workspaces = await Promise.all(Array.from({ length: WORKSPACES }, () => platform.createWorkspace()));
    const ids = Array.from({ length: EXECUTIONS }, () => randomUUID());
    const [api, other] = platform.apis;
    const [worker] = platform.workers;
    assert.ok(api !== undefined && other !== undefined && worker !== undefined);
    const submitted = Promise.all(
      ids.map((executionId, index) =>
        repeat("POST", "/api/workflows/killed/execute", {
          ...{ executionId, workspaceId: workspaces[index % WORKSPACES], recipe: recipeOf(index) },
        }),
      ),
    );
    await until(async () => (await count("workflow_executions")) > 0);
    const env = { AUTOMATOS_API_URL: platform.apiUrl, AUTOMATOS_TOKEN: platform.adminToken };
    await submitted;
    const follower = startCli(["workflow", "follow", ids[0] ?? "", "--json"], { env });

    await until(async () => (await stepsEnded()) >= 15);
    await Promise.all([api.kill(), worker.kill()]);
    await Promise.all([api.start(), worker.start()]);
    await until(async () => (await stepsEnded()) >= 60);
    await other.kill();
    await other.start();
    await until(async () => (await stepsEnded()) >= 100);
    await Promise.all([api.kill(), other.kill()]);
    await Promise.all([api.start(), other.start()]);
    await until(async () => (await count("workflow_executions WHERE status = 'running'")) === 0);

    const states = await record.query("SELECT status, count(*)::int AS count FROM workflow_executions GROUP BY status");
    assert.deepEqual(states.rows, [{ status: "completed", count: EXECUTIONS }]);
    assert.equal(await count("task_executions"), EXECUTIONS * STEPS);
    assert.equal(await count("task_executions WHERE status <> 'completed'"), 0);
    const early = await record.query(
      `SELECT s.execution_id, s.step_id FROM workflow_steps s JOIN workflow_executions e ON e.id = s.execution_id
       JOIN task_executions t ON t.id = s.task_id
       CROSS JOIN LATERAL jsonb_array_elements_text(e.recipe -> 'steps' -> s.position -> 'dependsOn') AS before (id)
       JOIN workflow_steps b ON b.execution_id = e.id AND b.step_id = before.id
       JOIN task_executions tb ON tb.id = b.task_id
       WHERE t.submitted_at < tb.completed_at`,
    );
    assert.deepEqual(early.rows, []);

    const { code, stdout, stderr } = await follower.ended;
    assert.equal(code, 0, stderr);
    const events = stdout
      .trim()
      .split("\n")
      .map((line) => WorkflowEvent.parse(JSON.parse(line)));
    assert.deepEqual(
      events.map(({ sequence }) => sequence),
      events.map((_event, index) => index + 1),
    );
    const taskEvents = await count(
      `task_events WHERE task_id IN (SELECT task_id FROM workflow_steps WHERE execution_id = '${ids[0] ?? ""}')`,
    );
    assert.equal(events.filter(({ task }) => task !== null).length, taskEvents);
  });

  it("stops a whole execution and submits nothing more, also when the API that was asked is killed", async (test) => {
    const workspaceId = await platform.createWorkspace();
    const executionId = randomUUID();
    const hold = (id: string) => ({
      id,
      task: { steps: [{ tool: "execute_command", input: { argv: ["node", "-e", "setTimeout(() => {}, 60000)"] } }] },
    });
    const recipe = { maxParallel: 2, steps: [hold("a"), hold("b"), hold("c"), { ...hold("d"), dependsOn: ["a"] }] };
    await repeat("POST", "/api/workflows/held/execute", { executionId, workspaceId, recipe });
    const ofIt = (state: string) =>
      `task_executions WHERE parent_execution_id = '${executionId}' AND status = '${state}'`;
    await until(async () => (await count(ofIt("running"))) === 2);
    await platform.request("POST", `/api/workflow-executions/${executionId}/cancel`);
    await until(async () => (await count(ofIt("running"))) === 0);
    await until(
      async () => (await count(`workflow_executions WHERE id = '${executionId}' AND status = 'cancelled'`)) === 1,
    );
    assert.equal(await count(`task_executions WHERE parent_execution_id = '${executionId}'`), 2);
    const took = await record.query<{ seconds: string }>(
      `SELECT max(t.completed_at - e.cancel_requested_at)::text AS seconds FROM task_executions t
       JOIN workflow_executions e ON e.id = t.parent_execution_id WHERE e.id = $1`,
      [executionId],
    );
    test.diagnostic(`from the request to the end of the last task: ${took.rows[0]?.seconds ?? ""}`);

    const again = randomUUID();
    await repeat("POST", `/api/workflow-executions/${executionId}/retry`, { newExecutionId: again });
    await until(
      async () => (await count(`task_executions WHERE parent_execution_id = '${again}' AND status = 'running'`)) === 2,
    );
    await platform.request("POST", `/api/workflow-executions/${again}/cancel`);
    await platform.api.kill();
    await until(async () => (await count(`workflow_executions WHERE id = '${again}' AND status = 'cancelled'`)) === 1);
    await platform.api.start();
    const details = await repeat<WorkflowExecutionDetails>("GET", `/api/workflow-executions/${again}`);
    assert.deepEqual(
      details.steps.map(({ status }) => status),
      ["cancelled", "cancelled", "skipped", "skipped"],
    );
  });
});
