import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { CredentialInput } from "../../../contracts/credential.ts";
import { CredentialKeysText } from "../../../contracts/credential-keys.ts";
import { TOOLS } from "../../../contracts/tools.ts";
import { createPool, type Pool } from "../../../services/runtime/database.ts";
import { DatabaseQueryAdapter } from "../../../services/tools/database/database-query.ts";
import { ConfiguredDatabases, DatabaseSources } from "../../../services/tools/database/database-sources.ts";
import { WorkspaceDatabases } from "../../../services/tools/database/workspace-databases.ts";
import { CredentialReader } from "../../../services/workspace/credentials/credential-reader.ts";
import { CredentialStore } from "../../../services/workspace/credentials/credential-store.ts";
import { CredentialKeyRing } from "../../../services/workspace/credentials/key-ring.ts";
import { WorkspaceStore } from "../../../services/workspace/workspace-store.ts";
import { migratedDatabase, silentLog } from "../../support/database.ts";
import { startPostgres, type TestPostgres } from "../../support/postgres.ts";
import { TASK } from "../gateway/support.ts";

describe("databases that workspaces bring themselves", () => {
  let postgres: TestPostgres;
  let pool: Pool;
  let store: CredentialStore;
  let own: WorkspaceDatabases;
  let alice: string;
  let bob: string;
  before(async () => {
    postgres = await startPostgres();
    const database = await migratedDatabase(postgres);
    // As the API is: its role may read what it needs for this.
    pool = createPool({ url: database.apiUrl, applicationName: "test", log: silentLog });
    const text = `1:${randomBytes(32).toString("base64")}`;
    const keys = await CredentialKeyRing.create(CredentialKeysText.parse(text));
    store = new CredentialStore({ pool, keys });
    own = new WorkspaceDatabases({ pool, credentials: new CredentialReader({ pool, keys }) });
    alice = (await new WorkspaceStore({ pool }).create({ name: "alice" })).workspaceId;
    bob = (await new WorkspaceStore({ pool }).create({ name: "bob" })).workspaceId;
    const url = "postgres://reader:secret-word@db.example.com/shop";
    await store.set(alice, "shop", CredentialInput.parse({ kind: "database", url }));
    await store.set(alice, "npm", CredentialInput.parse({ kind: "env", variable: "NPM", value: "npm_0123456789" }));
  });
  after(async () => {
    await pool.end();
    await postgres.stop();
  });

  it("are its credentials of that kind, and no other workspace's", async () => {
    const url = "postgres://reader:secret-word@db.example.com/shop";
    assert.deepEqual(await own.find(alice, "shop"), { url, byAdministrator: false });
    assert.deepEqual(await own.names(alice), ["shop"]);
    for (const [workspace, name] of [
      [bob, "shop"],
      [alice, "npm"],
      [alice, "none"],
    ] as const) {
      assert.equal(await own.find(workspace, name), undefined);
    }
    assert.deepEqual(await own.names(bob), []);
  });

  it("come after those of an administrator, and need the gateway", async () => {
    const configured = new ConfiguredDatabases([{ name: "shop", url: "postgres://a:b@h/d", workspaces: [bob] }]);
    const sources = new DatabaseSources([configured, own]);
    assert.equal((await sources.find(bob, "shop"))?.byAdministrator, true);
    assert.equal((await sources.find(alice, "shop"))?.byAdministrator, false);
    const adapter = new DatabaseQueryAdapter({ databases: sources });
    const context = {
      identity: { workspaceId: alice, taskId: TASK },
      networkAccess: true,
      signal: new AbortController().signal,
    };
    const input = (database: string) => TOOLS.database_query.input.parse({ database, query: "SELECT 1" });
    await assert.rejects(adapter.call(input("shop"), context), { code: "TOOL_NOT_CONFIGURED" });
    const offline = { ...context, networkAccess: false };
    await assert.rejects(adapter.call(input("shop"), offline), { code: "NETWORK_ACCESS_OFF" });
    await assert.rejects(adapter.call(input("other"), context), {
      code: "DATABASE_NOT_FOUND",
      remedy: "Use one of: shop.",
    });
  });
});
