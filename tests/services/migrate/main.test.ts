import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import pg from "pg";
import { startPostgres, type TestPostgres } from "../../support/postgres.ts";
import { finish } from "../../stacks/stack-project.ts";

const ROOT = path.resolve(import.meta.dirname, "../../..");
const PASSWORD = "correct-horse-battery";
const ROLE_PASSWORDS = JSON.stringify({
  automatos_api: `${PASSWORD}-api`,
  automatos_worker: `${PASSWORD}-worker`,
  automatos_gateway: `${PASSWORD}-gateway`,
});

const migrate = (env: Readonly<Record<string, string>>) =>
  finish(
    spawn(process.execPath, ["--disable-warning=ExperimentalWarning", "services/migrate/main.ts"], {
      cwd: ROOT,
      env: { PATH: process.env["PATH"], ...env },
      stdio: ["ignore", "pipe", "pipe"],
    }),
  );

describe("the program that migrates", () => {
  let server: TestPostgres;
  before(async () => {
    server = await startPostgres();
  });
  after(() => server.stop());

  const asAdmin = async (sql: string, database = "postgres"): Promise<Record<string, unknown>[]> => {
    const url = new URL(server.adminUrl);
    url.pathname = database;
    const client = new pg.Client({ connectionString: url.href });
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(sql)).rows;
    } finally {
      await client.end();
    }
  };
  const env = () => {
    const owner = new URL(server.url);
    owner.pathname = "/fresh";
    owner.password = `${PASSWORD}-owner`;
    return { DATABASE_URL: owner.href, ADMIN_DATABASE_URL: server.adminUrl, ROLE_PASSWORDS };
  };

  it("makes the database, its owner and the services' roles with their passwords, however many ask at once", async () => {
    const runs = await Promise.all([migrate(env()), migrate(env())]);
    for (const { code, output } of runs) {
      assert.equal(code, 0, output);
      assert.ok(!output.includes(PASSWORD));
    }
    const roles = await asAdmin(
      "SELECT rolname, rolpassword LIKE 'SCRAM-SHA-256$%' AS sealed, rolsuper OR rolcreaterole OR rolcreatedb AS mighty " +
        "FROM pg_authid WHERE rolname LIKE 'automatos%' ORDER BY rolname",
    );
    assert.deepEqual(
      roles,
      ["automatos", "automatos_api", "automatos_gateway", "automatos_worker"].map((rolname) => ({
        rolname,
        sealed: true,
        mighty: false,
      })),
    );
    const [database] = await asAdmin(
      "SELECT pg_get_userbyid(datdba) AS owner, datacl::text AS rights FROM pg_database WHERE datname = 'fresh'",
    );
    assert.equal(database?.["owner"], "automatos");
    assert.ok(!/[{,]=/.test(String(database["rights"])), "everybody may connect");
    const [granted] = await asAdmin(
      "SELECT has_table_privilege('automatos_api', 'task_executions', 'SELECT') AS yes",
      "fresh",
    );
    assert.equal(granted?.["yes"], true);
  });

  it("sets passwords anew: what opens the data may be made anew beside them", async () => {
    const before = await asAdmin("SELECT rolpassword FROM pg_authid WHERE rolname = 'automatos_api'");
    const { code, output } = await migrate({ ...env(), ROLE_PASSWORDS: ROLE_PASSWORDS.replace("-api", "-other") });
    assert.equal(code, 0, output);
    const now = await asAdmin("SELECT rolpassword FROM pg_authid WHERE rolname = 'automatos_api'");
    assert.notDeepEqual(now, before);
  });

  it("refuses half of what it needs, and repeats no password", async () => {
    const { DATABASE_URL, ADMIN_DATABASE_URL } = env();
    for (const wrong of [
      { DATABASE_URL, ADMIN_DATABASE_URL },
      { DATABASE_URL, ROLE_PASSWORDS },
      { DATABASE_URL, ADMIN_DATABASE_URL, ROLE_PASSWORDS: ROLE_PASSWORDS.slice(1) },
    ]) {
      const { code, output } = await migrate(wrong);
      assert.equal(code, 2, output);
      assert.match(output, /ROLE_PASSWORDS/);
      assert.ok(!output.includes(PASSWORD), output);
    }
  });
});
