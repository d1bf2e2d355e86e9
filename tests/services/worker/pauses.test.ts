import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { Approval } from "../../../contracts/approval.ts";
import type { TaskDetails } from "../../../contracts/http-api.ts";
import type { TaskResult, TaskStatus } from "../../../contracts/task.ts";
import { startPlatform, type TestPlatform } from "../../support/platform.ts";

/** A command that leaves a letter in a file for each time that it runs. */
const append = (letter: string, file: string) => ({
  tool: "execute_command",
  input: { argv: ["python3", "-c", `open(${JSON.stringify(file)}, "a").write(${JSON.stringify(letter)})`] },
});
const ask = { tool: "create_directory", input: { path: "artifacts/allowed" } };

describe("tasks that wait for a person, on the whole platform", () => {
  let platform: TestPlatform;
  let workspaceId: string;

  before(async () => {
    platform = await startPlatform({ leaseSeconds: 2 });
  });
  after(() => platform.stop());
  beforeEach(async () => {
    workspaceId = await platform.createWorkspace({ toolPolicy: { tools: { create_directory: "ask" } } });
  });

  const submit = async (body: Record<string, unknown>): Promise<string> => {
    const { taskId } = await platform.request<TaskStatus>("POST", "/api/tasks", { workspaceId, ...body });
    return taskId;
  };
  const details = (taskId: string) => platform.request<TaskDetails>("GET", `/api/tasks/${taskId}`);
  const untilPaused = async (taskId: string): Promise<void> => {
    while ((await details(taskId)).waiting?.reason !== "approval") await delay(50);
  };
  const answer = (taskId: string, decision: string, callId = "step-1") =>
    platform.request<Approval>("POST", `/api/tasks/${taskId}/approvals/${callId}`, { decision });
  const resultOf = async (taskId: string): Promise<TaskResult> => {
    for (;;) {
      const result = await platform.request<TaskResult | TaskStatus>("GET", `/api/tasks/${taskId}/result?wait=20`);
      if ("executionTimeMs" in result) return result;
    }
  };
  const file = (...parts: string[]) => path.join(platform.workspacesDir, workspaceId, ...parts);
  const folders = () => readdir(file("tasks"));
  const untilNoFolder = async (): Promise<void> => {
    while ((await folders()).length > 0) await delay(50);
  };
  const worker = () => {
    const [first] = platform.workers;
    assert.ok(first !== undefined);
    return first;
  };

  it("go on where they were although everything was killed in between, and do nothing twice", async () => {
    const taskId = crypto.randomUUID();
    const scratch = `tasks/task_${taskId}/scratch/work`;
    const steps = [append("a", "artifacts/count"), ask, append("b", "artifacts/count"), append("s", scratch)];
    const first = [append("s", scratch), ...steps];
    await submit({ taskId, steps: first, maxRetries: 0 });
    await untilPaused(taskId);
    const [question] = (await platform.request<{ items: Approval[] }>("GET", `/api/tasks/${taskId}/approvals`)).items;
    assert.deepEqual([question?.callId, question?.tool, question?.input], ["step-2", "create_directory", ask.input]);

    await worker().kill();
    await platform.api.kill();
    await platform.postgres.kill();
    await platform.postgres.restart();
    await platform.api.start();
    // The answer comes while there is no worker.
    await answer(taskId, "approved", "step-2");
    await worker().start();

    const result = await resultOf(taskId);
    assert.equal(result.status, "completed", JSON.stringify(result.error));
    assert.deepEqual(
      result.steps.map(({ index, ok }) => [index, ok]),
      [0, 1, 2, 3, 4].map((index) => [index, true]),
    );
    assert.equal(await readFile(file("artifacts/count"), "utf8"), "ab");
    assert.deepEqual(await folders(), []);
  });

  it("keep their files while they wait, and lose them when they are cancelled", async () => {
    const taskId = crypto.randomUUID();
    await submit({ taskId, steps: [append("s", `tasks/task_${taskId}/scratch/work`), ask] });
    await untilPaused(taskId);
    assert.equal(await readFile(file("tasks", `task_${taskId}`, "scratch", "work"), "utf8"), "s");
    await platform.request("POST", `/api/tasks/${taskId}/cancel`);
    await untilNoFolder();

    const other = await submit({ steps: [append("a", "artifacts/count"), ask] });
    await untilPaused(other);
    await worker().kill();
    await platform.request("POST", `/api/tasks/${other}/cancel`);
    assert.equal((await folders()).length, 1);
    await worker().start();
    await untilNoFolder();
    assert.equal((await resultOf(other)).steps.length, 1);
  });

  it("fail when nobody answers in time, and when they are denied, with what they had done", async () => {
    const steps = [append("a", "artifacts/count"), ask, append("b", "artifacts/count")];
    const unanswered = await submit({ steps, approvalTimeoutSeconds: 1 });
    const expired = await resultOf(unanswered);
    assert.deepEqual([expired.status, expired.error?.code, expired.steps.length], ["failed", "APPROVAL_EXPIRED", 1]);
    const refused = await submit({ steps });
    await untilPaused(refused);
    await answer(refused, "denied");
    const denied = await resultOf(refused);
    assert.deepEqual([denied.status, denied.error?.code], ["failed", "TOOL_DENIED_BY_PERSON"]);
    assert.deepEqual(
      denied.steps.map(({ ok, tool }) => [ok, tool]),
      [
        [true, "execute_command"],
        [false, "create_directory"],
      ],
    );
    assert.equal(await readFile(file("artifacts/count"), "utf8"), "aa");
    assert.deepEqual(await folders(), []);
  });
});
