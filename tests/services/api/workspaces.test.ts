import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import type {
  ApiToken,
  Caller,
  CreatedToken,
  EgressRules,
  Problem,
  WorkspaceList,
  WorkspacePlan,
  WorkspaceTools,
} from "../../../contracts/http-api.ts";
import { ToolName } from "../../../contracts/tools.ts";
import type { Artifact, Workspace, WorkspaceUsage } from "../../../contracts/workspace.ts";
import { expectJson, startApi, type TestApi } from "../../support/api.ts";
import { startPostgres, type TestPostgres } from "../../support/postgres.ts";

describe("workspaces over HTTP", () => {
  let postgres: TestPostgres;
  let api: TestApi;

  before(async () => {
    postgres = await startPostgres();
    api = await startApi(postgres, { planLimits: { pro: { storageQuotaBytes: 5_000 } } });
  });

  after(async () => {
    await api.stop();
    await postgres.stop();
  });

  const get = async <Body>(url: string): Promise<Body> => expectJson<Body>(await api.request("GET", url), 200);

  it("creates one workspace however often it is asked for the same", async () => {
    const body = { workspaceId: randomUUID(), name: "Acme", plan: "pro", egressRules: ["Git.Example.COM:8443"] };
    const first = await api.request("POST", "/api/workspaces", { body });
    const workspace = expectJson<Workspace>(first, 201);
    assert.equal(first.headers.location, `/api/workspaces/${body.workspaceId}`);
    assert.deepEqual(workspace.egressRules, ["git.example.com:8443"]);
    assert.deepEqual(expectJson<Workspace>(await api.request("POST", "/api/workspaces", { body }), 201), workspace);
    assert.deepEqual(await get(`/api/workspaces/${body.workspaceId}`), workspace);
    const other = await api.request("POST", "/api/workspaces", { body: { ...body, name: "Other" } });
    assert.equal(expectJson<Problem>(other, 409).code, "WORKSPACE_CONFLICT");
  });

  it("lists every workspace once, page by page", async () => {
    const made = new Set<string>();
    for (let index = 0; index < 5; index++) made.add((await api.createWorkspace()).workspaceId);
    const seen: string[] = [];
    for (let cursor: string | null = ""; cursor !== null;) {
      const page: WorkspaceList = await get(`/api/workspaces?limit=2${cursor === "" ? "" : `&cursor=${cursor}`}`);
      seen.push(...page.items.map(({ workspaceId }) => workspaceId));
      cursor = page.nextCursor;
    }
    assert.equal(new Set(seen).size, seen.length);
    assert.ok([...made].every((id) => seen.includes(id)));
  });

  it("shows and changes the plan with the stack's limits", async () => {
    const { workspaceId } = await api.createWorkspace({ plan: "starter" });
    const url = `/api/workspaces/${workspaceId}/plan`;
    assert.equal((await get<WorkspacePlan>(url)).limits.maxRunningTasks, 1);
    const changed = await api.request("PUT", url, { body: { plan: "pro" } });
    assert.equal(expectJson<WorkspacePlan>(changed, 200).limits.storageQuotaBytes, 5_000);
    assert.equal((await get<Workspace>(`/api/workspaces/${workspaceId}`)).plan, "pro");
  });

  it("shows what is used of the limits, to the workspace and to the operator", async () => {
    const { workspaceId } = await api.createWorkspace();
    await api.submit(workspaceId);
    const usage = await get<WorkspaceUsage>(`/api/workspaces/${workspaceId}/usage`);
    assert.deepEqual([usage.runningTasks, usage.queuedTasks, usage.quotaBytes], [0, 1, 5_000]);
    const seen = await get<WorkspaceUsage>(`/api/admin/workspaces/${workspaceId}/usage`);
    assert.equal(seen.quotaBytes, usage.quotaBytes);
  });

  it("changes egress rules so that two administrators at once both have their way", async () => {
    const { workspaceId } = await api.createWorkspace({ egressRules: ["old.example"] });
    const url = `/api/workspaces/${workspaceId}/egress`;
    const names = Array.from({ length: 20 }, (_none, index) => `host-${index}.example`);
    const changes = names.map((name) => api.request("PATCH", url, { body: { add: [name], remove: ["old.example"] } }));
    for (const response of await Promise.all(changes)) expectJson(response, 200);
    assert.deepEqual((await get<EgressRules>(url)).rules.toSorted(), names.toSorted());

    const many = Array.from({ length: 1_000 }, (_none, index) => `h${index}.example`);
    const tooMany = await api.request("PATCH", url, { body: { add: many } });
    assert.equal(expectJson<Problem>(tooMany, 409).code, "TOO_MANY_EGRESS_RULES");
    const replaced = await api.request("PUT", url, { body: { rules: ["a.example", "A.example", "*.b.example:8443"] } });
    assert.deepEqual(expectJson<EgressRules>(replaced, 200).rules, ["a.example", "*.b.example:8443"]);
  });

  it("shows what the tool policy makes of every tool", async () => {
    const { workspaceId } = await api.createWorkspace();
    const url = `/api/workspaces/${workspaceId}/tools`;
    const body = { levels: { safe: "allow", cautious: "allow", dangerous: "deny" }, tools: { read_file: "ask" } };
    const set = expectJson<WorkspaceTools>(await api.request("PUT", url, { body }), 200);
    assert.deepEqual(set.policy, body);
    const { tools } = await get<WorkspaceTools>(url);
    assert.deepEqual(
      tools.map(({ name }) => name),
      ToolName.options,
    );
    const decided = tools.filter(({ decision }) => decision !== "allow").map(({ name, decision }) => [name, decision]);
    assert.deepEqual(decided, [
      ["read_file", "ask"],
      ["execute_command", "deny"],
    ]);
  });

  it("serves artifacts as downloads that no browser takes for a page", async () => {
    const { workspaceId } = await api.createWorkspace();
    const folder = path.join(api.workspacesDir, workspaceId, "artifacts", "reports");
    await mkdir(folder, { recursive: true });
    const name = 'evil"\\ näme.html';
    await writeFile(path.join(folder, name), "<script>alert(1)</script>");
    const url = `/api/workspaces/${workspaceId}/artifacts`;
    const { items } = await get<{ items: Artifact[] }>(url);
    assert.deepEqual(
      items.map((item) => [item.path, item.sizeBytes]),
      [[`reports/${name}`, 25]],
    );

    const download = await api.request("GET", `${url}/reports/${encodeURIComponent(name)}`);
    assert.equal(download.statusCode, 200);
    assert.equal(download.body, "<script>alert(1)</script>");
    assert.equal(download.headers["content-type"], "application/octet-stream");
    assert.equal(download.headers["x-content-type-options"], "nosniff");
    assert.equal(download.headers["content-length"], "25");
    assert.equal(
      download.headers["content-disposition"],
      `attachment; filename="evil___n_me.html"; filename*=UTF-8''evil%22%5C%20n%C3%A4me.html`,
    );
    for (const missing of ["nothing.txt", "reports", "..%2F.workspace_meta.json", "reports/../../x"]) {
      const { statusCode } = await api.request("GET", `${url}/${missing}`);
      assert.ok(statusCode >= 400 && statusCode < 500, `${missing}: ${statusCode}`);
    }
    const removed = await api.request("DELETE", `${url}/reports/${encodeURIComponent(name)}`);
    assert.equal(removed.statusCode, 204);
    assert.deepEqual((await get<{ items: Artifact[] }>(url)).items, []);
  });

  it("keeps of a token its hash alone, and refuses it from the moment it is revoked", async () => {
    const { workspaceId } = await api.createWorkspace();
    const url = `/api/workspaces/${workspaceId}/tokens`;
    const created = expectJson<CreatedToken>(await api.request("POST", url, { body: { name: "ci" } }), 201);
    assert.match(created.token, /^amw_[\w-]{43}$/);
    const { rows } = await api.pool.query("SELECT * FROM api_tokens WHERE id = $1", [created.tokenId]);
    assert.deepEqual(
      (rows as { token_hash: Buffer }[])[0]?.token_hash,
      createHash("sha256").update(created.token).digest(),
    );
    assert.ok(!JSON.stringify(rows).includes(created.token));

    const use = () => api.request("GET", "/api/whoami", { token: created.token });
    const { tokenId } = created;
    const caller = { kind: "workspace", name: "ci", tokenId, workspaceId, mayApprove: false };
    assert.deepEqual(expectJson<Caller>(await use(), 200), caller);
    const listed = await api.request("GET", url, { token: created.token });
    assert.ok(!listed.body.includes(created.token));
    const revoked = expectJson<ApiToken>(
      await api.request("DELETE", `${url}/${tokenId}`, { token: created.token }),
      200,
    );
    assert.notEqual(revoked.revokedAt, null);
    assert.equal((await use()).statusCode, 401);
    const again = expectJson<ApiToken>(await api.request("DELETE", `${url}/${tokenId}`), 200);
    assert.equal(again.revokedAt, revoked.revokedAt);
  });

  it("makes admin tokens that can be revoked as well", async () => {
    const response = await api.request("POST", "/api/admin/tokens", { body: { name: "second" } });
    const { token, tokenId } = expectJson<CreatedToken>(response, 201);
    assert.match(token, /^ama_/);
    assert.equal((await api.request("GET", "/api/admin/queues", { token })).statusCode, 200);
    await api.request("DELETE", `/api/admin/tokens/${tokenId}`);
    assert.equal((await api.request("GET", "/api/admin/queues", { token })).statusCode, 401);
  });
});
