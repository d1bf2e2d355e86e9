import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { createPool, type Pool } from "../../../services/runtime/database.ts";
import { migrate, waitForMigrations } from "../../../services/runtime/migrate.ts";
import { silentLog } from "../../support/database.ts";
import { startPostgres, type TestPostgres } from "../../support/postgres.ts";

describe("migrate", () => {
  let server: TestPostgres;
  const pools: Pool[] = [];

  before(async () => {
    server = await startPostgres();
  });
  after(async () => {
    for (const pool of pools) await pool.end();
    await server.stop();
  });
  const emptyDatabase = async (): Promise<Pool> => {
    const { url } = await server.createDatabase();
    const pool = createPool({ url, applicationName: "test", log: silentLog });
    pools.push(pool);
    return pool;
  };

  it("applies each migration once, whoever else does so at the same time", async () => {
    const pool = await emptyDatabase();
    const waiting = waitForMigrations(pool, { timeoutMs: 30_000, log: silentLog });
    await Promise.all([migrate(pool, silentLog), migrate(pool, silentLog), migrate(pool, silentLog)]);
    await waiting;
    const before = (await pool.query("SELECT * FROM migrations ORDER BY name")).rows;
    assert.ok(before.length >= 3);
    await migrate(pool, silentLog);
    assert.deepEqual((await pool.query("SELECT * FROM migrations ORDER BY name")).rows, before);
  });

  it("refuses a database whose migrations are not its own", async () => {
    const pool = await emptyDatabase();
    await migrate(pool, silentLog);
    await pool.query("UPDATE migrations SET checksum = 'other' WHERE name = '0002_tasks.sql'");
    await assert.rejects(migrate(pool, silentLog), { code: "MIGRATION_CHANGED", message: /0002_tasks\.sql/ });
    await pool.query("UPDATE migrations SET name = '9999_later.sql' WHERE name = '0002_tasks.sql'");
    await assert.rejects(migrate(pool, silentLog), { code: "MIGRATION_UNKNOWN", message: /9999_later\.sql/ });
  });

  it("applies all or nothing", async () => {
    const pool = await emptyDatabase();
    await pool.query("CREATE TABLE audit_log ()");
    await assert.rejects(migrate(pool, silentLog), { code: "42P07" });
    const { rows } = await pool.query("SELECT to_regclass('workspaces') AS made, to_regclass('migrations') AS ledger");
    assert.deepEqual(rows, [{ made: null, ledger: null }]);
    await assert.rejects(waitForMigrations(pool, { timeoutMs: 0, log: silentLog }), { code: "MIGRATIONS_MISSING" });
  });
});
