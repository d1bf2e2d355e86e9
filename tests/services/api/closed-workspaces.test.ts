import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, beforeEach, describe, it } from "node:test";
import type { DeadLetterRetries } from "../../../contracts/dead-letter-api.ts";
import type { Problem } from "../../../contracts/http-api.ts";
import { WorkflowExecutionDetails } from "../../../contracts/workflow.ts";
import type { MoveState } from "../../../contracts/workspace-move.ts";
import { completed, expectJson, startApi, type TestApi } from "../../support/api.ts";
import { startPostgres, type TestPostgres } from "../../support/postgres.ts";

const RECIPE = {
  steps: [
    { id: "first", task: { prompt: "wait" } },
    { id: "next", dependsOn: ["first"], when: "always", task: { prompt: "say" } },
  ],
};

describe("a workspace that is leaving", () => {
  let postgres: TestPostgres;
  let api: TestApi;
  let workspaceId: string;
  let token: string;
  let release: () => void;
  let released: Promise<unknown>;

  before(async () => {
    postgres = await startPostgres();
    api = await startApi(postgres);
    await api.work(async ({ task, signal }) => {
      const stopped = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
      if (task.prompt === "wait") await Promise.race([released, stopped]);
      return completed(task.prompt);
    });
  });
  after(async () => {
    release();
    await api.stop();
    await postgres.stop();
  });
  beforeEach(async () => {
    ({ workspaceId } = await api.createWorkspace());
    token = await api.createToken(workspaceId);
    released = new Promise<void>((resolve) => (release = resolve));
  });

  const move = (step: string, body: object = {}) =>
    api.request("POST", `/api/workspaces/${workspaceId}/move/${step}`, { body: { moveId: workspaceId, ...body } });
  const leave = async () => expectJson(await move("leave", { to: "http://127.0.0.1:1" }), 200);
  const call = (method: string, url: string, body?: unknown) =>
    api.request(method, url, body === undefined ? { token } : { token, body });
  const read = async (executionId: string): Promise<WorkflowExecutionDetails> =>
    WorkflowExecutionDetails.parse(expectJson(await call("GET", `/api/workflow-executions/${executionId}`), 200));
  async function until(executionId: string, isSo: (now: WorkflowExecutionDetails) => boolean) {
    for (;;) {
      const now = await read(executionId);
      if (isSo(now)) return now;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  const execute = async () =>
    WorkflowExecutionDetails.parse(
      expectJson(await call("POST", "/api/workflows/one/execute", { recipe: RECIPE }), 202),
    ).executionId;

  it("keeps its recipes as they are, and begins no execution", async () => {
    assert.equal((await call("PUT", "/api/workflows/one", RECIPE)).statusCode, 200);
    assert.equal((await call("PUT", "/api/workflows/two", RECIPE)).statusCode, 200);
    const refused = async (code: string) => {
      const changes = [
        await call("PUT", "/api/workflows/one", { ...RECIPE, description: "another" }),
        await call("PUT", "/api/workflows/late", RECIPE),
        await call("DELETE", "/api/workflows/two"),
        await call("POST", "/api/workflows/one/execute", {}),
      ];
      for (const change of changes) assert.equal(expectJson<Problem>(change, 409).code, code);
    };
    await leave();
    await refused("WORKSPACE_MOVING");
    expectJson(await move("settle"), 200);
    await refused("WORKSPACE_MOVED");
    const { items } = expectJson<{ items: { workflowId: string; version: number }[] }>(
      await call("GET", "/api/workflows"),
      200,
    );
    assert.deepEqual(
      items.map(({ workflowId, version }) => [workflowId, version]),
      [
        ["one", 1],
        ["two", 1],
      ],
    );
  });

  it("keeps its dead letters as they are", async () => {
    const elsewhere = (await api.createWorkspace()).workspaceId;
    const dead: string[] = [];
    for (const home of [workspaceId, elsewhere]) {
      const { taskId } = await api.submit(home, { prompt: "wait" });
      await api.request("POST", `/api/tasks/${taskId}/cancel`);
      await api.request("GET", `/api/tasks/${taskId}/result?wait=30`);
      await api.pool.query("UPDATE task_executions SET dead_lettered_at = now() WHERE id = $1", [taskId]);
      dead.push(taskId);
    }
    const [own = ""] = dead;
    // Its answer was lost: the task is there, and the letter is on the list still.
    const newTaskId = randomUUID();
    const retried = await api.request("POST", `/api/tasks/${own}/retry`, { body: { newTaskId } });
    assert.equal(retried.statusCode, 202);
    await leave();
    const one = `/api/admin/dead-letters/${own}`;
    const refusals = [
      await api.request("DELETE", one),
      await api.request("POST", `${one}/retry`, { body: { newTaskId } }),
      await api.request("POST", `${one}/retry`),
    ];
    for (const refusal of refusals) assert.equal(expectJson<Problem>(refusal, 409).code, "WORKSPACE_MOVING");
    const retries = expectJson<DeadLetterRetries>(
      await api.request("POST", "/api/admin/dead-letters/retry", { body: { workspaceId } }),
      202,
    );
    assert.deepEqual(
      retries.items.map(({ taskId, error }) => [taskId, error?.code]),
      [[own, "WORKSPACE_MOVING"]],
    );
    const dropped = await api.request("POST", "/api/admin/dead-letters/drop", { body: {} });
    assert.deepEqual(expectJson(dropped, 200), { dropped: 1 });
    const { rows } = await api.pool.query(
      "SELECT id FROM task_executions WHERE id = ANY ($1) AND dead_lettered_at IS NOT NULL",
      [dead],
    );
    assert.deepEqual(rows, [{ id: own }]);
  });

  for (const at of ["a step that waits for the end of the move", "a step that runs"]) {
    it(`lets an execution be cancelled at ${at}, and can go then`, async () => {
      const executionId = await execute();
      await until(executionId, ({ steps }) => steps[0]?.status === "submitted");
      await leave();
      if (at === "a step that waits for the end of the move") {
        release();
        const waiting = await until(executionId, ({ steps }) => steps[1]?.error?.code === "WORKSPACE_MOVING");
        assert.equal(waiting.steps[1]?.status, "starting");
      }
      assert.equal(expectJson<Problem>(await move("settle"), 409).code, "WORKSPACE_BUSY");
      assert.equal((await call("POST", `/api/workflow-executions/${executionId}/cancel`)).statusCode, 202);
      const ended = await until(executionId, ({ status }) => status !== "running");
      assert.equal(ended.status, "cancelled");
      assert.equal(ended.steps[1]?.skipReason, "cancelled");
      expectJson<MoveState>(await move("settle"), 200);
    });
  }
});
