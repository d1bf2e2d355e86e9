import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, it } from "node:test";
import type { Problem, TaskList } from "../../../contracts/http-api.ts";
import type { Workflow } from "../../../contracts/workflow.ts";
import {
  WorkflowCancellation,
  WorkflowDetails,
  WorkflowExecutionDetails,
  WorkflowExecutionList,
} from "../../../contracts/workflow.ts";
import { WorkflowEvent } from "../../../contracts/workflow-event.ts";
import { completed, expectJson, startApi, STEPS, type TestApi } from "../../support/api.ts";
import { runCli, startCli, type CliOptions } from "../../support/cli.ts";
import { startPostgres, type TestPostgres } from "../../support/postgres.ts";

const RECIPE = {
  description: "builds and reports",
  steps: [
    { id: "build", task: { prompt: "build ${{ input.branch }}" } },
    { id: "report", dependsOn: ["build"], task: { prompt: "say ${{ steps.build.result }}" } },
  ],
  output: "${{ steps.report.result }}",
};
const HOLD = {
  steps: [
    { id: "hold", task: { prompt: "hold" } },
    { id: "next", dependsOn: ["hold"], task: { steps: STEPS } },
  ],
};

describe("the API of workflows", () => {
  let postgres: TestPostgres;
  let api: TestApi;
  let workspaceId: string;
  let token: string;
  let cli: CliOptions & { env: Record<string, string> };

  before(async () => {
    postgres = await startPostgres();
    api = await startApi(postgres);
    ({ workspaceId } = await api.createWorkspace({ plan: "enterprise" }));
    token = await api.createToken(workspaceId, { name: "ci" });
    cli = { env: { AUTOMATOS_API_URL: await api.url(), AUTOMATOS_TOKEN: token } };
    await api.work(async ({ task, signal }) => {
      if (task.prompt === "hold") {
        await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
      }
      if (task.prompt.startsWith("fail")) throw new Error("it failed");
      return completed(task.prompt);
    });
  });
  after(async () => {
    await api.stop();
    await postgres.stop();
  });

  const call = (method: string, url: string, body?: unknown) =>
    api.request(method, url, body === undefined ? { token } : { token, body });
  const execute = async (name: string, body: object): Promise<WorkflowExecutionDetails> =>
    WorkflowExecutionDetails.parse(expectJson(await call("POST", `/api/workflows/${name}/execute`, body), 202));
  const read = async (executionId: string): Promise<WorkflowExecutionDetails> =>
    WorkflowExecutionDetails.parse(expectJson(await call("GET", `/api/workflow-executions/${executionId}`), 200));
  async function events(executionId: string, headers: Record<string, string> = {}): Promise<WorkflowEvent[]> {
    const { body } = await api.request("GET", `/api/workflow-executions/${executionId}/events`, { token, headers });
    const data = body.split("\n").filter((line) => line.startsWith("data: "));
    return data.map((line) => WorkflowEvent.parse(JSON.parse(line.slice(6))));
  }

  it("stores recipes in versions, and executes one by its name", async () => {
    const put = (body: unknown) => call("PUT", "/api/workflows/nightly.build", body);
    const first = WorkflowDetails.parse(expectJson(await put(RECIPE), 200));
    assert.deepEqual([first.version, first.stepCount, first.description], [1, 2, "builds and reports"]);
    assert.deepEqual(expectJson(await put(RECIPE), 200), first);
    assert.equal(expectJson<Workflow>(await put({ ...RECIPE, maxParallel: 1 }), 200).version, 2);
    assert.deepEqual(expectJson(await call("GET", "/api/workflows/nightly.build?version=1"), 200), first);
    const { items } = expectJson<{ items: Workflow[] }>(await call("GET", "/api/workflows"), 200);
    assert.deepEqual(
      items.map(({ workflowId, version }) => [workflowId, version]),
      [["nightly.build", 2]],
    );

    const executionId = randomUUID();
    const body = { executionId, version: 1, input: { branch: "main" }, correlationId: "release 7" };
    const answer = await call("POST", "/api/workflows/nightly.build/execute", body);
    assert.equal(answer.headers.location, `/api/workflow-executions/${executionId}`);
    assert.equal(expectJson<WorkflowExecutionDetails>(answer, 202).executionId, executionId);
    const all = await events(executionId);
    assert.equal(all.at(-1)?.body.type, "workflow_ended");
    const ended = await read(executionId);
    assert.deepEqual([ended.status, ended.version, ended.output], ["completed", 1, "say build main"]);
    assert.equal((await execute("nightly.build", body)).status, "completed");

    for (const filter of [`parentExecutionId=${executionId}`, "correlationId=release%207"]) {
      const tasks = expectJson<TaskList>(await call("GET", `/api/tasks?${filter}`), 200);
      const ids = ended.steps.map(({ taskId }) => taskId);
      assert.deepEqual(tasks.items.map(({ taskId }) => taskId).toSorted(), ids.toSorted());
    }
    const list = expectJson<unknown>(
      await call("GET", "/api/workflow-executions?correlationId=release%207&status=completed"),
      200,
    );
    const [item] = WorkflowExecutionList.parse(list).items;
    assert.deepEqual([item?.executionId, item?.steps], [executionId, { completed: 2 }]);
    assert.equal((await call("DELETE", "/api/workflows/nightly.build")).statusCode, 204);
    assert.equal(
      expectJson<Problem>(await call("GET", "/api/workflows/nightly.build"), 404).code,
      "WORKFLOW_NOT_FOUND",
    );
    assert.equal((await read(executionId)).workflowId, "nightly.build");
  });

  it("streams the whole from where a client was", async () => {
    const { executionId } = await execute("inline", { recipe: RECIPE, input: { branch: "x" } });
    const all = await events(executionId);
    assert.deepEqual(await events(executionId, { "last-event-id": "3" }), all.slice(3));
    const headers = { "last-event-id": String(all.length) };
    const url = `/api/workflow-executions/${executionId}/events`;
    assert.equal((await api.request("GET", url, { token, headers })).statusCode, 204);
  });

  it("cancels and retries", async () => {
    const { executionId } = await execute("held", { recipe: HOLD });
    const cancelled = await call("POST", `/api/workflow-executions/${executionId}/cancel`);
    assert.equal(WorkflowCancellation.parse(expectJson(cancelled, 202)).accepted, true);
    await events(executionId);
    assert.equal((await read(executionId)).status, "cancelled");
    const again = await call("POST", `/api/workflow-executions/${executionId}/cancel`);
    assert.equal(WorkflowCancellation.parse(expectJson(again, 200)).accepted, false);
    const newExecutionId = randomUUID();
    const retried = await call("POST", `/api/workflow-executions/${executionId}/retry`, { newExecutionId });
    assert.equal(WorkflowExecutionDetails.parse(expectJson(retried, 202)).retryOf, executionId);
    assert.equal((await call("POST", `/api/workflow-executions/${newExecutionId}/retry`)).statusCode, 409);
    await call("POST", `/api/workflow-executions/${newExecutionId}/cancel`);
  });

  it("refuses what can never run, with every mistake and its place", async () => {
    const steps = [
      { id: "a", dependsOn: ["b"], task: { prompt: "x" } },
      { id: "b", dependsOn: ["nobody"], task: { prompt: "x" } },
    ];
    const answer = await call("POST", "/api/workflows/wrong/execute", { recipe: { steps } });
    const problem = expectJson<Problem>(answer, 400);
    assert.deepEqual(
      problem.issues?.map(({ path, message }) => [path, message]),
      [["/recipe/steps/1/dependsOn/0", "there is no step nobody"]],
    );
    const unknown = await call("POST", "/api/workflows/wrong/execute", {});
    assert.equal(expectJson<Problem>(unknown, 404).code, "WORKFLOW_NOT_FOUND");
    const unnamed = await api.request("POST", "/api/workflows/wrong/execute", { body: { recipe: RECIPE } });
    assert.equal(expectJson<Problem>(unnamed, 400).code, "WORKSPACE_REQUIRED");
  });

  it("is there on the command line", async () => {
    const recipe = JSON.stringify(RECIPE);
    const run = (args: string[], input?: string) =>
      runCli(["workflow", ...args], { ...cli, ...(input === undefined ? {} : { input }) });
    const put = await run(["put", "daily", "--file", "-"], recipe);
    assert.deepEqual([put.code, put.stdout], [0, "daily version 1\n"], put.stderr);
    const done = await run(["run", "daily", "--input", '{"branch":"main"}']);
    assert.equal(done.code, 0, done.stderr);
    assert.match(done.stdout, /build .*completed/);
    assert.match(done.stdout, /execution completed/);
    const failed = await run(
      ["run", "daily", "--file", "-"],
      JSON.stringify({ steps: [{ id: "a", task: { prompt: "fail" } }] }),
    );
    assert.equal(failed.code, 1, failed.stdout);
    assert.match(failed.stdout, /WORKFLOW_STEP_FAILED/);
    const executionId = randomUUID();
    const held = startCli(["workflow", "run", "held", "--id", executionId, "--file", "-"], {
      ...cli,
      input: JSON.stringify(HOLD),
    });
    await held.until(/hold/);
    assert.match((await run(["show", executionId])).stdout, /running[\s\S]*next +waiting/);
    assert.equal((await run(["cancel", executionId])).code, 0);
    assert.equal((await held.ended).code, 3);
    const retried = await run(["retry", executionId]);
    assert.equal(retried.code, 0, retried.stderr);
    const newId = retried.stdout.trim();
    assert.match((await run(["ls", "--status", "running"])).stdout, new RegExp(`${newId} +held`));
    assert.equal((await run(["cancel", newId])).code, 0);
    const followed = await run(["follow", newId, "--json"]);
    assert.equal(followed.code, 3);
    const lines = followed.stdout
      .trim()
      .split("\n")
      .map((line) => WorkflowEvent.parse(JSON.parse(line)));
    assert.deepEqual(
      lines.map(({ sequence }) => sequence),
      lines.map((_event, index) => index + 1),
    );
    assert.match((await run(["recipes"])).stdout, /daily +1 +2/);
    assert.equal((await run(["rm", "daily"])).code, 0);
    const wrong = await run(["put", "daily", "--file", "-"], '{"steps":[]}');
    assert.equal(wrong.code, 2);
  });
});
