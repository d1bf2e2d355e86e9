import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { createPool, type Pool } from "../../../services/runtime/database.ts";
import { migrateDatabase, migratedDatabase, silentLog } from "../../support/database.ts";
import { startPostgres, type TestDatabase, type TestPostgres } from "../../support/postgres.ts";
import { aTask, aWorkspace, completed, openQueuedProcess } from "../../support/runner.ts";

type Role = "owner" | "api" | "worker" | "gateway";

/** Tables and views that not every role may read, and who may. */
const READERS: Record<string, readonly Role[]> = {
  api_tokens: ["api"],
  audit_log: ["api"],
  credentials: ["api"],
  credential_versions: ["api"],
  task_credentials: ["worker"],
  git_credentials: ["gateway"],
  git_credential_hosts: ["worker"],
  workspace_egress: ["gateway"],
  workspaces: ["api", "worker"],
  task_executions: ["api", "worker"],
  task_events: ["api", "worker"],
  leases: ["api", "worker"],
};

/** Statements that a role must be refused, whatever else changes. */
const FORBIDDEN: Record<Exclude<Role, "owner">, readonly string[]> = {
  api: [
    "UPDATE audit_log SET actor = 'nobody'",
    "DELETE FROM audit_log",
    "TRUNCATE audit_log",
    "UPDATE task_events SET body = '{}'",
    "DELETE FROM task_events",
    "TRUNCATE task_events",
    "DELETE FROM task_executions",
    "TRUNCATE task_executions CASCADE",
    "UPDATE task_executions SET prompt = 'another'",
    "UPDATE task_executions SET configuration = '{}'",
    "UPDATE task_executions SET workspace_id = gen_random_uuid()",
    "UPDATE workspaces SET uid = 0",
    "DELETE FROM workspaces",
    "UPDATE api_tokens SET token_hash = ''",
    "UPDATE api_tokens SET scope = 'admin'",
    "UPDATE api_tokens SET workspace_id = NULL",
    "DELETE FROM api_tokens",
    "UPDATE credentials SET workspace_id = gen_random_uuid()",
    "UPDATE credentials SET kind = 'env'",
    "DELETE FROM credential_versions",
    "UPDATE leases SET token = gen_random_uuid()",
    "CREATE TEMPORARY TABLE mine ()",
    "UPDATE task_transitions SET to_state = 'completed'",
    "INSERT INTO task_transitions VALUES ('completed', 'queued')",
    "UPDATE migrations SET checksum = ''",
    "SELECT * FROM bullmq.jobs",
  ],
  worker: [
    "SELECT * FROM api_tokens",
    "INSERT INTO api_tokens (token_hash, scope, name) VALUES ('', 'admin', 'mine')",
    "SELECT * FROM credentials",
    "SELECT * FROM git_credentials",
    "UPDATE task_credentials SET sealed = ''",
    "DELETE FROM task_credentials",
    "INSERT INTO credentials SELECT * FROM credentials",
    "SELECT * FROM audit_log",
    "INSERT INTO audit_log (actor, action, target, outcome) VALUES ('a', 'b', 'c', 'd')",
    "UPDATE audit_log SET actor = 'nobody'",
    "DELETE FROM audit_log",
    "TRUNCATE audit_log",
    "UPDATE task_events SET body = '{}'",
    "DELETE FROM task_events",
    "INSERT INTO task_executions (id) VALUES (gen_random_uuid())",
    "DELETE FROM task_executions",
    "UPDATE task_executions SET prompt = 'another'",
    "UPDATE task_executions SET configuration = '{}'",
    "UPDATE task_executions SET workspace_id = gen_random_uuid()",
    "UPDATE task_executions SET max_retries = 10",
    "UPDATE task_approvals SET decision = 'approved', decided_by = 'admin:root', decided_at = now()",
    "UPDATE task_approvals SET input = '{}'",
    "UPDATE task_approvals SET expires_at = 'infinity'",
    "INSERT INTO task_approvals (decision, decided_by) VALUES ('approved', 'admin:root')",
    "DELETE FROM task_approvals",
    "UPDATE workspaces SET plan = 'enterprise'",
    "UPDATE workspaces SET egress_rules = '{*.example.com}'",
    "UPDATE workspaces SET tool_policy = '{}'",
    "INSERT INTO task_transitions VALUES ('completed', 'queued')",
    "UPDATE migrations SET checksum = ''",
  ],
  gateway: [
    "CREATE TEMPORARY TABLE mine ()",
    "SELECT * FROM workspaces",
    "SELECT * FROM task_executions",
    "SELECT * FROM api_tokens",
    "SELECT * FROM credentials",
    "SELECT * FROM task_credentials",
    "DELETE FROM workspace_egress",
    "UPDATE git_credentials SET target = 'elsewhere.example'",
    "INSERT INTO audit_log (actor, action, target, outcome) VALUES ('a', 'b', 'c', 'd')",
  ],
};
/** For every role, the owner aside. */
const FORBIDDEN_TO_ALL = [
  "CREATE TABLE mine ()",
  "CREATE FUNCTION mine() RETURNS int LANGUAGE sql RETURN 1",
  "CREATE SCHEMA mine",
  "CREATE ROLE mine",
  "CREATE EXTENSION dblink",
  "ALTER TABLE audit_log DISABLE TRIGGER audit_log_immutable",
  "ALTER TABLE task_executions DISABLE TRIGGER ALL",
  "DROP TRIGGER task_events_immutable ON task_events",
  "SET ROLE automatos",
  "SET SESSION AUTHORIZATION automatos",
  "SET session_replication_role = replica",
  "COPY workspaces TO PROGRAM 'cat'",
  "SELECT pg_read_file('/etc/hostname')",
  "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'postgres'",
];

