import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, it } from "node:test";
import type { AuditEntry } from "../../../contracts/http-api.ts";
import { STEPS, expectJson, startApi, type TestApi } from "../../support/api.ts";
import { startPostgres, type TestPostgres } from "../../support/postgres.ts";

describe("the audit log", () => {
  let postgres: TestPostgres;
  let api: TestApi;
  let workspaceId: string;
  let token: string;

  before(async () => {
    postgres = await startPostgres();
    api = await startApi(postgres);
    ({ workspaceId } = await api.createWorkspace());
    token = await api.createToken(workspaceId, { name: "ci" });
  });

  after(async () => {
    await api.stop();
    await postgres.stop();
  });

  async function entries(query = "limit=500"): Promise<AuditEntry[]> {
    const response = await api.request("GET", `/api/admin/audit-log?${query}`);
    return expectJson<{ items: AuditEntry[] }>(response, 200).items;
  }

  it("has who, what, on what and how it went, before the answer is given", async () => {
    const accepted = await api.request("POST", "/api/tasks", { body: { prompt: "x", steps: STEPS }, token });
    const { taskId } = accepted.json<{ taskId: string }>();
    const foreign = randomUUID();
    const refused = await api.request("PUT", `/api/workspaces/${foreign}/plan`, { body: { plan: "pro" }, token });
    const [second, first] = await entries("limit=2");
    assert.deepEqual(first, {
      entryId: first?.entryId,
      at: first?.at,
      actor: `workspace:${workspaceId}:ci`,
      action: "task.submit",
      target: `/api/tasks/${taskId}`,
      workspaceId,
      outcome: "ok",
      suppressed: 0,
      requestId: accepted.headers["x-request-id"],
    });
    assert.deepEqual(second, {
      entryId: second?.entryId,
      at: second?.at,
      actor: `workspace:${workspaceId}:ci`,
      action: "workspace.plan.set",
      target: `/api/workspaces/${foreign}/plan`,
      workspaceId: foreign,
      outcome: "WORKSPACE_NOT_FOUND",
      suppressed: 0,
      requestId: refused.headers["x-request-id"],
    });
  });

  it("has a row for a call on every route that changes something, refused ones included", async () => {
    // What a running task calls is in the log by its events: tests/services/runtime/tool-audit.test.ts.
    const isPerson = ({ access }: { access: string }): boolean => access !== "running-task";
    const routes = api.app.routeTable.filter((route) => route.action !== undefined && isPerson(route));
    for (const { method, url, action } of routes) {
      const path = url.replaceAll(/:\w+/g, () => randomUUID()).replace("*", "x");
      const response = await api.request(method, path, { body: { colour: "red" } });
      // The one that takes no body is done; all others are refused.
      const refused = response.statusCode >= 400;
      assert.equal(refused, action !== "credential_keys.rotate", `${method} ${url}`);
      const [entry] = await entries("limit=1");
      assert.deepEqual([entry?.action, entry?.target, entry?.actor], [action, path, "admin:root"]);
      assert.equal(entry?.outcome, refused ? response.json<{ code: string }>().code : "ok");
    }
    assert.ok(routes.length >= 15);
  });

  it("has one row for refusals that a caller repeats, and counts them all", async () => {
    const eager = await api.createToken(workspaceId, { name: "eager" });
    const refusals = [
      { action: "task.submit", code: "VALIDATION_FAILED", send: () => post("/api/tasks", { colour: "red" }) },
      { action: "workspace.plan.set", code: "WORKSPACE_NOT_FOUND", send: () => setPlan(randomUUID()) },
      { action: "workspace.plan.set", code: "ADMIN_REQUIRED", send: () => setPlan(workspaceId) },
    ];
    const post = (url: string, body: object) => api.request("POST", url, { body, token: eager });
    const setPlan = (id: string) =>
      api.request("PUT", `/api/workspaces/${id}/plan`, { body: { plan: "pro" }, token: eager });
    const counted = async (action: string, code: string): Promise<number> => {
      const { body } = await api.request("GET", "/metrics");
      const line = `automatos_refused_mutations_total{action="${action}",code="${code}"} `;
      const [, count] = body.split(line);
      return Number.parseInt(count ?? "0", 10);
    };
    for (const { action, code, send } of refusals) {
      const before = await counted(action, code);
      const answers = await Promise.all(Array.from({ length: 30 }, send));
      assert.deepEqual(new Set(answers.map((answer) => answer.json<{ code: string }>().code)), new Set([code]));
      assert.equal((await counted(action, code)) - before, 30);
    }
    const rows = (await entries()).filter(({ actor }) => actor === `workspace:${workspaceId}:eager`);
    assert.deepEqual(
      rows.map(({ action, outcome, suppressed }) => [action, outcome, suppressed]),
      refusals.map(({ action, code }) => [action, code, 0]).toReversed(),
    );
  });

  it("has no row for reads and none for callers without a valid token, who could fill it", async () => {
    const before = (await entries()).length;
    await api.request("GET", "/api/tasks");
    await api.request("POST", "/api/tasks", { body: { prompt: "x" }, token: "guess" });
    await api.request("POST", "/api/tasks", { body: { prompt: "x" }, token: null });
    await api.request("POST", "/nowhere");
    assert.equal((await entries()).length, before);
  });

  it("can be read by workspace and by action, page by page", async () => {
    await api.submit(workspaceId);
    const ofWorkspace = await entries(`workspaceId=${workspaceId}&limit=500`);
    assert.ok(ofWorkspace.length >= 2 && ofWorkspace.every((entry) => entry.workspaceId === workspaceId));
    const submissions = await entries("action=task.submit&limit=500");
    assert.ok(submissions.length >= 2 && submissions.every((entry) => entry.action === "task.submit"));
    const all = await entries();
    const first = await api.request("GET", "/api/admin/audit-log?limit=2");
    const { nextCursor } = first.json<{ nextCursor: string }>();
    assert.deepEqual(await entries(`limit=2&cursor=${nextCursor}`), all.slice(2, 4));
  });

  it("cannot be changed, not even by the service's own role", async () => {
    for (const statement of ["UPDATE audit_log SET actor = 'x'", "DELETE FROM audit_log", "TRUNCATE audit_log"]) {
      await assert.rejects(api.pool.query(statement), /append-only/);
    }
  });

  it("keeps prompts and tokens out of itself and of the service's log", async () => {
    const secret = `secret-${randomUUID()}`;
    await api.request("POST", "/api/tasks", { body: { prompt: secret, steps: STEPS, workspaceId } });
    const made = await api.createToken(workspaceId);
    await api.request("GET", `/api/tasks?correlationId=${secret}`, { token: made });
    const everything = JSON.stringify([await entries(), api.log]);
    assert.ok(!everything.includes(secret) && !everything.includes(made) && !everything.includes(api.adminToken));
  });
});
