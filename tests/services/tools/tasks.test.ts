import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { z } from "zod";
import { TOOLS } from "../../../contracts/tools.ts";
import type { AdapterContext } from "../../../services/tools/tool-adapter.ts";
import { ListTasksAdapter } from "../../../services/tools/tasks/list-tasks.ts";
import { ReadTaskResultAdapter } from "../../../services/tools/tasks/read-task-result.ts";
import { startApi, type TestApi } from "../../support/api.ts";
import { startPostgres, type TestPostgres } from "../../support/postgres.ts";

describe("tools that read a workspace's tasks", () => {
  let postgres: TestPostgres;
  let api: TestApi;
  let mine: string;
  let theirs: string;
  let done: string;
  let foreign: string;
  before(async () => {
    postgres = await startPostgres();
    api = await startApi(postgres);
    await api.work(async ({ task }) => {
      const steps = [
        { index: 0, tool: "read_file", ok: true, exitCode: null, output: "SECRET", error: null, durationMs: 1 },
      ];
      return { status: "completed", result: { said: task.prompt.repeat(100) }, error: null, steps, tokensUsed: 3 };
    });
    mine = (await api.createWorkspace()).workspaceId;
    theirs = (await api.createWorkspace()).workspaceId;
    done = (await api.submit(mine, { prompt: "count the sheep", correlationId: "flock" })).taskId;
    await api.submit(mine, { prompt: "other" });
    foreign = (await api.submit(theirs, { prompt: "theirs", correlationId: "flock" })).taskId;
    for (const id of [done, foreign]) await api.request("GET", `/api/tasks/${id}/result?wait=10`);
  });
  after(async () => {
    await api.stop();
    await postgres.stop();
  });

  const context = (): AdapterContext => ({
    identity: { workspaceId: mine, taskId: randomUUID() },
    networkAccess: false,
    signal: new AbortController().signal,
  });
  const list = async (input: object, as = context()) => {
    const answer = await new ListTasksAdapter({ pool: api.pool }).call(TOOLS.list_tasks.input.parse(input), as);
    z.json().parse(answer); // it goes out as JSON
    return (answer as { tasks: { taskId: string; prompt: string }[] }).tasks;
  };
  const read = (taskId: string, more = {}) =>
    new ReadTaskResultAdapter({ pool: api.pool }).call(
      TOOLS.read_task_result.input.parse({ taskId, ...more }),
      context(),
    );

  it("list those of the same workspace alone, by what is asked for", async () => {
    assert.deepEqual(
      (await list({})).map(({ prompt }) => prompt),
      ["other", "count the sheep"],
    );
    assert.deepEqual(
      (await list({ correlationId: "flock" })).map(({ taskId }) => taskId),
      [done],
    );
    assert.equal((await list({ maxResults: 1 })).length, 1);
    assert.deepEqual(await list({ parentExecutionId: randomUUID() }), []);
    assert.equal((await list({}, { ...context(), identity: { workspaceId: mine, taskId: done } })).length, 1);
  });

  it("read a result, cut where it is long, without what steps said", async () => {
    const whole = (await read(done)) as Record<string, unknown>;
    z.json().parse(whole);
    assert.equal(whole["status"], "completed");
    assert.deepEqual(whole["result"], { said: "count the sheep".repeat(100) });
    assert.deepEqual(whole["steps"], [{ index: 0, tool: "read_file", ok: true, exitCode: null }]);
    assert.doesNotMatch(JSON.stringify(whole), /SECRET/);
    const cut = (await read(done, { maxChars: 100 })) as Record<string, unknown>;
    assert.equal(String(cut["result"]).length, 100);
    assert.equal(cut["resultCut"], true);
  });

  it("know nothing of another workspace's", async () => {
    await assert.rejects(read(foreign), { code: "TASK_NOT_FOUND" });
    await assert.rejects(read(randomUUID()), { code: "TASK_NOT_FOUND" });
  });
});
