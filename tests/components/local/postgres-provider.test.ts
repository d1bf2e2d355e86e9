import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import pg from "pg";
import { pidFile, recordFile } from "../../../components/local/daemon-record.ts";
import { endAllDaemons } from "../../../components/local/daemon-resource.ts";
import {
  type PostgresInputs,
  type PostgresOutputs,
  postgresProvider,
} from "../../../components/local/postgres-provider.ts";
import { isRunning, startTimeOf } from "../../../components/local/process-table.ts";
import { freePorts } from "../../support/ports.ts";

describe("the PostgreSQL server of this machine", () => {
  let project: string;
  let inputs: PostgresInputs;
  let provider: ReturnType<typeof postgresProvider>;
  let outs: PostgresOutputs;

  before(async () => {
    // as strict as a project's folder can be: no other user may enter
    project = mkdtempSync(join(tmpdir(), "automatos-pg-"));
    chmodSync(project, 0o700);
    const [port = 0] = await freePorts(1);
    const passwords = { apiPassword: "api3", workerPassword: "worker4", gatewayPassword: "gateway2" };
    inputs = { port, portKey: "ports.postgres", ownerPassword: "owner'1", ...passwords };
    provider = postgresProvider(project);
    const created = await provider.create(inputs);
    assert.ok(created.outs);
    outs = created.outs;
  });
  after(async () => {
    await endAllDaemons(project);
    rmSync(project, { recursive: true });
  });

  const query = async (sql: string, user = "automatos", password = inputs.ownerPassword): Promise<unknown[]> => {
    const client = new pg.Client({
      host: "127.0.0.1",
      port: inputs.port,
      user,
      password,
      database: "automatos",
      ssl: false,
    });
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(sql)).rows;
    } finally {
      await client.end();
    }
  };
  const repair = async (): Promise<void> => {
    assert.deepEqual(await provider.diff("postgres", outs, inputs), { changes: true });
    const updated = await provider.update("postgres", outs, inputs);
    assert.ok(updated.outs);
    outs = updated.outs;
  };
  const kill = async (): Promise<void> => {
    process.kill(outs.pid, "SIGKILL");
    while (isRunning(outs)) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  const dataDir = () => join(project, ".automatos", "postgres", "data");

  it("runs as its own user, listens on the loopback only and keeps its writes safe", async () => {
    const status = readFileSync(`/proc/${outs.pid}/status`, "utf8");
    assert.doesNotMatch(status, /^Uid:\s+0\s/m);
    assert.match(status, /^CapEff:\s+0+$/m);
    const [row] = await query(
      "SELECT current_setting('listen_addresses') AS listen, current_setting('fsync') AS fsync",
    );
    assert.deepEqual(row, { listen: "127.0.0.1", fsync: "on" });
    assert.match(readFileSync(`/proc/${outs.pid}/cmdline`, "utf8"), /\0unix_socket_directories=\0/);
    assert.ok(!JSON.stringify(outs).includes(project), "the state holds no path of this machine");
    assert.ok(!JSON.stringify(outs).includes(inputs.gatewayPassword), "and no password outside its inputs");
  });

  it("has the database of the owner, which the gateway's role may enter and not read", async () => {
    await query("CREATE TABLE kept (word text)");
    await query("INSERT INTO kept VALUES ('still here')");
    await assert.rejects(query("SELECT * FROM kept", "automatos_gateway", inputs.gatewayPassword), /permission denied/);
    await assert.rejects(query("SELECT 1", "automatos", "wrong"), /password authentication failed/);
    await assert.rejects(query("CREATE DATABASE another"), /permission denied/);
  });

  it("is kept as it is when nothing changed", async () => {
    assert.deepEqual(await provider.diff("postgres", outs, inputs), { changes: false });
    assert.deepEqual((await provider.create(inputs)).outs, outs);
  });

  it("is found killed, and recovers with its data", async () => {
    await kill();
    assert.equal((await provider.read("postgres", outs)).props?.status, "stopped");
    await repair();
    assert.deepEqual(await query("SELECT word FROM kept"), [{ word: "still here" }]);
  });

  it("starts over a lock file whose number now belongs to another program", async () => {
    await kill();
    const other = spawn("sleep", ["600"], { stdio: "ignore", ...(process.getuid?.() === 0 ? { uid: 199_000 } : {}) });
    try {
      const lock = join(dataDir(), "postmaster.pid");
      writeFileSync(lock, readFileSync(lock, "utf8").replace(/^\d+/, String(other.pid)));
      await repair();
      assert.ok(other.pid !== undefined && startTimeOf(other.pid) !== undefined);
    } finally {
      other.kill("SIGKILL");
    }
  });

  it("ends a server that nobody keeps a record of before it starts another on the same data", async () => {
    const orphan = outs;
    rmSync(recordFile(project, "postgres"));
    rmSync(pidFile(project, "postgres"));
    const created = await provider.create({ ...inputs, port: (await freePorts(1))[0] ?? 0 });
    assert.ok(created.outs !== undefined && isRunning(created.outs));
    assert.ok(!isRunning(orphan));
    outs = created.outs;
    await repair(); // back to its port
  });

  it("gives its roles new passwords without a restart", async () => {
    const before = outs.pid;
    inputs = { ...inputs, ownerPassword: "owner3" };
    await repair();
    assert.equal(outs.pid, before);
    assert.equal((await query("SELECT 1")).length, 1);
  });

  it("keeps its data when it is deleted, for a later stack with other passwords", async () => {
    await provider.delete("postgres", outs);
    assert.equal(startTimeOf(outs.pid), undefined);
    assert.ok(existsSync(dataDir()));
    inputs = { ...inputs, ownerPassword: "owner4", gatewayPassword: "gateway4" };
    const created = await provider.create(inputs);
    assert.ok(created.outs);
    outs = created.outs;
    assert.deepEqual(await query("SELECT word FROM kept"), [{ word: "still here" }]);
  });

  it("makes the cluster anew when its making was interrupted", async () => {
    await provider.delete("postgres", outs);
    const cluster = join(project, ".automatos", "postgres");
    renameSync(dataDir(), join(cluster, "draft-0123"));
    mkdirSync(dataDir());
    rmSync(join(cluster, "draft-0123", "global"), { recursive: true });
    const created = await provider.create(inputs);
    assert.ok(created.outs);
    outs = created.outs;
    assert.deepEqual(readdirSync(cluster).sort(), ["data", "superuser-password"]);
    await assert.rejects(query("SELECT word FROM kept"), /does not exist/);
  });

  it("refuses data of another major version, with the way out", async () => {
    await provider.delete("postgres", outs);
    const file = join(dataDir(), "PG_VERSION");
    const version = readFileSync(file, "utf8");
    writeFileSync(file, "9\n");
    await assert.rejects(provider.create(inputs), /is of PostgreSQL 9, the server here is \d+; export the data/);
    writeFileSync(file, version);
  });
});
