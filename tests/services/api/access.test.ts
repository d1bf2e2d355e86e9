import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import type { ApiToken, Problem } from "../../../contracts/http-api.ts";
import type { RouteEntry } from "../../../services/api/access.ts";
import { STEPS, expectJson, startApi, type TestApi } from "../../support/api.ts";
import { startPostgres, type TestPostgres } from "../../support/postgres.ts";

/** A tenant with one object of every kind that a route can name. */
interface Tenant {
  readonly workspaceId: string;
  readonly token: string;
  /** A task that has been cancelled: may be read, and tried again. */
  readonly taskId: string;
  readonly tokenId: string;
}

/** How each route is called so that its owner succeeds. A route that is missing here fails the test below. */
interface Sample {
  /** The status for whoever may call it. */
  readonly status: number;
  readonly body?: (tenant: Tenant) => unknown;
  readonly query?: (tenant: Tenant) => string;
  /** Of a route with access `caller`: what another tenant is answered who names this tenant. @default 404 */
  readonly foreignStatus?: number;
}

const RECIPE = { steps: [{ id: "list", task: { steps: STEPS } }] };
const SCHEDULE = { name: "sample", cron: "0 6 * * *", task: { steps: STEPS } };

const SAMPLES: Readonly<Record<string, Sample>> = {
  "GET /healthz": { status: 200 },
  "GET /readyz": { status: 200 },
  "GET /metrics": { status: 200 },
  "GET /openapi.json": { status: 200 },
  "GET /api/version": { status: 200 },
  "GET /api/whoami": { status: 200, foreignStatus: 200 },
  "POST /api/tasks": { status: 202, body: ({ workspaceId }) => ({ workspaceId, steps: STEPS }) },
  "GET /api/tasks": { status: 200, query: ({ workspaceId }) => `?workspaceId=${workspaceId}` },
  "GET /api/tasks/:taskId": { status: 200 },
  "POST /api/tasks/:taskId/cancel": { status: 200 },
  "GET /api/tasks/:taskId/result": { status: 200 },
  "POST /api/tasks/:taskId/retry": { status: 202 },
  "GET /api/tasks/:taskId/events": { status: 200 },
  "GET /api/tasks/:taskId/logs": { status: 200 },
  // The task's own token alone opens these: tests/services/api/task-tools.test.ts.
  "GET /api/tasks/:taskId/tools": { status: 401 },
  "POST /api/tasks/:taskId/tools/:tool": { status: 401, body: () => ({ input: {} }) },
  "GET /api/approvals": { status: 200, query: ({ workspaceId }) => `?workspaceId=${workspaceId}` },
  "GET /api/tasks/:taskId/approvals": { status: 200 },
  "POST /api/tasks/:taskId/approvals/:callId": { status: 200, body: () => ({ decision: "approved" }) },
  "GET /api/workflows": { status: 200, query: ({ workspaceId }) => `?workspaceId=${workspaceId}` },
  "PUT /api/workflows/:workflowId": {
    status: 200,
    query: ({ workspaceId }) => `?workspaceId=${workspaceId}`,
    body: () => RECIPE,
  },
  "GET /api/workflows/:workflowId": { status: 200, query: ({ workspaceId }) => `?workspaceId=${workspaceId}` },
  "DELETE /api/workflows/:workflowId": { status: 204, query: ({ workspaceId }) => `?workspaceId=${workspaceId}` },
  "POST /api/workflows/:workflowId/execute": {
    status: 202,
    body: ({ workspaceId }) => ({ workspaceId, recipe: RECIPE }),
  },
  "GET /api/workflow-executions": { status: 200, query: ({ workspaceId }) => `?workspaceId=${workspaceId}` },
  "GET /api/workflow-executions/:executionId": { status: 200 },
  "POST /api/workflow-executions/:executionId/cancel": { status: 200 },
  "POST /api/workflow-executions/:executionId/retry": { status: 202 },
  "GET /api/workflow-executions/:executionId/events": { status: 200 },
  "POST /api/workspaces": { status: 201, body: () => ({ name: "another" }) },
  "GET /api/workspaces": { status: 200, foreignStatus: 200 },
  "GET /api/workspaces/:workspaceId": { status: 200 },
  "GET /api/workspaces/:workspaceId/plan": { status: 200 },
  "PUT /api/workspaces/:workspaceId/plan": { status: 200, body: () => ({ plan: "pro" }) },
  "GET /api/workspaces/:workspaceId/usage": { status: 200 },
  "POST /api/workspaces/:workspaceId/tools/:tool": { status: 200, body: () => ({ input: {} }) },
  // No worker runs here: tests/services/worker/tool-server/.
  "POST /api/workspaces/:workspaceId/exec": { status: 503, body: () => ({ argv: ["true"] }) },
  "POST /api/workspaces/:workspaceId/git": { status: 503, body: () => ({ args: ["status"] }) },
  "GET /api/workspaces/:workspaceId/files": { status: 503 },
  "GET /api/workspaces/:workspaceId/files/*": { status: 503 },
  "PUT /api/workspaces/:workspaceId/files/*": { status: 503 },
  "DELETE /api/workspaces/:workspaceId/files/*": { status: 503 },
  "POST /api/workspaces/:workspaceId/terminal": { status: 201 },
  "GET /api/workspaces/:workspaceId/terminal": { status: 426 },
  "GET /api/workspaces/:workspaceId/llm-usage": { status: 200 },
  "GET /api/workspaces/:workspaceId/tools": { status: 200 },
  "PUT /api/workspaces/:workspaceId/tools": { status: 200, body: () => ({ tools: { search_images: "deny" } }) },
  "GET /api/workspaces/:workspaceId/egress": { status: 200 },
  "PUT /api/workspaces/:workspaceId/egress": { status: 200, body: () => ({ rules: ["example.com"] }) },
  "PATCH /api/workspaces/:workspaceId/egress": { status: 200, body: () => ({ add: ["example.org"] }) },
  "GET /api/workspaces/:workspaceId/schedules": { status: 200 },
  "POST /api/workspaces/:workspaceId/schedules": { status: 201, body: () => ({ ...SCHEDULE, name: randomUUID() }) },
  "GET /api/workspaces/:workspaceId/schedules/:scheduleId": { status: 200 },
  "PUT /api/workspaces/:workspaceId/schedules/:scheduleId": { status: 200, body: () => SCHEDULE },
  "DELETE /api/workspaces/:workspaceId/schedules/:scheduleId": { status: 204 },
  "POST /api/workspaces/:workspaceId/schedules/:scheduleId/pause": { status: 200 },
  "POST /api/workspaces/:workspaceId/schedules/:scheduleId/resume": { status: 200 },
  "POST /api/workspaces/:workspaceId/schedules/:scheduleId/run": { status: 202 },
  "GET /api/workspaces/:workspaceId/schedules/:scheduleId/runs": { status: 200 },
  // None is configured here: tests/e2e/backup.test.ts.
  "GET /api/workspaces/:workspaceId/backups": { status: 200 },
  "GET /api/workspaces/:workspaceId/backups/:runId": { status: 404 },
  "POST /api/workspaces/:workspaceId/backups": { status: 501, body: () => ({}) },
  "POST /api/workspaces/:workspaceId/restores": { status: 501, body: () => ({}) },
  "POST /api/workspaces/:workspaceId/backup-checks": { status: 501, body: () => ({}) },
  "GET /api/workspaces/:workspaceId/backup-settings": { status: 200 },
  "PUT /api/workspaces/:workspaceId/backup-settings": { status: 200, body: () => ({ scheduled: false }) },
  // What they do: tests/services/api/moves.test.ts.
  "GET /api/workspaces/:workspaceId/move": { status: 200 },
  "GET /api/workspaces/:workspaceId/move/sums": { status: 200 },
  "GET /api/workspaces/:workspaceId/move/record": { status: 409 },
  "GET /api/workspaces/:workspaceId/move/files": { status: 409 },
  "GET /api/workspaces/:workspaceId/move/manifest": { status: 503 },
  "PUT /api/workspaces/:workspaceId/move/record": { status: 409, query: () => `?moveId=${randomUUID()}` },
  "PUT /api/workspaces/:workspaceId/move/files": { status: 409, query: () => `?moveId=${randomUUID()}` },
  "POST /api/workspaces/:workspaceId/move/leave": {
    status: 200,
    body: () => ({ moveId: randomUUID(), to: "http://127.0.0.1:1" }),
  },
  "POST /api/workspaces/:workspaceId/move/arrive": { status: 409, body: () => ARRIVAL },
  "POST /api/workspaces/:workspaceId/move/settle": { status: 409, body: () => ({ moveId: randomUUID() }) },
  "POST /api/workspaces/:workspaceId/move/open": { status: 409, body: () => ({ moveId: randomUUID() }) },
  "POST /api/workspaces/:workspaceId/move/reopen": { status: 409, body: () => ({ moveId: randomUUID() }) },
  "POST /api/workspaces/:workspaceId/move/finish": { status: 409, body: () => ({ moveId: randomUUID() }) },
  "POST /api/workspaces/:workspaceId/move/discard": { status: 200, body: () => ({ moveId: randomUUID() }) },
  "GET /api/workspaces/:workspaceId/repos": { status: 200 },
  "DELETE /api/workspaces/:workspaceId/repos/:name": { status: 204 },
  "GET /api/workspaces/:workspaceId/artifacts": { status: 200 },
  "GET /api/workspaces/:workspaceId/artifacts/*": { status: 200 },
  "DELETE /api/workspaces/:workspaceId/artifacts/*": { status: 204 },
  "POST /api/workspaces/:workspaceId/tokens": { status: 201, body: () => ({ name: "ci" }) },
  "GET /api/workspaces/:workspaceId/tokens": { status: 200 },
  "DELETE /api/workspaces/:workspaceId/tokens/:tokenId": { status: 200 },
  "PUT /api/workspaces/:workspaceId/credentials/:name": { status: 200, body: () => CREDENTIAL },
  "GET /api/workspaces/:workspaceId/credentials": { status: 200 },
  "DELETE /api/workspaces/:workspaceId/credentials/:name": { status: 204 },
  "GET /api/admin/credential-keys": { status: 200 },
  "POST /api/admin/credential-keys/rotate": { status: 200 },
  "POST /api/admin/tokens": { status: 201, body: () => ({ name: "second operator" }) },
  "GET /api/admin/tokens": { status: 200 },
  "DELETE /api/admin/tokens/:tokenId": { status: 200 },
  "GET /api/admin/workers": { status: 200 },
  "GET /api/admin/workers/:workerId/health": { status: 200 },
  "GET /api/admin/queues": { status: 200 },
  "GET /api/admin/workspaces/:workspaceId/usage": { status: 200 },
  "GET /api/admin/dead-letters": { status: 200 },
  "POST /api/admin/dead-letters/retry": { status: 202, body: ({ workspaceId }) => ({ workspaceId }) },
  "POST /api/admin/dead-letters/drop": { status: 200, body: ({ workspaceId }) => ({ workspaceId }) },
  "POST /api/admin/dead-letters/:taskId/retry": { status: 202 },
  "DELETE /api/admin/dead-letters/:taskId": { status: 204 },
  "GET /api/admin/audit-log": { status: 200 },
};

