import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { ToolPolicy } from "../../../contracts/tools.ts";
import { Workspace } from "../../../contracts/workspace.ts";
import { WorkspaceStore } from "../../../services/workspace/workspace-store.ts";
import { migratedDatabase } from "../../support/database.ts";
import { startPostgres, type TestPostgres } from "../../support/postgres.ts";
import { openQueuedProcess, type QueuedProcess } from "../../support/runner.ts";

describe("WorkspaceStore", () => {
  let server: TestPostgres;
  let process: QueuedProcess;
  let store: WorkspaceStore;

  before(async () => {
    server = await startPostgres();
    process = await openQueuedProcess((await migratedDatabase(server)).url);
    store = new WorkspaceStore(process);
  });
  after(async () => {
    await process.close();
    await server.stop();
  });

  it("creates a workspace with defaults, once", async () => {
    const created = await store.create({ name: "shop" });
    assert.deepEqual(Workspace.parse(created), created);
    assert.equal(created.plan, "starter");
    assert.deepEqual(created.toolPolicy, ToolPolicy.parse({}));
    assert.deepEqual(await store.create({ name: "shop", workspaceId: created.workspaceId }), created);
    await assert.rejects(store.create({ name: "other", workspaceId: created.workspaceId }), {
      code: "WORKSPACE_CONFLICT",
    });
    assert.deepEqual(await store.get(created.workspaceId), created);
  });

  it("gives every workspace a uid of its own", async () => {
    const created = await Promise.all(Array.from({ length: 20 }, () => store.create({ name: "x" })));
    const uids = await Promise.all(created.map(({ workspaceId }) => store.uid(workspaceId)));
    assert.equal(new Set(uids).size, 20);
    assert.ok(uids.every((uid) => uid >= 200_000));
  });

  it("changes plan, rules and policy, tells who listens, and leaves the rest", async () => {
    const { workspaceId, ...before } = await store.create({ name: "x", egressRules: ["a.example"] });
    const told = Promise.withResolvers<string>();
    const unsubscribe = process.listener.subscribe("automatos_workspaces", (id) => told.resolve(id));
    await process.listener.ready();
    const policy = ToolPolicy.parse({ tools: { execute_command: "deny" } });
    await store.updatePlan(workspaceId, "pro");
    await store.updateEgressRules(workspaceId, ["*.example:8443"]);
    const after = await store.updateToolPolicy(workspaceId, policy);
    const changes = { plan: "pro", egressRules: ["*.example:8443"], toolPolicy: policy };
    assert.deepEqual(after, { ...before, ...changes, workspaceId });
    assert.equal(await told.promise, workspaceId);
    unsubscribe();
    await assert.rejects(store.updateEgressRules(workspaceId, ["not a host"]), { name: "ZodError" });
    assert.deepEqual(await store.get(workspaceId), after);
  });

  it("knows nothing of others", async () => {
    const nobody = randomUUID();
    const notFound = { code: "WORKSPACE_NOT_FOUND" };
    await assert.rejects(store.get(nobody), notFound);
    await assert.rejects(store.uid(nobody), notFound);
    await assert.rejects(store.updatePlan(nobody, "pro"), notFound);
  });

  it("lists all, page by page, even those of one instant", async () => {
    await process.pool.query("UPDATE workspaces SET created_at = '2020-01-01' WHERE name = 'x'");
    const { workspaces: all, nextCursor } = await store.list({ limit: 1_000 });
    assert.equal(nextCursor, null);
    const paged: Workspace[] = [];
    for (let cursor: string | null | undefined; cursor !== null;) {
      const page = await store.list({ limit: 4, ...(cursor === undefined ? {} : { cursor }) });
      paged.push(...page.workspaces);
      cursor = page.nextCursor;
    }
    assert.deepEqual(paged, all);
    assert.ok(all.length >= 20);
    for (const cursor of ["", "1", "1_2", `1_${"-".repeat(36)}`, "'; --"]) {
      await assert.rejects(store.list({ limit: 1, cursor }), { code: "INVALID_CURSOR" });
    }
  });
});
