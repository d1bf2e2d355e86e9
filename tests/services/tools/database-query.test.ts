import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, it } from "node:test";
import pg from "pg";
import { PlatformError } from "../../../contracts/errors.ts";
import { TOOLS } from "../../../contracts/tools.ts";
import { DatabaseQueryAdapter } from "../../../services/tools/database/database-query.ts";
import { ConfiguredDatabases } from "../../../services/tools/database/database-sources.ts";
import type { Rows } from "../../../services/tools/database/read-rows.ts";
import { signTaskToken } from "../../../services/runtime/task-token.ts";
import { KEY, startGateway, TASK, WORKSPACE } from "../gateway/support.ts";
import { startPostgres, type TestPostgres } from "../../support/postgres.ts";

const READER = "CREATE ROLE reader LOGIN PASSWORD 'read only' NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION";
const ROLES = ["writer", "creator", "owner_of", "member", "boss", "filer", "sequencer", "column_writer"];

describe("database_query", () => {
  let postgres: TestPostgres;
  let admin: pg.Client;
  let name: string;
  before(async () => {
    postgres = await startPostgres();
    ({ name } = await postgres.createDatabase());
    const url = new URL(postgres.adminUrl);
    url.pathname = `/${name}`;
    admin = new pg.Client({ connectionString: url.href });
    await admin.connect();
    await admin.query(`
      CREATE TABLE people (id int PRIMARY KEY, name text, born date, tags jsonb, height float8, wealth numeric(12,2));
      INSERT INTO people VALUES (1, 'Ada', '1815-12-10', '{"a": [1]}', 1.6, 12.50), (2, 'Bö''b', NULL, NULL, 'NaN', NULL);
      CREATE TABLE secrets (x text); CREATE SEQUENCE counter;
      CREATE FUNCTION quiet_write() RETURNS int LANGUAGE sql SECURITY DEFINER
        AS $$ INSERT INTO people (id, name) VALUES (99, 'written') RETURNING id $$;
      CREATE FUNCTION turn_writable() RETURNS int LANGUAGE plpgsql SECURITY DEFINER
        AS $$ BEGIN PERFORM set_config('transaction_read_only', 'off', false); INSERT INTO people (id) VALUES (98); RETURN 1; END $$;
      CREATE FUNCTION commit_inside() RETURNS int LANGUAGE plpgsql AS $$ BEGIN COMMIT; RETURN 1; END $$;
      ${READER};
      GRANT SELECT ON people TO reader;
      ${ROLES.map((role) => `CREATE ROLE ${role} LOGIN PASSWORD 'x'; GRANT SELECT ON people TO ${role}`).join(";")};
      GRANT INSERT ON secrets TO writer; GRANT CREATE ON SCHEMA public TO creator; ALTER TABLE secrets OWNER TO owner_of;
      GRANT writer TO member; ALTER ROLE boss CREATEDB; GRANT pg_read_server_files TO filer;
      GRANT USAGE ON SEQUENCE counter TO sequencer; GRANT UPDATE (name) ON people TO column_writer;
    `);
  });
  after(async () => {
    await admin.end();
    await postgres.stop();
  });

  const urlOf = (user: string, password = user === "reader" ? "read%20only" : "x") =>
    `postgres://${user}:${password}@127.0.0.1:${postgres.port}/${name}`;
  const adapterFor = (url: string) =>
    new DatabaseQueryAdapter({
      databases: new ConfiguredDatabases([{ name: "default", url, workspaces: [WORKSPACE] }]),
    });
  const call = async (
    query: string,
    more: object = {},
    url = urlOf("reader"),
    signal = new AbortController().signal,
  ) => {
    const input = TOOLS.database_query.input.parse({ query, ...more });
    const identity = { workspaceId: WORKSPACE, taskId: TASK };
    return (await adapterFor(url).call(input, { identity, networkAccess: false, signal })) as Rows;
  };
  const failure = async (...args: Parameters<typeof call>): Promise<PlatformError> =>
    call(...args).then(
      (answer) => assert.fail(JSON.stringify(answer)),
      (error: unknown) => (error instanceof PlatformError ? error : assert.fail(String(error))),
    );
  const people = async () => Number((await admin.query<{ n: string }>("SELECT count(*) AS n FROM people")).rows[0]?.n);

  it("answers rows with the types of their columns", async () => {
    const answer = await call(
      "SELECT *, id = 1 AS first, 9007199254740993::int8 AS big, 1 AS id FROM people ORDER BY people.id",
    );
    assert.deepEqual(
      answer.columns.map(({ name: column, type }) => `${column} ${type}`),
      [
        ...["id integer", "name text", "born date", "tags jsonb", "height double precision", "wealth numeric(12,2)"],
        ...["first boolean", "big bigint", "id integer"],
      ],
    );
    assert.deepEqual(answer.rows, [
      [1, "Ada", "1815-12-10", { a: [1] }, 1.6, "12.50", true, "9007199254740993", 1],
      [2, "Bö'b", null, null, "NaN", null, false, "9007199254740993", 1],
    ]);
    assert.equal(answer.truncated, false);
    assert.deepEqual((await call("SELECT 1 WHERE false")).rows, []);
    assert.deepEqual((await call("TABLE people;  -- all of it")).rows.length, 2);
    assert.match(JSON.stringify((await call("EXPLAIN SELECT * FROM people")).rows), /Scan/);
    assert.deepEqual((await call("show transaction_read_only")).rows, [["on"]]);
  });

  it("takes parameters of every kind", async () => {
    const { rows } = await call(
      "SELECT name FROM people WHERE id = $1 AND $2::bool AND $3::text IS NULL AND $4 = name",
      {
        parameters: [1, true, null, "Ada"],
      },
    );
    assert.deepEqual(rows, [["Ada"]]);
  });

  it("stops at the limits of rows and bytes, and never holds more", async () => {
    const many = await call("SELECT i FROM generate_series(1, 1000000) i", { maxRows: 250 });
    assert.deepEqual([many.rows.length, many.truncated, many.rows[249]], [250, true, [250]]);
    const exact = await call("SELECT i FROM generate_series(1, 250) i", { maxRows: 250 });
    assert.deepEqual([exact.rows.length, exact.truncated], [250, false]);
    const wide = await call("SELECT repeat('x', 50000) FROM generate_series(1, 1000)", { maxRows: 1_000 });
    assert.ok(wide.truncated && wide.rows.length <= 21 && wide.rows.length > 5);
    const huge = await failure("SELECT repeat('x', 500000000)");
    assert.equal(huge.code, "DATABASE_ANSWER_TOO_LARGE");
  });

  it("stops what runs too long, and with its caller", async () => {
    assert.equal((await failure("SELECT pg_sleep(60)", { timeoutSeconds: 1 })).code, "DATABASE_QUERY_FAILED");
    const loosened = "SELECT set_config('statement_timeout', '0', false), pg_sleep(60)";
    assert.equal((await failure(loosened, { timeoutSeconds: 1 })).code, "DATABASE_QUERY_FAILED");
    const aborted = await failure("SELECT pg_sleep(60)", {}, urlOf("reader"), AbortSignal.timeout(300));
    assert.equal(aborted.code, "TOOL_CANCELLED");
    const running = "SELECT FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND usename = 'reader'";
    while ((await admin.query(running)).rowCount !== 0) await new Promise((resolve) => setTimeout(resolve, 50));
  });

  const HOSTILE = [
    "INSERT INTO people VALUES (3)",
    "WITH w AS (INSERT INTO people VALUES (3) RETURNING id) SELECT * FROM w",
    "WITH w AS (DELETE FROM people RETURNING id) SELECT * FROM w",
    "UPDATE people SET name = 'x'",
    "DELETE FROM people",
    "TRUNCATE people",
    "DROP TABLE people",
    "CREATE TABLE t (x int)",
    "CREATE TEMP TABLE t (x int)",
    "SELECT * INTO t FROM people",
    "SELECT * FROM people FOR UPDATE",
    "SELECT nextval('counter')",
    "SELECT setval('counter', 9)",
    "SELECT 1; DROP TABLE people",
    "SELECT 1; COMMIT; DROP TABLE people; --",
    "SELECT 1; SET TRANSACTION READ WRITE",
    "EXPLAIN SELECT 1; DROP TABLE people",
    "EXPLAIN ANALYZE INSERT INTO people VALUES (3)",
    "EXPLAIN ANALYZE DELETE FROM people",
    "SHOW transaction_read_only; DROP TABLE people",
    "COMMIT",
    "ROLLBACK",
    "BEGIN",
    "SET TRANSACTION READ WRITE",
    "SET ROLE automatos",
    "SET SESSION AUTHORIZATION postgres",
    "SELECT set_config('role', 'automatos', false)",
    "SELECT set_config('session_authorization', 'postgres', false)",
    "SELECT set_config('transaction_read_only', 'off', false)",
    "SELECT set_config('transaction_read_only', 'off', true), quiet_write()",
    "SELECT set_config('default_transaction_read_only', 'off', false), quiet_write()",
    "SELECT quiet_write()",
    "SELECT turn_writable()",
    "SELECT commit_inside()",
    "DO $$ BEGIN DELETE FROM people; END $$",
    "CALL quiet_write()",
    "COPY people TO PROGRAM 'touch /tmp/automatos-escaped'",
    "COPY people FROM '/etc/passwd'",
    "COPY people TO STDOUT",
    "COPY people FROM STDIN",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT pg_ls_dir('/')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT lo_export(1, '/tmp/automatos-escaped')",
    "SELECT lo_create(0)",
    "SELECT lo_from_bytea(0, 'x')",
    "SELECT * FROM secrets",
    "SELECT * FROM pg_authid",
    "LISTEN x",
    "NOTIFY x",
    "VACUUM people",
    "LOCK TABLE people IN ACCESS EXCLUSIVE MODE",
    "PREPARE p AS SELECT 1",
    "DISCARD ALL",
    "LOAD '/tmp/x.so'",
    "CREATE EXTENSION dblink",
    "ALTER ROLE reader SUPERUSER",
    "GRANT ALL ON people TO reader",
    "",
    ";",
    "not sql",
    "SELECT 'unclosed",
  ];
  for (const statement of HOSTILE) {
    it(`refuses ${statement === "" ? "nothing at all" : statement}`, async () => {
      if (statement === "") {
        assert.equal(TOOLS.database_query.input.safeParse({ query: statement }).success, false);
        return;
      }
      const error = await failure(statement);
      assert.equal(error.code, "DATABASE_QUERY_FAILED", error.message);
      assert.doesNotMatch(error.message, /127\.0\.0\.1|read only'|:\d{4,5}\//);
      assert.equal(await people(), 2);
    });
  }

  it("would have let some of it through by the role's rights alone", async () => {
    const reader = new pg.Client({ connectionString: urlOf("reader") });
    await reader.connect();
    await reader.query("BEGIN");
    assert.deepEqual((await reader.query("SELECT quiet_write() AS id")).rows, [{ id: 99 }]);
    await reader.query("ROLLBACK");
    await reader.end();
  });

  it("leaves nothing behind of what a query did to its session", async () => {
    await call("SELECT set_config('application_name', 'mine', false), pg_advisory_lock(7)");
    const { rows } = await admin.query("SELECT FROM pg_locks WHERE locktype = 'advisory'");
    assert.equal(rows.length, 0);
  });

  const NOT_READERS: Record<string, RegExp> = {
    writer: /it can change \(public\.secrets\)/,
    creator: /it can create in the schemas \(public\)/,
    owner_of: /it can change \(public\.secrets\)/,
    member: /it can change \(public\.secrets\)/,
    boss: /maker of roles and databases \(boss\)/,
    filer: /it is a member of \(pg_read_server_files\)/,
    sequencer: /sequences \(public\.counter\)/,
    column_writer: /it can change \(public\.people\)/,
  };
  for (const [role, problem] of Object.entries(NOT_READERS)) {
    it(`refuses the role ${role}, and says which rights are needed`, async () => {
      const error = await failure("SELECT 1", {}, urlOf(role));
      assert.equal(error.code, "DATABASE_ROLE_NOT_READ_ONLY");
      assert.match(error.message, problem);
      assert.match(error.remedy, /GRANT SELECT ON ALL TABLES/);
    });
  }

  it("refuses the superuser and the owner", async () => {
    const superuser = new URL(postgres.adminUrl);
    superuser.pathname = `/${name}`;
    assert.equal((await failure("SELECT 1", {}, superuser.href)).code, "DATABASE_ROLE_NOT_READ_ONLY");
    const owner = new URL(postgres.url);
    owner.pathname = `/${name}`;
    assert.equal((await failure("SELECT 1", {}, owner.href)).code, "DATABASE_ROLE_NOT_READ_ONLY");
  });

  it("says nothing of where a database is when it cannot be used", async () => {
    for (const url of [
      urlOf("nobody-known"),
      `postgres://reader:hidden-word@127.0.0.1:1/${name}`,
      `${urlOf("reader")}?sslmode=verify-full`,
      `postgres://reader:hidden-word@127.0.0.1:${postgres.port}/no_such_db`,
    ]) {
      const error = await failure("SELECT 1", {}, url);
      assert.equal(error.code, "DATABASE_UNREACHABLE");
      assert.doesNotMatch(`${error.message} ${error.remedy}`, /127\.0\.0\.1|hidden-word|no_such_db|nobody/);
    }
    for (const url of [
      `${urlOf("reader")}?sslrootcert=/etc/passwd`,
      `${urlOf("reader")}?host=/var/run`,
      `${urlOf("reader")}?sslmode=prefer`,
      "postgres://127.0.0.1/x",
      "mysql://hidden-word@x/y",
      "postgres://u:%zz@127.0.0.1/x",
    ]) {
      const error = await failure("SELECT 1", {}, url);
      assert.equal(error.code, "DATABASE_URL_INVALID");
      assert.doesNotMatch(error.message, /hidden-word|passwd/);
    }
  });

  it("knows a workspace's own databases alone", async () => {
    const databases = new ConfiguredDatabases([
      { name: "default", url: urlOf("reader"), workspaces: [randomUUID()] },
      { name: "open", url: urlOf("reader"), workspaces: "all" },
    ]);
    const adapter = new DatabaseQueryAdapter({ databases });
    const identity = { workspaceId: WORKSPACE, taskId: TASK };
    const context = { identity, networkAccess: false, signal: new AbortController().signal };
    await assert.rejects(adapter.call(TOOLS.database_query.input.parse({ query: "SELECT 1" }), context), {
      code: "DATABASE_NOT_FOUND",
      remedy: "Use one of: open.",
    });
    const input = TOOLS.database_query.input.parse({ database: "open", query: "SELECT 1" });
    assert.deepEqual(((await adapter.call(input, context)) as Rows).rows, [[1]]);
  });

  it("reaches a database that is not an administrator's by the workspace's egress rules alone", async () => {
    const identity = { workspaceId: WORKSPACE, taskId: TASK };
    const context = { identity, networkAccess: true, signal: new AbortController().signal };
    const input = TOOLS.database_query.input.parse({ query: "SELECT name FROM people WHERE id = $1", parameters: [1] });
    const through = (socketPath: string) =>
      new DatabaseQueryAdapter({
        databases: {
          find: async () => ({ url: urlOf("reader"), byAdministrator: false }),
          names: async () => ["default"],
        },
        gateway: { proxy: { socketPath }, tokenFor: (task) => signTaskToken({ ...task, expiresInSeconds: 60 }, KEY) },
      });
    await using closed = await startGateway(["127.0.0.1"]);
    await assert.rejects(through(closed.socketPath).call(input, context), { code: "EGRESS_NOT_ALLOWED", status: 403 });
    await using open = await startGateway([`127.0.0.1:${postgres.port}`]);
    assert.deepEqual(((await through(open.socketPath).call(input, context)) as Rows).rows, [["Ada"]]);
    await assert.rejects(through("/nowhere").call(input, context), { code: "GATEWAY_UNREACHABLE" });
  });
});
