import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import path from "node:path";
import { migrationsProvider, type MigrationsOutputs } from "../../../components/local/migrations-provider.ts";
import { createPool } from "../../../services/runtime/database.ts";
import { silentLog } from "../../support/database.ts";
import { startPostgres, type TestPostgres } from "../../support/postgres.ts";

const ROOT = path.resolve(import.meta.dirname, "../../..");

describe("the migrations of the local stack", () => {
  let postgres: TestPostgres;
  let outs: MigrationsOutputs;
  const provider = migrationsProvider(ROOT);
  const inputs = () => ({ databaseUrl: postgres.url, program: "services/migrate/main.ts", sourceHash: "1" });

  before(async () => {
    postgres = await startPostgres();
  });
  after(async () => {
    await postgres.stop();
  });

  it("are applied once, and again when they changed or the data are gone", async () => {
    const created = await provider.create(inputs());
    assert.ok(created.outs);
    outs = created.outs;
    assert.ok(outs.applied.includes("0011_credentials.sql"));
    assert.deepEqual(await provider.diff("", outs, inputs()), { changes: false });
    assert.deepEqual(await provider.diff("", outs, { ...inputs(), sourceHash: "2" }), { changes: true });
    const pool = createPool({ url: postgres.url, applicationName: "test", log: silentLog });
    await pool.query("DELETE FROM migrations WHERE name = '0012_tool_audit.sql'");
    assert.deepEqual(await provider.diff("", outs, inputs()), { changes: true });
    await pool.query("INSERT INTO migrations VALUES ('0012_tool_audit.sql', 'other')");
    await assert.rejects(
      provider.update("", outs, inputs()),
      /0012_tool_audit\.sql was changed after it had been applied/,
    );
    await pool.end();
  });

  it("say that the database cannot be reached, without its password", async () => {
    const databaseUrl = "postgresql://automatos:very-secret-password@127.0.0.1:1/automatos";
    await assert.rejects(provider.create({ ...inputs(), databaseUrl }), (error: Error) => {
      assert.match(error.message, /ECONNREFUSED/);
      assert.doesNotMatch(error.message, /very-secret/);
      return true;
    });
    assert.deepEqual(await provider.diff("", { ...outs, databaseUrl }, { ...inputs(), databaseUrl }), {
      changes: true,
    });
  });
});
