import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, it } from "node:test";
import pg from "pg";
import { PostgresEgressRuleStore } from "../../../services/gateway/postgres-egress-rule-store.ts";
import { signTaskToken } from "../../../services/runtime/task-token.ts";
import { WorkspaceStore } from "../../../services/workspace/workspace-store.ts";
import { migratedDatabase } from "../../support/database.ts";
import { freePorts } from "../../support/ports.ts";
import { startPostgres, type TestDatabase, type TestPostgres } from "../../support/postgres.ts";
import { basic, KEY, openTunnel, tcpServer } from "./support.ts";

describe("the gateway's process", () => {
  let postgres: TestPostgres;
  let database: TestDatabase;
  let owner: pg.Pool;
  before(async () => {
    postgres = await startPostgres();
    database = await migratedDatabase(postgres);
    owner = new pg.Pool({ connectionString: database.url });
  });
  after(async () => {
    await owner.end();
    await postgres.stop();
  });

  it("reads its rules as a role that may read nothing else", async () => {
    const { workspaceId } = await new WorkspaceStore({ pool: owner }).create({ name: "a", egressRules: ["a.test"] });
    const pool = new pg.Pool({ connectionString: database.gatewayUrl });
    const store = new PostgresEgressRuleStore({ pool });
    await store.check();
    assert.deepEqual(await store.rulesOf(workspaceId), ["a.test"]);
    assert.equal(await store.rulesOf(randomUUID()), undefined);
    assert.equal(await store.rulesOf("' OR true --"), undefined);
    for (const table of ["workspaces", "task_executions", "api_tokens", "audit_log"]) {
      await assert.rejects(pool.query(`SELECT 1 FROM ${table}`), { code: "42501" });
    }
    await pool.end();
  });

  it("serves, tells its health, obeys a rule that is added, keeps its own database closed, and ends on SIGTERM", async () => {
    const folder = await mkdtemp(join(tmpdir(), "gateway-main-"));
    const socketPath = join(folder, "proxy.sock");
    const [healthPort = 0] = await freePorts(1);
    await using server = await tcpServer((socket) => socket.end("hello"));
    await using closed = await tcpServer(() => assert.fail("it is the platform's own"));
    const store = new WorkspaceStore({ pool: owner });
    const { workspaceId } = await store.create({
      name: "b",
      egressRules: [`127.0.0.1:${postgres.port}`, `127.0.0.1:${closed.port}`],
    });
    const child = spawn(process.execPath, [join(import.meta.dirname, "../../../services/gateway/main.ts")], {
      env: {
        PATH: process.env["PATH"],
        SOCKET_PATH: socketPath,
        HEALTH_PORT: String(healthPort),
        DATABASE_URL: database.gatewayUrl,
        TASK_TOKEN_KEY: Buffer.from(KEY).toString("base64"),
        CREDENTIAL_KEYS: `test/git_https:${Buffer.alloc(32, 1).toString("base64")}`,
        DEFAULT_EGRESS_RULES: " a.test , b.test ",
        PROTECTED_ENDPOINTS: `localhost:${closed.port}, nowhere.invalid:9`,
      },
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      for await (const line of createInterface(child.stdout)) if (line.includes("gateway_started")) break;
      assert.equal((await fetch(`http://127.0.0.1:${healthPort}/readyz`)).status, 200);
      const token = await signTaskToken({ workspaceId, taskId: randomUUID(), expiresInSeconds: 60 }, KEY);
      const asked = { socketPath, authorization: basic(token) };

      const own = await openTunnel(asked, `127.0.0.1:${postgres.port}`);
      assert.equal(own.body["code"], "EGRESS_FORBIDDEN_ADDRESS");

      const protectedOne = await openTunnel(asked, `127.0.0.1:${closed.port}`);
      assert.equal(protectedOne.body["code"], "EGRESS_FORBIDDEN_ADDRESS");

      const refused = await openTunnel(asked, `127.0.0.1:${server.port}`);
      assert.equal(refused.body["code"], "EGRESS_NOT_ALLOWED");
      await store.updateEgressRules(workspaceId, [`127.0.0.1:${server.port}`]);
      let answer = refused;
      while (answer.status !== 200) answer = await openTunnel(asked, `127.0.0.1:${server.port}`);
      const [greeting] = (await once(answer.socket, "data")) as [Buffer];
      assert.equal(greeting.toString(), "hello");
      answer.socket.destroy();
      const metrics = await (await fetch(`http://127.0.0.1:${healthPort}/metrics`)).text();
      assert.match(metrics, /automatos_gateway_decisions_total\{decision="allow",reason="listed"\} 1/);

      child.kill("SIGTERM");
      assert.deepEqual(await once(child, "close"), [0, null]);
    } finally {
      child.kill("SIGKILL");
      await rm(folder, { recursive: true });
    }
  });
});
