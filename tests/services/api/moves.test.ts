import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, beforeEach, describe, it } from "node:test";
import type { Problem } from "../../../contracts/http-api.ts";
import type { MoveState } from "../../../contracts/workspace-move.ts";
import { MoveStore } from "../../../services/workspace/move/move-store.ts";
import { expectJson, startApi, type TestApi } from "../../support/api.ts";
import { startPostgres, type TestPostgres } from "../../support/postgres.ts";

/** Tables of workspaces' rows that stay where they are, and why. */
const STAY: Readonly<Record<string, string>> = {
  workspaces: "comes as the arrival's `workspace`",
  api_tokens: "a token is for one API",
  audit_log: "the log where it happened has it",
  credentials: "never leave the installation",
  credential_versions: "as the credentials",
  admission_turns: "whose turn it is here",
  workspace_documents: "an index, made anew",
  terminal_tickets: "last for seconds",
  workspace_backups: "lie in this installation's store, under its keys",
  workspace_backup_plans: "as the backups",
  task_checkpoints: "of tasks that have not ended",
  discarded_moves: "of this installation's moves",
  leases: "of tasks that have not ended",
};

describe("the steps of a workspace's move", () => {
  let postgres: TestPostgres;
  let api: TestApi;
  let workspaceId: string;
  let moveId: string;
  const peer = "http://127.0.0.1:1";

  before(async () => {
    postgres = await startPostgres();
    api = await startApi(postgres);
  });

  after(async () => {
    await api.stop();
    await postgres.stop();
  });

  beforeEach(async () => {
    workspaceId = (await api.createWorkspace()).workspaceId;
    moveId = randomUUID();
  });

  const at = (step: string): string => `/api/workspaces/${workspaceId}/move/${step}`;
  const post = (step: string, body: object = { moveId }) => api.request("POST", at(step), { body });
  const refusal = async (answer: ReturnType<typeof post>, status: number): Promise<Problem> =>
    expectJson<Problem>(await answer, status);
  const state = async (): Promise<MoveState> =>
    expectJson<MoveState>(await api.request("GET", `/api/workspaces/${workspaceId}/move`), 200);

  async function arrival(): Promise<object> {
    const { schema } = await state();
    const workspace = { name: "shop", plan: "pro", egressRules: [], toolPolicy: {}, createdAt: "2026-01-01T00:00:00Z" };
    return { moveId, from: peer, schema, workspace };
  }

  /** A workspace that was here once, and comes back. */
  async function arriving(): Promise<void> {
    const first = randomUUID();
    await post("leave", { moveId: first, to: peer });
    await post("settle", { moveId: first });
    await post("finish", { moveId: first });
    expectJson(await post("arrive", await arrival()), 200);
  }

  const putRecord = (lines: readonly string[]) =>
    api.app.inject({
      ...{ method: "PUT", url: `${at("record")}?moveId=${moveId}` },
      headers: { authorization: `Bearer ${api.adminToken}`, "content-type": "application/octet-stream" },
      payload: lines.map((line) => `${line}\n`).join(""),
    });

  it("has a line, or a reason, for every table that holds rows of workspaces", async () => {
    const { rows } = await api.pool.query<{ name: string }>(
      `WITH RECURSIVE owned (id) AS (
         SELECT 'workspaces'::regclass::oid
         UNION SELECT conrelid FROM pg_constraint JOIN owned ON confrelid = owned.id WHERE contype = 'f'
       ) SELECT relname AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND (
         oid IN (SELECT id FROM owned) OR EXISTS (SELECT FROM pg_attribute
           WHERE attrelid = pg_class.oid AND attname IN ('workspace_id', 'task_id') AND NOT attisdropped))`,
    );
    const carried = await api.pool.query<{ name: string }>("SELECT name FROM workspace_tables");
    const known = new Set([...Object.keys(STAY), ...carried.rows.map(({ name }) => name)]);
    assert.deepEqual(
      rows.map(({ name }) => name).filter((name) => !known.has(name)),
      [],
    );
  });

  it("are taken in their order, each as often as wanted", async () => {
    assert.equal((await state()).state, "open");
    assert.match((await refusal(post("settle"), 409)).detail, /cannot settle: it is open/);
    for (let time = 0; time < 2; time++) {
      expectJson(await post("leave", { moveId, to: peer }), 200);
      assert.equal((await state()).state, "leaving");
    }
    assert.equal((await refusal(post("leave", { moveId: randomUUID(), to: peer }), 409)).code, "MOVE_REFUSED");
    assert.equal((await refusal(post("open"), 409)).code, "MOVE_REFUSED");
    for (let time = 0; time < 2; time++) expectJson(await post("settle"), 200);
    assert.equal((await state()).state, "moved");
    for (let time = 0; time < 2; time++) expectJson(await post("reopen"), 200);
    assert.equal((await state()).state, "open");
  });

  it("keep a workspace closed that is not open, but for its reader and who revokes a token", async () => {
    const token = await api.createToken(workspaceId);
    expectJson(await post("leave", { moveId, to: peer }), 200);
    const change = api.request("PUT", `/api/workspaces/${workspaceId}/egress`, { body: { rules: [] } });
    assert.equal((await refusal(change, 409)).code, "WORKSPACE_MOVING");
    const steps = [{ tool: "execute_command", input: { argv: ["true"] } }];
    const submit = await api.request("POST", "/api/tasks", { body: { workspaceId, steps }, token });
    assert.equal(expectJson<Problem>(submit, 409).code, "WORKSPACE_MOVING");
    expectJson(await api.request("GET", `/api/workspaces/${workspaceId}`, { token }), 200);
    const { items } = expectJson<{ items: { tokenId: string }[] }>(
      await api.request("GET", `/api/workspaces/${workspaceId}/tokens`),
      200,
    );
    const revoked = await api.request("DELETE", `/api/workspaces/${workspaceId}/tokens/${items[0]?.tokenId}`);
    assert.equal(revoked.statusCode, 200);
  });

  it("do not settle while tasks wait", async () => {
    await api.submit(workspaceId);
    expectJson(await post("leave", { moveId, to: peer }), 200);
    const problem = await refusal(post("settle"), 409);
    assert.equal(problem.code, "WORKSPACE_BUSY");
    assert.match(problem.detail, /has 0 running and 1 waiting tasks/);
    assert.equal((await refusal(api.request("GET", at("record")), 409)).code, "WORKSPACE_BUSY");
  });

  it("bring nothing from an installation of another version, and nothing over an open workspace", async () => {
    const problem = await refusal(post("arrive", { ...(await arrival()), schema: "0001_workspaces.sql" }), 409);
    assert.equal(problem.code, "MOVE_SCHEMA_MISMATCH");
    assert.equal((await refusal(post("arrive", await arrival()), 409)).code, "MOVE_REFUSED");
  });

  it("take a record only whole, and open only then", async () => {
    await arriving();
    const row = JSON.stringify({ table: "schedules", row: scheduleOf(workspaceId) });
    const bad: Readonly<Record<string, readonly string[]>> = {
      "was cut short": [row],
      "is not JSON": [row, '{"table":'],
      "neither a row nor its end": ['{"table":"schedules"}'],
      "has 1 rows, and its end says 2": [row, '{"end":{"rows":2}}'],
      "goes on behind its end": ['{"end":{"rows":0}}', row],
      "rows of schedules belong to another workspace": [
        JSON.stringify({ table: "schedules", row: scheduleOf(randomUUID()) }),
        '{"end":{"rows":1}}',
      ],
      "query returned no rows": ['{"table":"api_tokens","row":{}}', '{"end":{"rows":1}}'],
      "violates not-null": [
        '{"table":"schedules","row":{"workspace_id":"WS"}}'.replace("WS", workspaceId),
        '{"end":{"rows":1}}',
      ],
    };
    for (const [message, lines] of Object.entries(bad)) {
      const problem = expectJson<Problem>(await putRecord(lines), 422);
      assert.equal(problem.code, "MOVE_RECORD_REFUSED");
      assert.ok(problem.detail.includes(message), `${message}: ${problem.detail}`);
      assert.equal((await refusal(post("open"), 409)).code, "MOVE_REFUSED");
      expectJson(await post("arrive", await arrival()), 200); // begins anew
    }
    assert.equal(expectJson<{ rows: number }>(await putRecord([row, '{"end":{"rows":1}}']), 200).rows, 1);
    expectJson(await post("open"), 200);
    assert.equal((await state()).state, "open");
  });

  it("take no task that has not ended", async () => {
    const { taskId } = await api.submit(workspaceId);
    const { rows } = await api.pool.query<{ row: string }>(
      "SELECT to_jsonb(t)::text AS row FROM task_executions t WHERE id = $1",
      [taskId],
    );
    await api.request("POST", `/api/tasks/${taskId}/cancel`);
    await arriving();
    const problem = expectJson<Problem>(
      await putRecord([`{"table":"task_executions","row":${rows[0]?.row}}`, '{"end":{"rows":1}}']),
      422,
    );
    assert.match(problem.detail, /has not ended is not carried/);
  });

  it("forget what has arrived, and leave a workspace that had been here as moved", async () => {
    await arriving();
    assert.equal((await refusal(post("discard"), 503)).code, "NO_WORKER", "its files go first");
    const moves = new MoveStore({ pool: api.pool });
    for (let time = 0; time < 2; time++) assert.equal(await moves.discard(workspaceId, moveId), true);
    assert.equal((await state()).state, "moved");
    assert.equal((await refusal(post("arrive", await arrival()), 409)).code, "MOVE_REFUSED");
    const { had } = expectJson<{ had: boolean }>(await post("discard", { moveId: randomUUID() }), 200);
    assert.equal(had, false);
  });

  it("let nothing come by a move that was given up before it came", async () => {
    const body = await arrival();
    workspaceId = randomUUID();
    for (let time = 0; time < 2; time++) {
      assert.equal(expectJson<{ had: boolean }>(await post("discard"), 200).had, false);
    }
    assert.equal((await post("arrive", body)).statusCode, 404);
  });

  it("never open a workspace again that is known to be open elsewhere", async () => {
    expectJson(await post("leave", { moveId, to: peer }), 200);
    assert.equal((await refusal(post("leave", { moveId, to: `${peer}/another` }), 409)).code, "MOVE_REFUSED");
    expectJson(await post("settle"), 200);
    expectJson(await post("finish"), 200);
    assert.equal((await state()).done, true);
    for (const step of ["reopen", "leave"]) {
      const body = step === "leave" ? { moveId, to: peer } : { moveId };
      assert.equal((await refusal(post(step, body), 409)).code, "MOVE_REFUSED");
    }
    assert.equal((await state()).state, "moved");
  });

  it("take no row that names another workspace's task", async () => {
    const victim = await api.submit((await api.createWorkspace()).workspaceId);
    await arriving();
    const executionId = randomUUID();
    const lines = [
      { table: "workflow_executions", row: executionOf(workspaceId, executionId, "completed") },
      { table: "workflow_steps", row: stepOf(executionId, victim.taskId) },
      { end: { rows: 2 } },
    ];
    const problem = expectJson<Problem>(await putRecord(lines.map((line) => JSON.stringify(line))), 422);
    assert.match(problem.detail, /1 rows of workflow_steps name tasks of another workspace/);
    expectJson(await post("arrive", await arrival()), 200);
    const running = { table: "workflow_executions", row: executionOf(workspaceId, randomUUID(), "running") };
    const refused = expectJson<Problem>(await putRecord([JSON.stringify(running), '{"end":{"rows":1}}']), 422);
    assert.match(refused.detail, /has not ended is not carried/);
  });

  it("take what looks like an end of line to others", async () => {
    await arriving();
    const row = { ...scheduleOf(workspaceId), name: "one\u2028two\u2029three\u0085" };
    const lines = [JSON.stringify({ table: "schedules", row }), '{"end":{"rows":1}}'];
    assert.equal(expectJson<{ rows: number }>(await putRecord(lines), 200).rows, 1);
  });

  it("keep what its owner has set as it is, whoever passes by the routes", async () => {
    const { rows } = await api.pool.query(
      "INSERT INTO schedules SELECT * FROM jsonb_populate_record(NULL::schedules, $1)",
      [JSON.stringify(scheduleOf(workspaceId))],
    );
    assert.deepEqual(rows, []);
    expectJson(await post("leave", { moveId, to: peer }), 200);
    for (const statement of [
      "UPDATE schedules SET name = 'another' WHERE workspace_id = $1",
      "DELETE FROM schedules WHERE workspace_id = $1",
      "INSERT INTO workflows (workspace_id, id, version) VALUES ($1, 'late', 1)",
      "UPDATE workspaces SET plan = 'starter' WHERE id = $1",
    ]) {
      await assert.rejects(api.pool.query(statement, [workspaceId]), /is leaving/, statement);
    }
  });
});

const executionOf = (workspaceId: string, id: string, status: string) => ({
  ...{ id, workspace_id: workspaceId, workflow_id: "sample", recipe: { steps: [] }, input: {}, fingerprint: "\\x00" },
  ...{ correlation_id: id, status, deadline_at: "2030-01-01T00:00:00Z", event_count: 0 },
  ...{ created_at: "2026-01-01T00:00:00Z", completed_at: status === "running" ? null : "2026-01-01T00:00:00Z" },
});
const stepOf = (executionId: string, taskId: string) => ({
  ...{
    execution_id: executionId,
    step_id: "one",
    position: 0,
    status: "completed",
    task_id: taskId,
    kept: false,
    placed: 0,
  },
});
const scheduleOf = (workspaceId: string) => ({
  ...{ id: randomUUID(), workspace_id: workspaceId, name: "nightly", cron: "0 3 * * *", time_zone: "UTC" },
  ...{ task: {}, overlap: "skip", catch_up_seconds: 60, next_run_at: null },
  ...{ created_at: "2026-01-01T00:00:00Z", updated_at: "2026-01-01T00:00:00Z" },
});
