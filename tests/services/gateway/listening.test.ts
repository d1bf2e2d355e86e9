import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Registry } from "prom-client";
import { pino } from "pino";
import { buildGateway } from "../../../services/gateway/app.ts";
import { CachedEgressRuleStore } from "../../../services/gateway/egress-rule-store.ts";
import { databaseEndpoint, ProtectedEndpoints } from "../../../services/gateway/protected-endpoints.ts";
import { openTunnel, startGateway, tcpServer } from "./support.ts";

describe("the gateway's socket", () => {
  let folder: string;
  before(async () => (folder = await mkdtemp(join(tmpdir(), "gateway-"))));
  after(() => rm(folder, { recursive: true }));

  const build = () =>
    buildGateway({
      verifyToken: () => Promise.reject(new Error("nobody")),
      rules: { rulesOf: async () => [] },
      defaultRules: [],
      log: pino({ level: "silent" }),
      registry: new Registry(),
    });

  it("may be connected to by every user, and is gone after a close", async () => {
    const path = join(folder, "a.sock");
    const gateway = build();
    await assert.rejects(gateway.check());
    await gateway.listen(path);
    await gateway.check();
    assert.equal((await stat(path)).mode & 0o777, 0o666);
    await gateway.close();
    await gateway.close();
    await assert.rejects(stat(path), { code: "ENOENT" });
  });

  it("replaces one that a killed process left", async () => {
    const path = join(folder, "b.sock");
    const script = `require("net").createServer().listen(${JSON.stringify(path)}, () => console.log("up"))`;
    const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "ignore"] });
    await once(child.stdout, "data");
    child.kill("SIGKILL");
    await once(child, "close");
    assert.ok((await stat(path)).isSocket());
    const gateway = build();
    await gateway.listen(path);
    await gateway.close();
  });

  it("is not taken from a gateway that runs, and no other file is removed for it", async () => {
    const path = join(folder, "c.sock");
    const other = createServer().listen(path);
    await once(other, "listening");
    await assert.rejects(build().listen(path), { code: "GATEWAY_SOCKET_IN_USE" });
    other.close();
    await writeFile(path, "precious");
    await assert.rejects(build().listen(path), { code: "GATEWAY_SOCKET_IN_USE" });
    await assert.rejects(build().listen(join(folder, "d".repeat(120))), { code: "GATEWAY_SOCKET_PATH_TOO_LONG" });
  });

  it("closes with tunnels open: it waits for them, but not for ever", async () => {
    await using server = await tcpServer((socket) => socket.write("hello"));
    await using gateway = await startGateway([`127.0.0.1:${server.port}`]);
    const { socket } = await openTunnel(gateway, `127.0.0.1:${server.port}`);
    socket.resume();
    const closed = once(socket, "close");
    await gateway.gateway.close({ graceMs: 10 });
    await closed;
  });
});

describe("CachedEgressRuleStore", () => {
  it("asks once for all who ask at once, keeps the answer, and asks again later", async () => {
    let now = 0;
    let asked = 0;
    const store = new CachedEgressRuleStore({
      store: { rulesOf: async () => [`rule-${++asked}`] },
      freshMs: 100,
      now: () => now,
    });
    assert.deepEqual(await Promise.all([store.rulesOf("a"), store.rulesOf("a")]), [["rule-1"], ["rule-1"]]);
    now = 99;
    assert.deepEqual(await store.rulesOf("a"), ["rule-1"]);
    now = 100;
    assert.deepEqual(await store.rulesOf("a"), ["rule-2"]);
  });

  it("lives through a short outage with what it knew, and no longer", async () => {
    let now = 0;
    let up = true;
    const store = new CachedEgressRuleStore({
      store: { rulesOf: () => (up ? Promise.resolve(["a.test"]) : Promise.reject(new Error("down"))) },
      freshMs: 10,
      staleMs: 100,
      now: () => now,
    });
    await store.rulesOf("a");
    up = false;
    now = 99;
    assert.deepEqual(await store.rulesOf("a"), ["a.test"]);
    await assert.rejects(store.rulesOf("b"));
    now = 100;
    await assert.rejects(store.rulesOf("a"));
  });

  it("forgets the workspace that nobody asked for longest", async () => {
    const asked: string[] = [];
    const store = new CachedEgressRuleStore({
      store: { rulesOf: async (id) => (asked.push(id), []) },
      maxEntries: 2,
      now: () => 0,
    });
    for (const id of ["a", "b", "c", "c", "a"]) await store.rulesOf(id);
    assert.deepEqual(asked, ["a", "b", "c", "a"]);
  });
});

describe("the platform's own endpoints", () => {
  const of = async (url: string, addresses: string[]) => {
    const closed = new ProtectedEndpoints([databaseEndpoint(url)], async () => addresses);
    await closed.refresh();
    return (address: string, port: number) => closed.isProtected(address, port);
  };

  it("are closed by every name of their machine", async () => {
    const local = await of("postgres://u:p@localhost:5433/automatos", ["127.0.0.1", "::1"]);
    assert.ok(local("127.0.0.1", 5433));
    assert.ok(local("127.9.9.9", 5433));
    assert.ok(local("::ffff:127.0.0.1", 5433));
    assert.ok(!local("127.0.0.1", 5434));
    assert.ok(!local("10.0.0.1", 5433));
    const remote = await of("postgres://u:p@db.test/automatos", ["10.0.0.5"]);
    assert.ok(remote("10.0.0.5", 5432));
    assert.ok(!remote("127.0.0.1", 5432));
  });

  it("are closed before their name is known, where it leads now, and while nobody can tell", async () => {
    let answer: readonly string[] | undefined;
    const closed = new ProtectedEndpoints([{ host: "redis", port: 6379 }], async () => {
      if (answer === undefined) throw new Error("no address");
      return answer;
    });
    await closed.refresh();
    assert.ok(closed.isProtected("198.51.100.7", 6379), "it may be anywhere");
    assert.ok(!closed.isProtected("198.51.100.7", 443));
    answer = ["172.18.0.3"];
    await closed.refresh();
    assert.ok(closed.isProtected("172.18.0.3", 6379));
    assert.ok(!closed.isProtected("198.51.100.7", 6379));
    answer = ["172.18.0.9"];
    await closed.refresh();
    assert.ok(closed.isProtected("172.18.0.9", 6379));
    answer = undefined;
    await closed.refresh();
    assert.ok(closed.isProtected("172.18.0.9", 6379));
  });
});
