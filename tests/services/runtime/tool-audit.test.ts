import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { TOOLS } from "../../../contracts/tools.ts";
import { PostgresAuditLog } from "../../../services/api/audit-log.ts";
import { migratedDatabase } from "../../support/database.ts";
import { startPostgres, type TestPostgres } from "../../support/postgres.ts";
import {
  aTask,
  aWorkspace,
  completed,
  openQueuedProcess,
  untilStopped,
  type QueuedProcess,
} from "../../support/runner.ts";

const finished = (index: number, tool: string, code?: string) => ({
  type: "step_finished" as const,
  step: {
    index,
    tool,
    ok: code === undefined,
    exitCode: null,
    output: null,
    error: code === undefined ? null : { code, message: "m", remedy: "r" },
    durationMs: 1,
  },
});
const started = (index: number, tool: string, summary: string) => ({
  type: "step_started" as const,
  index,
  tool,
  summary,
});

describe("the audit log of tool calls", () => {
  let postgres: TestPostgres;
  let own: QueuedProcess;
  let api: QueuedProcess;
  let workspaceId: string;

  before(async () => {
    postgres = await startPostgres();
    const database = await migratedDatabase(postgres);
    own = await openQueuedProcess(database.workerUrl);
    api = await openQueuedProcess(database.apiUrl);
    workspaceId = await aWorkspace(api);
  });
  after(async () => {
    await own.close();
    await api.close();
    await postgres.stop();
  });

  const rows = async () => {
    const log = new PostgresAuditLog({ database: api.pool });
    const { items } = await log.list({ limit: 100, workspaceId });
    return items.reverse().map(({ actor, action, target, outcome }) => ({ actor, action, target, outcome }));
  };

  it("has who called what on what and how it ended, in the events' own transaction", async () => {
    const task = aTask(workspaceId, { agentId: "builder" });
    const working = await own.work(async ({ emit }) => {
      emit(started(0, "list_directory", "repos"));
      emit(finished(0, "list_directory"));
      emit(started(1, "write_file", "repos/shop/index.js"));
      emit(finished(1, "write_file"));
      emit(started(2, "execute_command", "npm test"));
      emit(finished(2, "execute_command", "STEP_FAILED"));
      return completed;
    });
    await api.runner.submit(task);
    await api.runner.result(task.taskId, { waitMs: 20_000 });
    await working.close();
    const actor = `task:${task.taskId}:builder`;
    assert.deepEqual(await rows(), [
      { actor, action: "tool.write_file", target: "repos/shop/index.js", outcome: "ok" },
      { actor, action: "tool.execute_command", target: "npm test", outcome: "STEP_FAILED" },
    ]);
  });

  it("says of a call that it was started before it is made, and keeps that when nothing follows", async () => {
    const task = aTask(workspaceId, { maxRetries: 0 });
    const seen = Promise.withResolvers<unknown>();
    const working = await own.work(async (execution) => {
      execution.emit(started(0, "execute_command", "make deploy"));
      await execution.recorded();
      seen.resolve((await rows()).at(-1));
      await untilStopped(execution);
      throw new Error("the worker is lost");
    });
    await api.runner.submit(task);
    const row = { actor: `task:${task.taskId}:default`, action: "tool.execute_command", target: "make deploy" };
    assert.deepEqual(await seen.promise, { ...row, outcome: "started" });
    await api.runner.cancel(task.taskId);
    await api.runner.result(task.taskId, { waitMs: 20_000 });
    assert.deepEqual((await rows()).at(-1), { ...row, outcome: "started" });
    await working.close();
  });

  it("leaves out the tools of level safe and no other", async () => {
    const { rows: names } = await postgresRows("SELECT name FROM unaudited_tools ORDER BY name");
    const safe = Object.entries(TOOLS).flatMap(([name, { level }]) => (level === "safe" ? [name] : []));
    assert.deepEqual(names.map(({ name }) => name).sort(), safe.sort());
  });

  async function postgresRows(statement: string): Promise<{ rows: { name: string }[] }> {
    const { default: pg } = await import("pg");
    const { url } = await migratedDatabase(postgres);
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      return await client.query<{ name: string }>(statement);
    } finally {
      await client.end();
    }
  }
});
