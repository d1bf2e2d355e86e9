import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { RelayLimits } from "../../../../services/worker/gateway-relay/gateway-relay.ts";
import { freePorts } from "../../../support/ports.ts";
import {
  authorizationFor,
  get,
  openTunnel,
  raw,
  relayTo,
  startRelayedGateway,
  tcpServer,
} from "../../gateway/support.ts";

const TASKS = ["0b7a64a2-9a52-4b5e-8f7c-1c2d3e4f0001", "0b7a64a2-9a52-4b5e-8f7c-1c2d3e4f0002"] as const;

/** Listens with room for one in its queue, tells its port, and accepts nobody. */
const FULL_LISTENER = `const server = require("net").createServer().listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
  require("fs").writeSync(1, String(server.address().port));
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
})`;

describe("a worker's relay to the gateway", () => {
  let folder: string;
  before(async () => (folder = await mkdtemp(join(tmpdir(), "relay-"))));
  after(() => rm(folder, { recursive: true }));

  const relayIn = async (name: string, port: number, limits: Partial<RelayLimits> = {}) => {
    const relay = relayTo({ host: "127.0.0.1", port }, join(folder, name), limits);
    await relay.start();
    return relay;
  };

  it("is a socket for every user, and gone after a close", async () => {
    const relay = relayTo({ host: "127.0.0.1", port: 1 }, join(folder, "plain"));
    assert.throws(() => relay.check());
    await relay.start();
    relay.check();
    assert.equal((await stat(relay.socketPath)).mode & 0o777, 0o666);
    await relay.close();
    await relay.close();
    await assert.rejects(stat(relay.socketPath), { code: "ENOENT" });
  });

  it("answers 502 at once while the gateway is away, and passes on when it is back", async () => {
    const [port = 0] = await freePorts(1);
    const relay = await relayIn("away", port);
    const asked = { socketPath: relay.socketPath, authorization: await authorizationFor(TASKS[0]) };
    const tunnel = await openTunnel(asked, "example.com:443");
    assert.equal(tunnel.status, 502);
    assert.equal(tunnel.body["code"], "GATEWAY_UNREACHABLE");
    const plain = await get(asked, "http://example.com/", { method: "POST", body: "x".repeat(1024 ** 2) }).catch(
      (error: unknown) => error as NodeJS.ErrnoException, // a client that still writes when it is refused may see that alone
    );
    assert.ok(plain instanceof Error ? plain.code === "EPIPE" || plain.code === "ECONNRESET" : plain.status === 502);
    const back = createServer((socket) => socket.once("data", () => socket.end("HTTP/1.1 204 No Content\r\n\r\n")));
    back.listen(port, "127.0.0.1");
    await once(back, "listening");
    assert.equal((await get(asked, "http://example.com/")).status, 204);
    await closed(back);
    assert.equal((await openTunnel(asked, "example.com:443")).status, 502);
    await relay.close();
  });

  it("gives up on a gateway that does not accept", async () => {
    // A listener whose queue is full answers no more: what a gateway whose machine has gone looks like.
    const child = spawn(process.execPath, ["-e", FULL_LISTENER], { stdio: ["ignore", "pipe", "ignore"] });
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    const port = Number(line.toString());
    const waiting = Array.from({ length: 4 }, () => connect(port, "127.0.0.1").on("error", () => undefined));
    await once(waiting[1] ?? assert.fail(), "connect");
    const relay = await relayIn("silent", port, { connectMs: 50 });
    const answer = await raw(relay.socketPath, "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n");
    assert.match(answer, /^HTTP\/1\.1 502 .*GATEWAY_UNREACHABLE/s);
    for (const socket of waiting) socket.destroy();
    child.kill("SIGKILL");
    await once(child, "close");
    await relay.close();
  });

  it("connects nobody who says nothing, and lets go of him", async () => {
    let reached = 0;
    await using server = await tcpServer(() => (reached += 1));
    const relay = await relayIn("quiet", server.port, { firstByteMs: 20 });
    const quiet = connect(relay.socketPath);
    quiet.resume();
    await once(quiet, "close");
    assert.equal(reached, 0);
    await until(() => relay.open === 0);
    await relay.close();
  });

  it("ends a connection whose gateway dies in the middle, and the gateway's when the client goes", async () => {
    const accepted: Socket[] = [];
    await using server = await tcpServer((socket) => accepted.push(socket));
    const relay = await relayIn("dies", server.port);
    const first = connect(relay.socketPath);
    first.on("error", () => undefined).resume();
    first.write("GET / HTTP/1.1\r\n\r\n");
    await until(() => accepted.length === 1);
    accepted[0]?.resetAndDestroy();
    await once(first, "close");
    const second = connect(relay.socketPath);
    second.write("GET / HTTP/1.1\r\n\r\n");
    await until(() => accepted.length === 2);
    const gone = once(accepted[1] ?? assert.fail(), "end");
    accepted[1]?.resume();
    second.destroy();
    await gone;
    accepted[1]?.end();
    await until(() => relay.open === 0);
    await relay.close();
  });

  it("lets no task take the connections of another, nor those who show no token", async () => {
    const accepted: Socket[] = [];
    await using server = await tcpServer((socket) => accepted.push(socket));
    const relay = await relayIn("fair", server.port, { maxPerTask: 3, maxUnknown: 4 });
    const open = async (taskId: string | undefined) => {
      const socket = connect(relay.socketPath);
      socket.on("error", () => undefined);
      const header = taskId === undefined ? "" : `Proxy-Authorization: ${await authorizationFor(taskId)}\r\n`;
      socket.write(`CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n${header}\r\n`);
      return socket;
    };
    const mine = [await open(TASKS[0]), await open(TASKS[0]), await open(TASKS[0])];
    await until(() => accepted.length === 3);
    const [refusal] = (await once(await open(TASKS[0]), "data")) as [Buffer];
    assert.match(refusal.toString(), /^HTTP\/1\.1 429 .*EGRESS_TOO_MANY_CONNECTIONS/s);
    for (let index = 0; index < 20; index += 1) await open(undefined);
    await until(() => accepted.length >= 23);
    const other = await open(TASKS[1]);
    await until(() => accepted.length >= 24);
    assert.ok([...mine, other].every((socket) => !socket.destroyed));
    assert.ok(relay.open <= 3 + 4 + 1, `${relay.open} are open`);
    await relay.close();
  });

  it("leaves who may go where to the gateway", async () => {
    await using server = await tcpServer((socket) => socket.end("hello"));
    await using gateway = await startRelayedGateway([`127.0.0.1:${server.port}`]);
    const refused = await openTunnel({ ...gateway, authorization: "Basic bm9ib2R5" }, `127.0.0.1:${server.port}`);
    assert.equal(refused.status, 407);
    const { socket } = await openTunnel(gateway, `127.0.0.1:${server.port}`);
    const [greeting] = (await once(socket, "data")) as [Buffer];
    assert.equal(greeting.toString(), "hello");
  });
});

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}

async function closed(server: Server): Promise<void> {
  const done = once(server, "close");
  server.close();
  await done;
}