describe("the roles of the database", () => {
  let postgres: TestPostgres;
  let database: TestDatabase;
  const pools = {} as Record<Role, Pool>;
  const roles = ["api", "worker", "gateway"] as const;

  before(async () => {
    postgres = await startPostgres();
    database = await migratedDatabase(postgres);
    const { url, apiUrl, workerUrl, gatewayUrl } = database;
    for (const [role, address] of Object.entries({ owner: url, api: apiUrl, worker: workerUrl, gateway: gatewayUrl })) {
      pools[role as Role] = createPool({ url: address, applicationName: role, log: silentLog, max: 2 });
    }
  });
  after(async () => {
    for (const pool of Object.values(pools)) await pool.end();
    await postgres.stop();
  });

  it("lets each role read what it needs", async () => {
    for (const [table, readers] of Object.entries(READERS)) {
      for (const role of roles) {
        const answer = await pools[role].query(`SELECT FROM ${table} LIMIT 0`).catch((error: unknown) => error);
        if (readers.includes(role)) assert.ok(!(answer instanceof Error), `${role} cannot read ${table}`);
        else assert.equal((answer as { code?: unknown }).code, "42501", `${role} reads ${table}`);
      }
    }
  });

  it("lets no role but the owner have what nobody has granted", async () => {
    await pools.owner.query("CREATE TABLE something_new (value text)");
    await pools.owner.query("CREATE FUNCTION something() RETURNS int LANGUAGE sql RETURN 1");
    await migrateDatabase(database.url);
    for (const role of roles) {
      await assert.rejects(pools[role].query("SELECT FROM something_new"), { code: "42501" });
      await assert.rejects(pools[role].query("SELECT something()"), { code: "42501" });
    }
  });

  for (const role of roles) {
    it(`${role} is refused what would change history, rights, or what a task is`, async () => {
      for (const statement of [...FORBIDDEN[role], ...FORBIDDEN_TO_ALL]) {
        const answer = await pools[role].query(statement).catch((error: unknown) => error);
        assert.ok(answer instanceof Error, `${role} was allowed: ${statement}`);
        // Refused for want of a right, not because the statement is wrong.
        assert.equal((answer as { code?: unknown }).code, "42501", `${statement}: ${answer.message}`);
      }
    });
  }

  it("keeps the append-only tables from their owner too", async () => {
    await pools.owner.query("INSERT INTO audit_log (actor, action, target, outcome) VALUES ('a', 'b', 'c', 'ok')");
    for (const statement of ["UPDATE audit_log SET actor = 'x'", "DELETE FROM audit_log", "TRUNCATE audit_log"]) {
      await assert.rejects(pools.owner.query(statement), { code: "42501" }, statement);
    }
  });

  it("takes a person's answer from the API, never from a worker", async () => {
    const api = await openQueuedProcess(database.apiUrl);
    try {
      const task = aTask(await aWorkspace(api));
      await api.runner.submit(task);
      await pools.worker.query(
        `INSERT INTO task_approvals (task_id, call_id, tool, level, input, summary, lease_token, expires_at)
         VALUES ($1, 'step-0', 'exec', 'exec', '{}', 'a question', gen_random_uuid(), now())`,
        [task.taskId],
      );
      // The worker has every column for a moment, so that the trigger alone decides.
      await pools.owner.query("GRANT UPDATE ON task_approvals TO automatos_worker");
      const answer = `UPDATE task_approvals SET decision = 'approved', decided_by = 'admin:root', decided_at = now()
        WHERE task_id = $1`;
      await assert.rejects(pools.worker.query(answer, [task.taskId]), {
        code: "42501",
        message: /answers no questions/,
      });
      assert.equal((await pools.api.query(answer, [task.taskId])).rowCount, 1);
    } finally {
      await migrateDatabase(database.url);
      await api.close();
    }
  });

  it("suffices for the whole way of a task", async () => {
    const api = await openQueuedProcess(database.apiUrl);
    const worker = await openQueuedProcess(database.workerUrl);
    try {
      const workspaceId = await aWorkspace(api);
      const working = await worker.work(async ({ emit }) => {
        emit({ type: "warning", code: "TEST", message: "a test", remedy: "None." });
        return completed;
      });
      const tasks = Array.from({ length: 5 }, () => aTask(workspaceId));
      for (const task of tasks) await api.runner.submit(task);
      for (const { taskId } of tasks) {
        assert.equal((await api.runner.result(taskId, { waitMs: 20_000 }))?.status, "completed");
      }
      await working.close();
      const left = aTask(workspaceId);
      await api.runner.submit(left);
      assert.notEqual(await api.runner.waiting(left.taskId), null);
      assert.equal(await api.runner.cancel(left.taskId), true);
      await api.runner.retry(left.taskId, randomUUID());
    } finally {
      await worker.close();
      await api.close();
    }
  });
});
