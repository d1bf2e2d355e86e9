import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { TASK_TRANSITIONS, TaskPriority, TaskState } from "../../../contracts/task.ts";
import { migratedDatabase } from "../../support/database.ts";
import { startPostgres, type TestPostgres } from "../../support/postgres.ts";
import { aTask, aWorkspace, openQueuedProcess, type QueuedProcess } from "../../support/runner.ts";

/** States by which a task gets into a state. */
const WAY_TO: Readonly<Record<TaskState, readonly TaskState[]>> = {
  pending: [],
  queued: ["queued"],
  scheduled: ["queued", "scheduled"],
  running: ["queued", "running"],
  completed: ["queued", "running", "completed"],
  failed: ["queued", "running", "failed"],
  cancelled: ["queued", "cancelled"],
  timed_out: ["queued", "running", "timed_out"],
};

describe("the record", () => {
  let server: TestPostgres;
  let process: QueuedProcess;
  let workspaceId: string;

  before(async () => {
    server = await startPostgres();
    process = await openQueuedProcess((await migratedDatabase(server)).url);
    workspaceId = await aWorkspace(process);
  });
  after(async () => {
    await process.close();
    await server.stop();
  });

  const move = async (id: string, state: TaskState) =>
    process.pool.query(
      "UPDATE task_executions SET status = $2, started_at = coalesce(started_at, now()) WHERE id = $1",
      [id, state],
    );
  const taskIn = async (state: TaskState): Promise<string> => {
    const id = randomUUID();
    await process.pool.query(
      `INSERT INTO task_executions (id, workspace_id, task_type, agent_id, prompt, configuration, fingerprint, priority,
         runner_backend, timeout_seconds, max_retries, resources_requested)
       VALUES ($1, $2, 'background_job', 'a', '', '{}', '', 'normal', 'queued', 1, 0, '{}')`,
      [id, workspaceId],
    );
    for (const step of WAY_TO[state]) await move(id, step);
    return id;
  };

  it("knows the states, priorities and edges of contracts/task.ts", async () => {
    const { rows: edges } = await process.pool.query<{ edge: string }>(
      "SELECT from_state || ' ' || to_state AS edge FROM task_transitions",
    );
    const expected = TaskState.options.flatMap((from) => TASK_TRANSITIONS[from].map((to) => `${from} ${to}`));
    assert.deepEqual(edges.map(({ edge }) => edge).sort(), expected.sort());
    const { rows } = await process.pool.query(
      "SELECT enum_range(NULL::task_state)::text[] AS states, enum_range(NULL::task_priority)::text[] AS priorities",
    );
    assert.deepEqual(rows, [{ states: TaskState.options, priorities: TaskPriority.options }]);
  });

  for (const from of TaskState.options) {
    it(`takes a task from ${from} along its edges alone`, async () => {
      for (const to of TaskState.options) {
        if (to === from) continue;
        const id = await taskIn(from);
        if (TASK_TRANSITIONS[from].includes(to)) await move(id, to);
        else await assert.rejects(move(id, to), { code: "23514" }, `${from} to ${to}`);
      }
    });
  }

  it("begins a task as pending alone", async () => {
    await assert.rejects(
      process.pool.query(
        `INSERT INTO task_executions (id, workspace_id, task_type, agent_id, prompt, configuration, fingerprint,
           priority, runner_backend, timeout_seconds, max_retries, resources_requested, status)
         VALUES ($1, $2, 'background_job', 'a', '', '{}', '', 'normal', 'queued', 1, 0, '{}', 'running')`,
        [randomUUID(), workspaceId],
      ),
      { code: "23514" },
    );
  });

  it("leaves a task that has ended as it is", async () => {
    for (const state of ["completed", "failed", "cancelled", "timed_out"] as const) {
      const id = await taskIn(state);
      for (const change of ["result = '1'", "error_code = 'X', error_message = '', error_remedy = ''", "attempt = 1"]) {
        await assert.rejects(process.pool.query(`UPDATE task_executions SET ${change} WHERE id = $1`, [id]), {
          code: "23514",
        });
      }
      await process.pool.query("UPDATE task_executions SET dead_lettered_at = now() WHERE id = $1", [id]);
      const { rows } = await process.pool.query(
        "SELECT count(*)::int AS ends FROM task_events WHERE task_id = $1 AND body ->> 'type' = 'task_ended'",
        [id],
      );
      assert.deepEqual(rows, [{ ends: 1 }]);
    }
  });

  it("appends to the audit log and to events, and changes neither", async () => {
    await process.pool.query(
      "INSERT INTO audit_log (actor, action, target, outcome) VALUES ('a', 'task.cancel', 't', 'allowed')",
    );
    const refused = { code: "42501" };
    await assert.rejects(process.pool.query("UPDATE audit_log SET actor = 'b'"), refused);
    await assert.rejects(process.pool.query("DELETE FROM audit_log"), refused);
    await assert.rejects(process.pool.query("TRUNCATE audit_log"), refused);
    await process.runner.submit(aTask(workspaceId));
    await assert.rejects(process.pool.query("UPDATE task_events SET body = '{}'"), refused);
  });
});
