import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { access } from "node:fs/promises";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import pg from "pg";
import type { AgentTaskInput } from "../../contracts/task.ts";
import { startPlatform, type TestPlatform } from "../support/platform.ts";

const TASKS = 200;
const WORKSPACES = 10;

describe(`kill -9 in the middle of ${TASKS} tasks over ${WORKSPACES} workspaces`, () => {
  let platform: TestPlatform;
  let record: pg.Client;

  before(async () => {
    platform = await startPlatform({ workers: 2, leaseSeconds: 2, workerEnv: { WORKER_CONCURRENCY: "4" } });
    record = new pg.Client({ connectionString: platform.postgres.url });
    await record.connect();
  });

  after(async () => {
    await record.end();
    await platform.stop();
  });

  const ended = async (): Promise<number> => {
    const answer = await record.query<{ count: string }>(
      "SELECT count(*) FROM task_executions WHERE status IN ('completed', 'failed', 'cancelled', 'timed_out')",
    );
    return Number(answer.rows[0]?.count);
  };
  const until = async (condition: () => Promise<boolean>): Promise<void> => {
    while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 50));
  };

  /** As a careful client does: the same id again until the API has acknowledged it. */
  async function submit(task: AgentTaskInput): Promise<void> {
    for (;;) {
      try {
        await platform.request("POST", "/api/tasks", task);
        return;
      } catch (error) {
        if (!(error instanceof TypeError)) throw error; // fetch's word for a connection that broke
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }

  it("ends every acknowledged task exactly once", async () => {
    const workspaces = await Promise.all(
      Array.from({ length: WORKSPACES }, () => platform.createWorkspace({ plan: "pro" })),
    );
    const tasks = Array.from({ length: TASKS }, (_unused, index): AgentTaskInput => {
      const taskId = randomUUID();
      return {
        taskId,
        workspaceId: workspaces[index % WORKSPACES] ?? "",
        maxRetries: 10,
        steps: [
          { tool: "write_file", input: { path: `artifacts/${taskId}.txt`, content: taskId } },
          { tool: "execute_command", input: { argv: ["node", "-e", "setTimeout(() => {}, 50)"] } },
        ],
      };
    });

    const [worker, other] = platform.workers;
    assert.ok(worker !== undefined && other !== undefined);
    const submitted = (async () => {
      for (let index = 0; index < tasks.length; index += 10) {
        await Promise.all(tasks.slice(index, index + 10).map(submit));
      }
    })();
    await until(async () => (await ended()) >= 10);
    await Promise.all([worker.kill(), platform.api.kill()]);
    await Promise.all([worker.start(), platform.api.start()]);
    await until(async () => (await ended()) >= 80);
    await Promise.all([other.kill(), platform.api.kill()]);
    await Promise.all([other.start(), platform.api.start()]);
    await submitted;
    await until(async () => (await ended()) === TASKS);

    const executions = await record.query<{ id: string; status: string; attempt: number }>(
      "SELECT id, status, attempt FROM task_executions",
    );
    assert.equal(executions.rowCount, TASKS);
    assert.deepEqual(
      executions.rows.filter((row) => row.status !== "completed"),
      [],
    );
    assert.ok(
      executions.rows.some((row) => row.attempt > 1),
      "no task was running when the workers were killed: the test showed nothing",
    );
    const terminal = await record.query<{ task_id: string; count: string }>(
      "SELECT task_id, count(*) FROM task_events WHERE body->>'type' = 'task_ended' GROUP BY task_id",
    );
    assert.equal(terminal.rowCount, TASKS);
    assert.ok(terminal.rows.every((row) => row.count === "1"));
    const leases = await record.query("SELECT 1 FROM leases");
    assert.equal(leases.rowCount, 0);
    await Promise.all(
      tasks.map((task) =>
        access(path.join(platform.workspacesDir, task.workspaceId, "artifacts", `${task.taskId}.txt`)),
      ),
    );
    await Promise.all(
      tasks.map(async (task) => {
        const directory = path.join(platform.workspacesDir, task.workspaceId, "tasks", `task_${task.taskId}`);
        await assert.rejects(access(directory), `${directory} was left`);
      }),
    );
  });
});