const ARRIVAL = {
  ...{ moveId: randomUUID(), from: "http://127.0.0.1:1", schema: "another" },
  workspace: { name: "shop", plan: "pro", egressRules: [], toolPolicy: {}, createdAt: "2026-01-01T00:00:00Z" },
};
const CREDENTIAL = { kind: "env", variable: "SHOP_TOKEN", value: "a value of the shop" };

const nameOf = ({ method, url }: RouteEntry): string => `${method} ${url}`;

describe("who may call what", () => {
  let postgres: TestPostgres;
  let api: TestApi;
  let routes: readonly RouteEntry[];
  let alice: Tenant;
  let mallory: Tenant;

  before(async () => {
    postgres = await startPostgres();
    api = await startApi(postgres);
    await api.app.ready();
    routes = api.app.routeTable;
    alice = await makeTenant();
    mallory = await makeTenant();
    await api.pool.query(
      "INSERT INTO workers (id, hostname, pid, concurrency, priorities, lease_seconds) VALUES ('w', 'h', 1, 1, '{}', 1)",
    );
  });

  after(async () => {
    await api.stop();
    await postgres.stop();
  });

  async function makeTenant(): Promise<Tenant> {
    const { workspaceId } = await api.createWorkspace();
    const token = await api.createToken(workspaceId, { mayApprove: true });
    const { taskId } = await api.submit(workspaceId);
    await api.pool.query(
      `INSERT INTO task_approvals (task_id, call_id, tool, level, input, summary, lease_token, expires_at, decision,
         decided_by, decided_at)
       VALUES ($1, 'step-0', 'read_file', 'cautious', '{}', '', $1, now(), 'approved', 'admin:root', now())`,
      [taskId],
    );
    await api.request("POST", `/api/tasks/${taskId}/cancel`);
    const tokens = expectJson<{ items: ApiToken[] }>(
      await api.request("GET", `/api/workspaces/${workspaceId}/tokens`),
      200,
    );
    return { workspaceId, token, taskId, tokenId: tokens.items[0]?.tokenId ?? "" };
  }

  /** What the calls before may have used up. */
  async function replenish(route: RouteEntry, tenant: Tenant): Promise<Tenant> {
    await api.pool.query("UPDATE workspaces SET state = 'open'");
    const folder = path.join(api.workspacesDir, tenant.workspaceId);
    await mkdir(path.join(folder, "artifacts", "reports"), { recursive: true });
    await writeFile(path.join(folder, "artifacts", "reports", "tests.xml"), "<tests/>");
    await mkdir(path.join(folder, "repos", "shop", ".git"), { recursive: true });
    await api.pool.query("UPDATE task_executions SET dead_lettered_at = now() WHERE id = $1", [tenant.taskId]);
    await api.pool.query(
      `INSERT INTO schedules (id, workspace_id, name, cron, time_zone, task, overlap, catch_up_seconds)
       VALUES ($1, $1, 'sample', '0 6 * * *', 'UTC', $2, 'skip', 60) ON CONFLICT DO NOTHING`,
      [tenant.workspaceId, JSON.stringify(SCHEDULE.task)],
    );
    if (route.url.startsWith("/api/workflow")) {
      await api.request("PUT", `/api/workflows/sample?workspaceId=${tenant.workspaceId}`, { body: RECIPE });
      await api.request("POST", "/api/workflows/sample/execute", {
        body: { workspaceId: tenant.workspaceId, executionId: tenant.taskId },
      });
      await api.pool.query(
        `UPDATE workflow_executions SET status = 'cancelled', completed_at = now(), due_at = NULL
         WHERE id = $1 AND status = 'running'`,
        [tenant.taskId],
      );
    }
    if (route.url.includes("/credentials/")) {
      await api.request("PUT", `/api/workspaces/${tenant.workspaceId}/credentials/shop`, { body: CREDENTIAL });
    }
    if (!route.url.includes(":tokenId")) return tenant;
    const owner = route.access === "admin" ? "/api/admin" : `/api/workspaces/${tenant.workspaceId}`;
    const created = await api.request("POST", `${owner}/tokens`, { body: { name: "to be revoked" } });
    return { ...tenant, tokenId: expectJson<ApiToken>(created, 201).tokenId };
  }

  function call(route: RouteEntry, target: Tenant, token: string | null) {
    const sample = SAMPLES[nameOf(route)];
    const url = route.url
      .replace(":workspaceId", target.workspaceId)
      .replace(":taskId", target.taskId)
      .replace(":tokenId", target.tokenId)
      .replace(":callId", "step-0")
      .replace(":runId", target.workspaceId)
      .replace(":scheduleId", target.workspaceId) // one per tenant, with the tenant's id
      .replace(":workflowId", "sample")
      .replace(":executionId", target.taskId) // one per tenant, with the id of its task
      .replace(":workerId", "w")
      .replace(":tool", "list_tasks")
      .replace(":name", "shop")
      .replace("*", "reports/tests.xml");
    const body = sample?.body?.(target);
    return api.request(route.method, url + (sample?.query?.(target) ?? ""), {
      token,
      ...(body === undefined ? {} : { body }),
    });
  }

  const guarded = (): RouteEntry[] => routes.filter(({ access }) => access !== "public");

  it("knows every route, and no route that is gone", () => {
    assert.deepEqual(routes.map(nameOf).toSorted(), Object.keys(SAMPLES).toSorted());
  });

  it("answers whoever may call a route", async () => {
    for (const route of routes) {
      const target = await replenish(route, alice);
      const asAdmin = await call(route, target, api.adminToken);
      assert.equal(asAdmin.statusCode, SAMPLES[nameOf(route)]?.status, `${nameOf(route)}: ${asAdmin.body}`);
      if (route.access === "admin" || route.access === "workspace-admin") continue;
      const asOwner = await call(route, await replenish(route, alice), alice.token);
      assert.equal(asOwner.statusCode, SAMPLES[nameOf(route)]?.status, `${nameOf(route)}: ${asOwner.body}`);
    }
  });

  it("answers 401 to callers without a valid token", async () => {
    const revoked = await api.createToken(alice.workspaceId, { name: "revoked" });
    await api.pool.query("UPDATE api_tokens SET revoked_at = now() WHERE name = 'revoked'");
    const expired = await api.createToken(alice.workspaceId, { name: "expired", expiresAt: "2020-01-01T00:00:00Z" });
    for (const route of guarded()) {
      for (const token of [null, "", "x", randomUUID(), revoked, expired, `${api.adminToken} x`]) {
        const response = await call(route, alice, token);
        assert.equal(response.statusCode, 401, `${nameOf(route)} with ${String(token)}`);
        assert.equal(response.json<Problem>().code, "UNAUTHENTICATED");
        assert.match(String(response.headers["www-authenticate"]), /^Bearer/);
      }
    }
  });

  it("answers 404 for another tenant's objects, with the same words as for what does not exist", async () => {
    const nobody = { ...alice, workspaceId: randomUUID(), taskId: randomUUID(), tokenId: randomUUID() };
    const before = await stateOf(alice);
    for (const route of guarded()) {
      if (route.access === "admin" || route.access === "running-task") continue;
      const target = await replenish(route, alice);
      const foreign = await call(route, target, mallory.token);
      const status = route.access === "caller" ? (SAMPLES[nameOf(route)]?.foreignStatus ?? 404) : 404;
      if (nameOf(route) === "POST /api/workspaces") continue;
      assert.equal(foreign.statusCode, status, `${nameOf(route)}: ${foreign.body}`);
      assert.ok(status !== 200 || !foreign.body.includes(alice.workspaceId), `${nameOf(route)} shows the other tenant`);
      if (status !== 404) continue;
      const missing = await call(route, nobody, mallory.token);
      assert.deepEqual(withoutIds(foreign.json(), target), withoutIds(missing.json(), nobody), nameOf(route));
    }
    assert.deepEqual(await stateOf(alice), before, "nothing of the other tenant's was changed");
  });

  it("answers 403 to a workspace token where an admin token is needed", async () => {
    for (const route of guarded().filter(({ access }) => access === "admin" || access === "workspace-admin")) {
      const response = await call(route, await replenish(route, alice), alice.token);
      assert.equal(response.statusCode, 403, `${nameOf(route)}: ${response.body}`);
      assert.equal(response.json<Problem>().code, "ADMIN_REQUIRED");
    }
  });

  it("lets nobody but an administrator revoke a token that may approve", async () => {
    const revoke = (tokenId: string, token: string) =>
      api.request("DELETE", `/api/workspaces/${alice.workspaceId}/tokens/${tokenId}`, { token });
    const refused = await revoke(alice.tokenId, await api.createToken(alice.workspaceId));
    assert.equal(refused.statusCode, 403, refused.body);
    assert.equal(refused.json<Problem>().code, "APPROVER_TOKEN");
    assert.equal((await revoke(mallory.tokenId, alice.token)).statusCode, 404);
    const person = await api.request("POST", `/api/workspaces/${alice.workspaceId}/tokens`, {
      body: { name: "a person", mayApprove: true },
    });
    assert.equal((await revoke(expectJson<ApiToken>(person, 201).tokenId, api.adminToken)).statusCode, 200);
  });

  it("lists nothing of another tenant where the caller names no workspace", async () => {
    for (const url of ["/api/tasks?limit=500", "/api/workspaces"]) {
      const { body } = await api.request("GET", url, { token: mallory.token });
      assert.ok(body.includes(mallory.workspaceId) && !body.includes(alice.workspaceId), body);
    }
  });

  it("does not take a token for an object of another tenant by way of its own", async () => {
    const url = `/api/workspaces/${mallory.workspaceId}/tokens/${alice.tokenId}`;
    assert.equal((await api.request("DELETE", url, { token: mallory.token })).statusCode, 404);
    const artifact = `/api/workspaces/${mallory.workspaceId}/artifacts/..%2F..%2F${alice.workspaceId}%2Fartifacts%2Freports%2Ftests.xml`;
    const escaped = await api.request("GET", artifact, { token: mallory.token });
    assert.ok(escaped.statusCode >= 400 && escaped.statusCode < 500, escaped.body);
  });

  it("refuses to register a route that does not say who may call it, or an unaudited change", async () => {
    const other = await startApi(postgres);
    try {
      assert.throws(() => other.app.get("/open", async () => "x"), /does not say who may call it/);
      assert.throws(() => other.app.get("/open", { config: { access: "task" } }, async () => "x"), /has no :taskId/);
      assert.throws(
        () => other.app.post("/open", { config: { access: "admin" } }, async () => "x"),
        /has no audit action/,
      );
    } finally {
      await other.stop();
    }
  });

  async function stateOf({ workspaceId, taskId }: Tenant): Promise<unknown> {
    const { rows } = await api.pool.query(
      `SELECT (SELECT to_jsonb(w) FROM workspaces w WHERE id = $1) AS workspace,
         (SELECT count(*) FROM task_executions WHERE workspace_id = $1) AS tasks,
         (SELECT to_jsonb(t) - 'dead_lettered_at' - 'updated_at' FROM task_executions t WHERE id = $2) AS task,
         (SELECT count(*) FROM api_tokens WHERE workspace_id = $1 AND revoked_at IS NOT NULL) AS revoked`,
      [workspaceId, taskId],
    );
    return rows[0];
  }

  function withoutIds(problem: Problem, { workspaceId, taskId, tokenId }: Tenant): unknown {
    const text = [workspaceId, taskId, tokenId].reduce(
      (text, id) => text.replaceAll(id, "<id>"),
      JSON.stringify(problem),
    );
    return { ...(JSON.parse(text) as Problem), requestId: "" };
  }
});
