import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, it } from "node:test";
import type { Problem, TaskCancellation, TaskDetails, TaskList } from "../../../contracts/http-api.ts";
import type { TaskResult, TaskStatus } from "../../../contracts/task.ts";
import { STEPS, completed, expectJson, startApi, untilState, type TestApi } from "../../support/api.ts";
import { startPostgres, type TestPostgres } from "../../support/postgres.ts";

describe("tasks over HTTP", () => {
  let postgres: TestPostgres;
  let api: TestApi;
  let workspaceId: string;
  let token: string;

  before(async () => {
    postgres = await startPostgres();
    api = await startApi(postgres, { planLimits: { pilot: { maxQueuedTasks: 1 } } });
    ({ workspaceId } = await api.createWorkspace({ plan: "enterprise" }));
    token = await api.createToken(workspaceId);
    await api.work(async ({ task, signal, emit }) => {
      emit({ type: "step_started", index: 0, tool: "execute_command", summary: task.prompt });
      if (task.prompt === "hold") {
        await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
      }
      if (task.prompt === "fail") throw new Error("the reason");
      return completed({ said: task.prompt });
    });
  });

  after(async () => {
    await api.stop();
    await postgres.stop();
  });

  const post = (body: object) => api.request("POST", "/api/tasks", { body: { steps: STEPS, ...body }, token });

  it("answers 202 with the task's place, and makes an id and takes the token's workspace where none is given", async () => {
    const response = await post({ prompt: "hello" });
    const status = expectJson<TaskStatus>(response, 202);
    assert.equal(status.workspaceId, workspaceId);
    assert.equal(response.headers.location, `/api/tasks/${status.taskId}`);
    const details = expectJson<TaskDetails>(await api.request("GET", `/api/tasks/${status.taskId}`, { token }), 200);
    assert.equal(details.task.prompt, "hello");
    assert.equal(details.task.timeoutSeconds, 300);
  });

  it("takes the same submission again for the same task, in any case of its id, and refuses another one", async () => {
    const taskId = randomUUID();
    const first = expectJson<TaskStatus>(await post({ taskId, prompt: "once" }), 202);
    const again = expectJson<TaskStatus>(await post({ taskId: taskId.toUpperCase(), prompt: "once" }), 202);
    assert.equal(again.submittedAt, first.submittedAt);
    const other = await post({ taskId, prompt: "twice" });
    assert.equal(expectJson<Problem>(other, 409).code, "TASK_CONFLICT");
    const { rows } = await api.pool.query("SELECT count(*)::int AS count FROM task_executions WHERE id = $1", [taskId]);
    assert.deepEqual(rows, [{ count: 1 }]);
  });

  it("says of an id that is taken nothing but that, whoever has it", async () => {
    const { workspaceId: other } = await api.createWorkspace();
    const [own, foreign] = [await api.submit(workspaceId), await api.submit(other)];
    const answers = [];
    for (const { taskId } of [own, foreign]) {
      const { body, statusCode } = await post({ taskId, prompt: "mine" });
      const { requestId, ...problem } = JSON.parse(body) as Problem;
      assert.equal(typeof requestId, "string");
      answers.push({ statusCode, body: JSON.stringify(problem).replaceAll(taskId, "ID") });
    }
    assert.deepEqual(answers[1], answers[0]);
  });

  it("refuses a task that has neither a prompt nor steps, and records nothing of it", async () => {
    const taskId = randomUUID();
    const refused = expectJson<Problem>(await post({ taskId, prompt: "", steps: [] }), 422);
    assert.equal(refused.code, "NOTHING_TO_RUN");
    assert.match(refused.remedy, /`prompt` for a model, `steps`/);
    assert.equal((await api.request("GET", `/api/tasks/${taskId}`, { token })).statusCode, 404);
  });

  it("tells who comes too often when to come again", async () => {
    const full = await api.createWorkspace({ plan: "pilot" });
    await api.submit(full.workspaceId, { prompt: "hold", priority: "low" });
    const answers = [];
    for (let index = 0; index < 4; index++) {
      answers.push(
        await api.request("POST", "/api/tasks", {
          body: { workspaceId: full.workspaceId, prompt: "hold", steps: STEPS },
        }),
      );
    }
    const refused = answers.find(({ statusCode }) => statusCode === 429);
    assert.equal(refused?.json<Problem>().code, "QUEUE_FULL");
    assert.equal(refused.headers["retry-after"], "10");
  });

  it("waits for the result as long as it was asked to, and no longer", async () => {
    const done = await api.submit(workspaceId, { prompt: "quick" });
    const waited = await api.request("GET", `/api/tasks/${done.taskId}/result?wait=30`, { token });
    assert.deepEqual(expectJson<TaskResult>(waited, 200).result, { said: "quick" });

    const held = await api.submit(workspaceId, { prompt: "hold" });
    const early = await api.request("GET", `/api/tasks/${held.taskId}/result?wait=0.05`, { token });
    assert.equal(expectJson<TaskStatus>(early, 202).taskId, held.taskId);
    assert.equal(early.headers["retry-after"], "1");
    await api.request("POST", `/api/tasks/${held.taskId}/cancel`);
  });

  it("cancels what runs, and says when there was nothing to cancel", async () => {
    const { taskId } = await api.submit(workspaceId, { prompt: "hold" });
    await untilState(api, taskId, "running");
    const cancelled = await api.request("POST", `/api/tasks/${taskId}/cancel`, { token });
    assert.equal(expectJson<TaskCancellation>(cancelled, 202).accepted, true);
    const result = await api.request("GET", `/api/tasks/${taskId}/result?wait=30`, { token });
    assert.equal(expectJson<TaskResult>(result, 200).status, "cancelled");
    const late = await api.request("POST", `/api/tasks/${taskId}/cancel`, { token });
    assert.equal(expectJson<TaskCancellation>(late, 200).accepted, false);
  });

  it("retries a task that failed under the id that the caller chooses, once", async () => {
    const { taskId } = await api.submit(workspaceId, { prompt: "fail" });
    await untilState(api, taskId, "failed");
    const retry = { body: { newTaskId: randomUUID() }, token };
    const first = await api.request("POST", `/api/tasks/${taskId}/retry`, retry);
    assert.equal(expectJson<TaskStatus>(first, 202).retryOf, taskId);
    assert.equal(first.headers.location, `/api/tasks/${retry.body.newTaskId}`);
    const again = await api.request("POST", `/api/tasks/${taskId}/retry`, retry);
    assert.equal(expectJson<TaskStatus>(again, 202).taskId, retry.body.newTaskId);

    const good = await api.submit(workspaceId, { prompt: "fine" });
    await untilState(api, good.taskId, "completed");
    const refused = await api.request("POST", `/api/tasks/${good.taskId}/retry`, { token });
    assert.equal(expectJson<Problem>(refused, 409).code, "TASK_NOT_RETRYABLE");
  });

  it("lists by state, priority, type, correlation and time, page by page, none twice", async () => {
    const fresh = await api.createWorkspace({ plan: "enterprise" });
    const list = async (query: string): Promise<TaskList> =>
      expectJson<TaskList>(await api.request("GET", `/api/tasks?workspaceId=${fresh.workspaceId}&${query}`), 200);
    const submitted: TaskStatus[] = [];
    for (let index = 0; index < 7; index++) {
      submitted.push(
        await api.submit(fresh.workspaceId, {
          priority: index % 2 === 0 ? "high" : "low",
          taskType: index < 3 ? "chat_agent" : "recipe_step",
          correlationId: `run-${index % 3}`,
        }),
      );
    }
    for (const { taskId } of submitted) await untilState(api, taskId, "completed");
    const newestFirst = submitted.map(({ taskId }) => taskId).toReversed();

    const seen: string[] = [];
    let cursor: string | null = "";
    while (cursor !== null) {
      const page: TaskList = await list(`limit=2${cursor === "" ? "" : `&cursor=${cursor}`}`);
      seen.push(...page.items.map(({ taskId }) => taskId));
      cursor = page.nextCursor;
    }
    assert.deepEqual(seen, newestFirst);

    const count = async (query: string): Promise<number> => (await list(query)).items.length;
    assert.equal(await count("status=completed,failed"), 7);
    assert.equal(await count("status=failed&status=cancelled"), 0);
    assert.equal(await count("priority=high"), 4);
    assert.equal(await count("taskType=chat_agent"), 3);
    assert.equal(await count("correlationId=run-0"), 3);
    assert.equal(await count("priority=high&taskType=chat_agent"), 2);
    assert.equal(await count(`submittedAfter=${submitted[5]?.submittedAt ?? ""}`), 2);
    assert.equal(await count(`submittedBefore=${submitted[2]?.submittedAt ?? ""}`), 2);
  });

  it("serves the log as text, up to now or until the end", async () => {
    const { taskId } = await api.submit(workspaceId, { prompt: "hold" });
    await untilState(api, taskId, "running");
    const untilStep = async (): Promise<string> => {
      for (;;) {
        const { body } = await api.request("GET", `/api/tasks/${taskId}/logs?follow=false`, { token });
        if (body.includes("$")) return body;
      }
    };
    assert.equal(await untilStep(), "# attempt 1 on worker-0\n$ hold\n");
    const followed = api.request("GET", `/api/tasks/${taskId}/logs`, { token });
    await api.request("POST", `/api/tasks/${taskId}/cancel`);
    const { body, headers } = await followed;
    assert.equal(headers["content-type"], "text/plain; charset=utf-8");
    assert.match(body, /^# attempt 1 on worker-0\n\$ hold\n# cancellation requested\n# cancelled/);
  });

  it("counts what it acknowledged", async () => {
    const { body } = await api.request("GET", "/metrics");
    const line = new RegExp(
      `automatos_task_submitted_total\\{workspace="${workspaceId}",[^}]*priority="normal"\\} [1-9]`,
    );
    assert.match(body, line);
    assert.match(body, /automatos_task_queue_depth\{queue="queued",priority="low"\} \d/);
    assert.match(body, /automatos_worker_heartbeat_age\{worker="worker-0"\} [\d.]+/);
    assert.match(
      body,
      /automatos_http_request_duration_seconds_count\{method="POST",route="\/api\/tasks",status="202"\}/,
    );
  });
});
