import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { describe, it } from "node:test";
import { authorizationFor, get, httpServer, openTunnel, raw, tcpServer, WAYS } from "./support.ts";

for (const [way, startGateway] of WAYS) {
  describe(`the gateway ${way}`, () => {
    describe("a tunnel", () => {
      it("carries bytes both ways unchanged, and each direction ends on its own", async () => {
        const payload = randomBytes(8 * 1024 ** 2);
        await using server = await tcpServer((socket) => {
          const hash = createHash("sha256");
          socket.on("data", (chunk) => hash.update(chunk));
          // Answers only after the client has ended its side: needs half-close all the way.
          socket.on("end", () => {
            socket.write(payload);
            socket.end(hash.digest("hex"));
          });
        });
        await using gateway = await startGateway([`127.0.0.1:${server.port}`]);
        const { socket } = await openTunnel(gateway, `127.0.0.1:${server.port}`);
        socket.end(payload);
        const chunks: Buffer[] = [];
        for await (const chunk of socket) chunks.push(chunk as Buffer);
        const answer = Buffer.concat(chunks);
        assert.ok(answer.subarray(0, payload.length).equals(payload));
        assert.equal(answer.subarray(payload.length).toString(), createHash("sha256").update(payload).digest("hex"));
      });

      it("reads no faster than the other side takes", async () => {
        let written = 0;
        await using server = await tcpServer((socket) => {
          const chunk = Buffer.alloc(65_536);
          const write = () => {
            while (socket.write(chunk)) written += chunk.length;
            written += chunk.length;
          };
          socket.on("drain", write);
          write();
        });
        await using gateway = await startGateway([`127.0.0.1:${server.port}`], {}, { idleTimeoutMs: 300 });
        const { socket } = await openTunnel(gateway, `127.0.0.1:${server.port}`);
        socket.pause();
        // A client that never reads is idle once all buffers are full: the gateway must not have taken in more than those.
        await logged(gateway, "egress_closed");
        socket.destroy();
        assert.ok(written < 64 * 1024 ** 2, `${written} bytes were taken`);
      });

      it("closes when nothing moves for long, and says how many bytes went through", async () => {
        await using server = await tcpServer((socket) => socket.write("hello"));
        await using gateway = await startGateway([`127.0.0.1:${server.port}`], {}, { idleTimeoutMs: 50 });
        const { socket } = await openTunnel(gateway, `127.0.0.1:${server.port}`);
        socket.resume();
        await once(socket, "close");
        const line = await logged(gateway, "egress_closed");
        assert.equal(line["receivedBytes"], 5);
        assert.match(await gateway.registry.metrics(), /automatos_gateway_bytes_total\{direction="received"\} 5/);
      });

      it("ends when either side breaks off", async () => {
        await using server = await tcpServer((socket) => socket.once("data", () => socket.resetAndDestroy()));
        await using gateway = await startGateway([`127.0.0.1:${server.port}`]);
        const { socket } = await openTunnel(gateway, `127.0.0.1:${server.port}`);
        socket.on("error", () => undefined);
        socket.write("x");
        await once(socket, "close");

        await using quiet = await tcpServer(() => undefined);
        await using other = await startGateway([`127.0.0.1:${quiet.port}`], {}, { halfClosedTimeoutMs: 50 });
        const tunnel = await openTunnel(other, `127.0.0.1:${quiet.port}`);
        tunnel.socket.destroy();
        await logged(other, "egress_closed");
      });
    });

    describe("many clients", () => {
      it("get at most so many connections per task, and another task still gets its own", async () => {
        await using server = await tcpServer((socket) => socket.write("hello"));
        await using gateway = await startGateway(
          [`127.0.0.1:${server.port}`],
          {},
          { maxConnectionsPerTask: 2, halfClosedTimeoutMs: 50 },
        );
        const target = `127.0.0.1:${server.port}`;
        const first = await openTunnel(gateway, target);
        const second = await openTunnel(gateway, target);
        const third = await openTunnel(gateway, target);
        assert.deepEqual([first.status, second.status, third.status], [200, 200, 429]);
        const authorization = await authorizationFor("0b7a64a2-9a52-4b5e-8f7c-1c2d3e4f0002");
        const other = await openTunnel({ ...gateway, authorization }, target);
        assert.equal(other.status, 200);

        first.socket.destroy();
        await logged(gateway, "egress_closed");
        const fourth = await openTunnel(gateway, target);
        assert.equal(fourth.status, 200);
        for (const { socket } of [second, fourth, other]) socket.destroy();
      });

      it("who never say who they are make room for those who do", async () => {
        await using server = await httpServer((_request, response) => response.end("ok"));
        await using gateway = await startGateway([`127.0.0.1:${server.port}`], {}, { maxUnknownConnections: 10 });
        const silent = Array.from({ length: 20 }, () => connect(gateway.socketPath).on("error", () => undefined));
        await Promise.all(silent.slice(0, 10).map((socket) => once(socket, "close")));
        assert.equal((await get(gateway, `http://127.0.0.1:${server.port}/`)).body, "ok");
        for (const socket of silent) socket.destroy();
      });

      it("who are slow to ask are answered 408", async () => {
        await using gateway = await startGateway([], {}, { headersTimeoutMs: 100 });
        assert.match(
          await raw(gateway.socketPath, "GET http://example.com/ HTTP/1.1\r\nHost: exa"),
          /^HTTP\/1\.1 408 /,
        );
      });

      it("who send rubbish or vanish do not stop the others", async () => {
        await using server = await httpServer((_request, response) => response.end("ok"));
        await using gateway = await startGateway([`127.0.0.1:${server.port}`]);
        await Promise.all(
          Array.from({ length: 50 }, async (_, index) => {
            if (index % 2 === 0) return raw(gateway.socketPath, `${randomBytes(200).toString("latin1")}\r\n\r\n`);
            const socket = connect(gateway.socketPath).on("error", () => undefined);
            await once(socket, "connect");
            const [method, target] = index % 4 === 1 ? ["CONNECT", ""] : ["GET", "http://"];
            socket.write(
              `${method} ${target}127.0.0.1:${server.port} HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\n` +
                `Proxy-Authorization: ${gateway.authorization}\r\n\r\n`,
            );
            socket.destroySoon();
            return "";
          }),
        );
        assert.equal((await get(gateway, `http://127.0.0.1:${server.port}/`)).body, "ok");
      });

      it("one workspace's slow names do not hold up another's", async () => {
        const slow: (() => void)[] = [];
        const started = Promise.withResolvers<undefined>();
        let running = 0;
        await using server = await tcpServer((socket) => socket.end());
        await using gateway = await startGateway([`*.slow:${server.port}`], {
          rules: { rulesOf: async () => ["*.slow", `fast.test:${server.port}`] },
          resolve: async (name) => {
            if (name === "fast.test") return ["127.0.0.1"];
            running += 1;
            if (running === 2) started.resolve(undefined);
            await new Promise<void>((resolve) => slow.push(resolve));
            return [];
          },
        });
        const waiting = Array.from({ length: 6 }, (_, index) => openTunnel(gateway, `n${index}.slow:443`));
        await started.promise;
        const authorization = await authorizationFor("0b7a64a2-9a52-4b5e-8f7c-1c2d3e4f0002", "another-workspace");
        const other = await openTunnel({ ...gateway, authorization }, `fast.test:${server.port}`);
        assert.equal(other.status, 200);
        assert.equal(running, 2);
        other.socket.destroy();
        const drain = setInterval(() => slow.splice(0).forEach((resolve) => resolve()), 1);
        assert.deepEqual(
          (await Promise.all(waiting)).map(({ status }) => status),
          [502, 502, 502, 502, 502, 502],
        );
        clearInterval(drain);
      });
    });
  });
}

/** Waits until the gateway has logged an event. */
async function logged(
  { log }: { readonly log: readonly Record<string, unknown>[] },
  event: string,
): Promise<Record<string, unknown>> {
  for (;;) {
    const line = log.find((entry) => entry["event"] === event);
    if (line !== undefined) return line;
    await new Promise((resolve) => setImmediate(resolve));
  }
}
