import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import type { TaskEvent } from "../../contracts/task-event.ts";
import type { AgentTaskInput, TaskResult } from "../../contracts/task.ts";
import { startGitServer, type GitServer } from "../../demo/git-server.ts";
import { makeSampleRepository, type SampleRepository } from "../../demo/sample-repository.ts";
import { repairTask, secondLookTask } from "../../demo/sample-tasks.ts";
import { readEvents } from "../support/events.ts";
import { startPlatform, type TestPlatform } from "../support/platform.ts";

describe("a task's whole path, on real processes", () => {
  let platform: TestPlatform;
  let server: GitServer;
  let repository: SampleRepository;
  let scratch: string;
  let workspaceId: string;

  before(async () => {
    scratch = await mkdtemp(path.join(tmpdir(), "automatos-task-path-"));
    repository = makeSampleRepository(scratch);
    server = await startGitServer(scratch);
    platform = await startPlatform();
    workspaceId = await platform.createWorkspace({ egressRules: [`127.0.0.1:${server.port}`] });
  });

  after(async () => {
    await platform.stop();
    await server.stop();
    await rm(scratch, { recursive: true, force: true });
  });

  async function run(task: AgentTaskInput): Promise<{ result: TaskResult; events: TaskEvent[] }> {
    await platform.request("POST", "/api/tasks", task);
    const events = await readEvents(platform, task.taskId);
    const result = await platform.request<TaskResult>("GET", `/api/tasks/${task.taskId}/result?wait=10`);
    return { result, events };
  }

  it("clones, sees a test fail, mends it, sees it pass, keeps the report, commits and pushes", async () => {
    const { result, events } = await run(repairTask(workspaceId, repository, `${server.url}/${repository.name}.git`));

    assert.equal(result.status, "completed", JSON.stringify(result, null, 1));
    assert.deepEqual(
      result.steps.map((step) => step.exitCode),
      [1, null, null, 0, 0, 0],
    );
    assert.deepEqual(
      events.map((event) => event.sequence),
      events.map((_event, index) => index + 1),
    );
    const ready = events.find((event) => event.body.type === "repository_ready")?.body;
    assert.equal(ready?.type === "repository_ready" && ready.action, "cloned");
    assert.equal(events.at(-1)?.body.type, "task_ended");
    assert.equal(repository.log()[0], "Take the percentage off, not the number");

    const report = await fetch(`${platform.apiUrl}/api/workspaces/${workspaceId}/artifacts/price-list-tests.xml`, {
      headers: { authorization: `Bearer ${platform.adminToken}` },
    });
    assert.equal(report.status, 200);
    assert.match(await report.text(), /<testcase name="takes a percentage off"/);
  });

  it("fetches instead of cloning when a second task needs the same repository", async () => {
    const { result, events } = await run(
      secondLookTask(workspaceId, repository, `${server.url}/${repository.name}.git`),
    );

    assert.equal(result.status, "completed", JSON.stringify(result, null, 1));
    const ready = events.find((event) => event.body.type === "repository_ready")?.body;
    assert.equal(ready?.type === "repository_ready" && ready.action, "fetched");
  });

  it("fails a task at the step that failed, with the reason and the later steps untouched", async () => {
    const { result } = await run({
      taskId: crypto.randomUUID(),
      workspaceId,
      steps: [
        { tool: "execute_command", input: { command: "node -e 'process.exit(3)'" } },
        { tool: "write_file", input: { path: "artifacts/never.txt", content: "x" } },
      ],
    });
    assert.equal(result.status, "failed");
    assert.equal(result.error?.code, "STEP_FAILED");
    assert.deepEqual(
      result.steps.map((step) => [step.ok, step.exitCode]),
      [[false, 3]],
    );
  });

  it("ends a task at its timeout and at a cancel, with nothing left running", async () => {
    const endless = (timeoutSeconds: number): AgentTaskInput => ({
      taskId: crypto.randomUUID(),
      workspaceId,
      timeoutSeconds,
      steps: [
        {
          tool: "execute_command",
          input: { command: "node -e 'console.log(\"begun\"); setInterval(() => {}, 1000)'", timeoutSeconds: 600 },
        },
      ],
    });
    assert.equal((await run(endless(2))).result.status, "timed_out");

    const task = endless(300);
    await platform.request("POST", "/api/tasks", task);
    await readEvents(platform, task.taskId, (event) => event.body.type === "step_output");
    await platform.request("POST", `/api/tasks/${task.taskId}/cancel`);
    const result = await platform.request<TaskResult>("GET", `/api/tasks/${task.taskId}/result?wait=10`);
    assert.equal(result.status, "cancelled");
  });

  it("keeps a task without network from the gateway", async () => {
    const { result } = await run({
      taskId: crypto.randomUUID(),
      workspaceId,
      resources: { networkAccess: false },
      steps: [
        {
          tool: "execute_command",
          input: { command: `git ls-remote ${server.url}/${repository.name}.git` },
          expectedExitCodes: [128],
        },
      ],
    });
    assert.equal(result.status, "completed", JSON.stringify(result));
  });

  it("says of a forbidden destination what was refused and how to allow it", async () => {
    const { result } = await run({
      taskId: crypto.randomUUID(),
      workspaceId,
      steps: [
        {
          tool: "execute_command",
          input: { command: `curl --silent --show-error --max-time 20 http://127.0.0.1:${platform.postgres.port}/` },
        },
        // curl ends with 0 when the proxy answers; the answer is the gateway's refusal
      ],
    });
    assert.equal(result.status, "completed", JSON.stringify(result));
    assert.match(JSON.stringify(result.steps[0]?.output), /egress/i);
  });
});
