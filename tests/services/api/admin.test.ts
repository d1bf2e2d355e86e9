import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, it } from "node:test";
import type { DeadLetterRetries } from "../../../contracts/dead-letter-api.ts";
import type { Problem, QueueList, TaskList, WorkerHealth, WorkerList } from "../../../contracts/http-api.ts";
import type { TaskStatus } from "../../../contracts/task.ts";
import { STEPS, expectJson, startApi, type TestApi } from "../../support/api.ts";
import { startPostgres, type TestPostgres } from "../../support/postgres.ts";

describe("what operators ask", () => {
  let postgres: TestPostgres;
  let api: TestApi;
  let workspaceId: string;

  before(async () => {
    postgres = await startPostgres();
    api = await startApi(postgres);
    ({ workspaceId } = await api.createWorkspace());
  });

  after(async () => {
    await api.stop();
    await postgres.stop();
  });

  const get = async <Body>(url: string): Promise<Body> => expectJson<Body>(await api.request("GET", url), 200);

  async function addWorker(id: string, healthUrl: string | null, ageSeconds: number): Promise<void> {
    await api.pool.query(
      `INSERT INTO workers (id, hostname, pid, health_url, concurrency, priorities, active_tasks, lease_seconds, heartbeat_at)
       VALUES ($1, 'host', 7, $2, 3, '{critical,low}', 2, 10, now() - $3 * interval '1 second')`,
      [id, healthUrl, ageSeconds],
    );
  }

  it("shows every worker, whether it is alive, and what its health port answers", async () => {
    let status = 200;
    const server: Server = createServer((request, response) => {
      response.writeHead(request.url === "/readyz" ? status : 404).end("{}");
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await addWorker("answers", url, 1);
    await addWorker("silent", null, 60);

    const { items } = await get<WorkerList>("/api/admin/workers");
    assert.deepEqual(
      items.map(({ workerId, alive, activeTasks }) => [workerId, alive, activeTasks]),
      [
        ["answers", true, 2],
        ["silent", false, 2],
      ],
    );
    const readiness = async (id: string): Promise<string> =>
      (await get<WorkerHealth>(`/api/admin/workers/${id}/health`)).readiness;
    assert.equal(await readiness("answers"), "ready");
    status = 503;
    assert.equal(await readiness("answers"), "not_ready");
    server.closeAllConnections();
    server.close();
    await once(server, "close");
    assert.equal(await readiness("answers"), "unreachable");
    assert.equal(await readiness("silent"), "unknown");
  });

  it("counts what waits, by priority", async () => {
    await api.submit(workspaceId, { priority: "critical" });
    for (let index = 0; index < 3; index++) await api.submit(workspaceId, { priority: "low" });
    const { items, deadLetters } = await get<QueueList>("/api/admin/queues");
    assert.deepEqual(
      items.map(({ queue, waiting }) => [queue, waiting]),
      [
        ["tasks-critical", 1],
        ["tasks-high", 0],
        ["tasks-normal", 0],
        ["tasks-low", 3],
      ],
    );
    assert.equal(deadLetters, 0);
  });

  it("lists dead letters, and takes one off the list when it is tried again or dropped", async () => {
    const dead: string[] = [];
    for (let index = 0; index < 3; index++) {
      const { taskId } = await api.submit(workspaceId);
      await api.request("POST", `/api/tasks/${taskId}/cancel`);
      await api.pool.query("UPDATE task_executions SET dead_lettered_at = now() WHERE id = $1", [taskId]);
      dead.push(taskId);
    }
    const page = await get<TaskList>("/api/admin/dead-letters?limit=2");
    assert.deepEqual(
      page.items.map(({ taskId }) => taskId),
      [dead[2], dead[1]],
    );
    const rest = await get<TaskList>(`/api/admin/dead-letters?cursor=${page.nextCursor ?? ""}`);
    assert.deepEqual(
      rest.items.map(({ taskId }) => taskId),
      [dead[0]],
    );

    const newTaskId = randomUUID();
    const retried = await api.request("POST", `/api/admin/dead-letters/${dead[0] ?? ""}/retry`, {
      body: { newTaskId },
    });
    assert.equal(expectJson<TaskStatus>(retried, 202).retryOf, dead[0]);
    assert.equal((await api.request("DELETE", `/api/admin/dead-letters/${dead[1] ?? ""}`)).statusCode, 204);
    const again = await api.request("DELETE", `/api/admin/dead-letters/${dead[1] ?? ""}`);
    assert.equal(expectJson<Problem>(again, 404).code, "TASK_NOT_FOUND");
    const left = await get<TaskList>("/api/admin/dead-letters");
    assert.deepEqual(
      left.items.map(({ taskId }) => taskId),
      [dead[2]],
    );
    assert.equal((await get<TaskStatus>(`/api/tasks/${dead[1] ?? ""}`)).status, "cancelled");
  });

  it("tries all dead letters again that a filter selects, or drops them", async () => {
    const own = await api.createWorkspace();
    const die = async (workspace: string, code: string): Promise<string> => {
      const { taskId } = await api.submit(workspace);
      await api.pool.query(`UPDATE task_executions SET status = 'running', started_at = now() WHERE id = $1`, [taskId]);
      await api.pool.query(
        `UPDATE task_executions SET status = 'failed', error_code = $2, error_message = 'x', error_remedy = 'X.',
           dead_lettered_at = now() WHERE id = $1`,
        [taskId, code],
      );
      return taskId;
    };
    const lost = [await die(own.workspaceId, "WORKER_LOST"), await die(own.workspaceId, "WORKER_LOST")];
    const other = await die(own.workspaceId, "OTHER");
    const foreign = await die(workspaceId, "WORKER_LOST");
    const post = async <Answer>(verb: string, status: number, body: unknown) =>
      expectJson<Answer>(await api.request("POST", `/api/admin/dead-letters/${verb}`, { body }), status);
    const selection = { workspaceId: own.workspaceId, errorCode: "WORKER_LOST" };
    const listed = async (workspace: string) =>
      (await get<TaskList>(`/api/admin/dead-letters?workspaceId=${workspace}`)).items.map(({ taskId }) => taskId);

    // As if its letter had not been taken off the list before the process was killed.
    const first = await post<DeadLetterRetries>("retry", 202, selection);
    assert.deepEqual(
      first.items.map(({ taskId, error }) => [taskId, error]),
      lost.map((taskId) => [taskId, null]),
    );
    assert.equal(first.remaining, 0);
    await api.pool.query("UPDATE task_executions SET dead_lettered_at = now() WHERE id = $1", [lost[0]]);
    const again = await post<DeadLetterRetries>("retry", 202, selection);
    assert.deepEqual(again.items, first.items.slice(0, 1));
    assert.deepEqual(await listed(own.workspaceId), [other]);

    const past = { workspaceId: own.workspaceId, failedBefore: "2020-01-01T00:00:00Z" };
    assert.deepEqual(await post("drop", 200, past), { dropped: 0 });
    assert.deepEqual(await post("drop", 200, { workspaceId: own.workspaceId }), { dropped: 1 });
    assert.deepEqual(await listed(own.workspaceId), []);
    assert.ok((await listed(workspaceId)).includes(foreign));
  });

  it("answers no success that the audit log could not take", async () => {
    await api.pool.query("ALTER TABLE audit_log RENAME TO hidden");
    try {
      const response = await api.request("POST", "/api/tasks", { body: { workspaceId, steps: STEPS } });
      assert.equal(expectJson<Problem>(response, 500).code, "INTERNAL_ERROR");
    } finally {
      await api.pool.query("ALTER TABLE hidden RENAME TO audit_log");
    }
  });
});
