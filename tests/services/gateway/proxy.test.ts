import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, it } from "node:test";
import { signTaskToken } from "../../../services/runtime/task-token.ts";
import {
  authorizationFor,
  basic,
  get,
  httpServer,
  KEY,
  openTunnel,
  raw,
  TASK,
  tcpServer,
  WAYS,
  WORKSPACE,
} from "./support.ts";

const noDial = () => assert.fail("a connection was attempted");

for (const [way, startGateway] of WAYS) {
  describe(`the gateway ${way}`, () => {
    describe("the gateway, asked who you are", () => {
      const expired = () => signTaskToken({ workspaceId: WORKSPACE, taskId: TASK, expiresInSeconds: -60 }, KEY);
      const foreign = () =>
        signTaskToken({ workspaceId: WORKSPACE, taskId: TASK, expiresInSeconds: 60 }, new Uint8Array(32).fill(8));
      const unsigned = async () => {
        const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
        return `${part({ alg: "none" })}.${part({ sub: WORKSPACE, jti: TASK, exp: 9_999_999_999, aud: "automatos-gateway" })}.`;
      };
      for (const [what, authorization] of [
        ["no header", async () => ""],
        ["another scheme", async () => "Bearer abc"],
        ["another user", async () => `Basic ${Buffer.from("admin:abc").toString("base64")}`],
        ["no token", async () => `Basic ${Buffer.from("task").toString("base64")}`],
        ["an expired token", async () => basic(await expired())],
        ["a token signed with another key", async () => basic(await foreign())],
        ["an unsigned token", async () => basic(await unsigned())],
      ] as const) {
        it(`answers 407 to ${what}, over CONNECT and plain HTTP`, async () => {
          await using gateway = await startGateway(["example.com"], { dial: noDial });
          const asked = { ...gateway, authorization: await authorization() };
          const connected = await openTunnel(asked, "example.com:443");
          assert.equal(connected.status, 407);
          const plain = await get(asked, "http://example.com/");
          assert.equal(plain.status, 407);
          assert.equal(plain.headers["proxy-authenticate"], 'Basic realm="automatos"');
          assert.equal(connected.body["code"], "EGRESS_TOKEN_INVALID");
        });
      }

      it("refuses everything to a workspace that does not exist", async () => {
        await using gateway = await startGateway(["example.com"], { dial: noDial, defaultRules: ["example.com"] });
        const authorization = await authorizationFor(TASK, "5b0c1a52-0c5e-4d54-9a0c-7c3ad9a29999");
        const { status, body } = await openTunnel({ ...gateway, authorization }, "example.com:443");
        assert.equal(status, 403);
        assert.equal(body["code"], "EGRESS_WORKSPACE_UNKNOWN");
      });
    });

    describe("the gateway, asked where to", () => {
      it("says which rule to add, and logs the refusal", async () => {
        await using gateway = await startGateway([], { dial: noDial });
        const { status, body } = await openTunnel(gateway, "example.com:8443");
        assert.equal(status, 403);
        assert.match(String(body["detail"]), /example\.com:8443 is not on the allow-list/);
        assert.match(
          String(body["remedy"]),
          new RegExp(`automatos workspace egress add ${WORKSPACE} example\\.com:8443`),
        );
        const [line] = gateway.log.filter(({ event }) => event === "egress_refused");
        assert.equal(line?.["workspaceId"], WORKSPACE);
        assert.equal(line["taskId"], TASK);
        assert.equal(line["host"], "example.com");
        assert.equal(line["port"], 8443);
        assert.equal(line["reason"], "egress_not_allowed");
        assert.match(
          await gateway.registry.metrics(),
          /decisions_total\{decision="refuse",reason="egress_not_allowed"\} 1/,
        );
      });

      it("allows what the stack's defaults list", async () => {
        await using server = await tcpServer((socket) => socket.end("hello"));
        await using gateway = await startGateway([], { defaultRules: [`127.0.0.1:${server.port}`] });
        const { status, socket } = await openTunnel(gateway, `127.0.0.1:${server.port}`);
        assert.equal(status, 200);
        const [greeting] = (await once(socket, "data")) as [Buffer];
        assert.equal(greeting.toString(), "hello");
        socket.destroy();
      });

      for (const [name, rules, answers, code] of [
        ["a private address", ["name.test"], ["10.1.2.3"], "EGRESS_INTERNAL_ADDRESS"],
        ["loopback", ["name.test"], ["127.0.0.1"], "EGRESS_INTERNAL_ADDRESS"],
        ["one private address among public ones", ["name.test"], ["93.184.216.34", "::1"], "EGRESS_INTERNAL_ADDRESS"],
        ["a private address, listed by wildcard", ["*.test:443"], ["10.1.2.3"], "EGRESS_INTERNAL_ADDRESS"],
        [
          "a private address, listed with another port",
          ["name.test", "name.test:80"],
          ["10.1.2.3"],
          "EGRESS_INTERNAL_ADDRESS",
        ],
        ["the metadata address", ["name.test"], ["169.254.169.254"], "EGRESS_FORBIDDEN_ADDRESS"],
        ["the metadata address, listed", ["name.test:443"], ["169.254.169.254"], "EGRESS_FORBIDDEN_ADDRESS"],
        ["the metadata address in IPv6", ["name.test:443"], ["::ffff:169.254.169.254"], "EGRESS_FORBIDDEN_ADDRESS"],
        ["the unspecified address, listed", ["name.test:443"], ["0.0.0.0"], "EGRESS_FORBIDDEN_ADDRESS"],
        ["a NAT64 form of loopback, listed", ["name.test:443"], ["64:ff9b::7f00:1"], "EGRESS_FORBIDDEN_ADDRESS"],
        ["no address", ["name.test"], [], "EGRESS_NAME_NOT_RESOLVED"],
      ] as const) {
        it(`connects nowhere when a name leads to ${name}`, async () => {
          await using gateway = await startGateway(rules, { dial: noDial, resolve: async () => answers });
          const { status, body } = await openTunnel(gateway, "name.test:443");
          assert.equal(body["code"], code);
          assert.equal(status, code === "EGRESS_NAME_NOT_RESOLVED" ? 502 : 403);
        });
      }

      for (const host of [
        "169.254.169.254",
        "2852039166",
        "0xA9FEA9FE",
        "0251.0376.0251.0376",
        "[::ffff:169.254.169.254]",
      ]) {
        it(`never reaches the metadata service as ${host}, not even when it is listed`, async () => {
          await using gateway = await startGateway(["169.254.169.254:80", "[::ffff:a9fe:a9fe]:80"], { dial: noDial });
          const plain = await get(gateway, `http://metadata.invalid/`, { headers: { Host: "metadata.invalid" } });
          assert.equal(plain.status, 403);
          const { body } = await openTunnel(gateway, `${host}:80`);
          assert.equal(body["code"], "EGRESS_FORBIDDEN_ADDRESS");
        });
      }

      it("connects to the very addresses it has checked, and resolves a name once", async () => {
        const lookups: string[] = [];
        const dialled: (readonly string[])[] = [];
        await using server = await tcpServer((socket) => socket.end());
        await using gateway = await startGateway([`name.test:${server.port}`], {
          resolve: async (name) => {
            lookups.push(name);
            return lookups.length === 1 ? ["127.0.0.1"] : ["169.254.169.254"];
          },
          dial: async (request) => {
            dialled.push(request.addresses);
            const { dialTcp } = await import("../../../services/gateway/dial.ts");
            return dialTcp(request);
          },
        });
        const { status, socket } = await openTunnel(gateway, `name.test:${server.port}`);
        socket.destroy();
        assert.equal(status, 200);
        assert.deepEqual(lookups, ["name.test"]);
        assert.deepEqual(dialled, [["127.0.0.1"]]);
      });

      it("keeps the platform's own endpoints closed, whatever is listed", async () => {
        await using gateway = await startGateway(["127.0.0.1:5433"], {
          dial: noDial,
          isProtected: (address, port) => address === "127.0.0.1" && port === 5433,
        });
        const { body } = await openTunnel(gateway, "127.0.0.1:5433");
        assert.equal(body["code"], "EGRESS_FORBIDDEN_ADDRESS");
      });

      for (const target of [
        "example.com",
        "user:secret@example.com:443",
        "example.com:443/path",
        "[fe80::1%25eth0]:443",
        "/",
      ]) {
        it(`answers 400 to CONNECT ${target}`, async () => {
          await using gateway = await startGateway(["*.com", "example.com"], { dial: noDial });
          const answer = await raw(
            gateway.socketPath,
            `CONNECT ${target} HTTP/1.1\r\nHost: x\r\nProxy-Authorization: ${gateway.authorization}\r\n\r\n`,
          );
          assert.match(answer, /^HTTP\/1\.1 400 /);
        });
      }

      it("answers 503 while the rules cannot be read", async () => {
        await using gateway = await startGateway([], {
          dial: noDial,
          rules: { rulesOf: () => Promise.reject(new Error("postgres is away")) },
        });
        const { status, body } = await openTunnel(gateway, "example.com:443");
        assert.equal(status, 503);
        assert.equal(body["code"], "EGRESS_RULES_UNAVAILABLE");
        assert.doesNotMatch(JSON.stringify(body), /postgres/);
      });

      it("answers 502 when nobody listens there, and 504 when nobody answers in time", async () => {
        const server = await tcpServer(() => undefined);
        const { port } = server;
        await server[Symbol.asyncDispose]();
        await using gateway = await startGateway([`127.0.0.1:${port}`]);
        assert.equal((await openTunnel(gateway, `127.0.0.1:${port}`)).status, 502);
        assert.equal((await get(gateway, `http://127.0.0.1:${port}/`)).status, 502);

        await using slow = await startGateway(
          ["name.test"],
          { resolve: () => new Promise(() => undefined) },
          { connectTimeoutMs: 50 },
        );
        assert.equal((await openTunnel(slow, "name.test:443")).status, 504);
      });
    });

    describe("the gateway, passing plain HTTP on", () => {
      it("keeps the token and what belongs to the connection to itself", async () => {
        await using server = await httpServer((request, response) => {
          response.writeHead(200, [
            "Set-Cookie",
            "a=1",
            "Set-Cookie",
            "b=2",
            "Connection",
            "X-Hop",
            "X-Hop",
            "1",
            "X-End",
            "2",
          ]);
          response.end(JSON.stringify({ url: request.url, headers: request.rawHeaders }));
        });
        await using gateway = await startGateway([`127.0.0.1:${server.port}`]);
        const { status, headers, body } = await get(gateway, `http://127.0.0.1:${server.port}/a%20b?c=d`, {
          headers: {
            "Proxy-Connection": "keep-alive",
            Connection: "keep-alive, X-Private",
            "X-Private": "1",
            TE: "trailers",
            "X-Public": "2",
            Accept: "*/*",
          },
        });
        assert.equal(status, 200);
        const seen = JSON.parse(body) as { url: string; headers: string[] };
        assert.equal(seen.url, "/a%20b?c=d");
        assert.deepEqual(
          seen.headers
            .filter((_, index) => index % 2 === 0)
            .map((name) => name.toLowerCase())
            .sort(),
          ["accept", "connection", "host", "via", "x-public"],
        );
        assert.deepEqual(headers["set-cookie"], ["a=1", "b=2"]);
        assert.equal(headers["x-hop"], undefined);
        assert.equal(headers["x-end"], "2");
        assert.doesNotMatch(JSON.stringify(gateway.log), /a%20b|c=d/);
      });

      for (const method of ["POST", "PUT", "GET", "DELETE"]) {
        it(`passes the body of a chunked ${method}, and the answer's status`, async () => {
          await using server = await httpServer((request, response) => {
            const chunks: Buffer[] = [];
            request.on("data", (chunk: Buffer) => chunks.push(chunk));
            request.on("end", () =>
              response.writeHead(418).end(`${request.method ?? ""} ${Buffer.concat(chunks).toString()}`),
            );
          });
          await using gateway = await startGateway([`127.0.0.1:${server.port}`]);
          const { status, body } = await get(gateway, `http://127.0.0.1:${server.port}/`, {
            method,
            headers: { "Transfer-Encoding": "chunked" },
            body: "payload",
          });
          assert.equal(status, 418);
          assert.equal(body, `${method} payload`);
        });
      }

      it("serves several requests on one connection, each decided on its own", async () => {
        await using server = await httpServer((_request, response) => response.end("ok"));
        await using gateway = await startGateway([`127.0.0.1:${server.port}`]);
        const headers = `Proxy-Authorization: ${gateway.authorization}\r\n`;
        const answer = await raw(
          gateway.socketPath,
          `GET http://127.0.0.1:${server.port}/ HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\n${headers}\r\n` +
            `GET http://example.com/ HTTP/1.1\r\nHost: example.com\r\n${headers}\r\n`,
        );
        assert.deepEqual(answer.match(/HTTP\/1\.1 \d+/g), ["HTTP/1.1 200", "HTTP/1.1 403"]);
      });

      for (const [what, lines, status] of [
        ["a Host header that names another host", ["GET http://example.com/ HTTP/1.1", "Host: internal.test"], 400],
        ["a Host header that names another port", ["GET http://example.com/ HTTP/1.1", "Host: example.com:8080"], 400],
        ["no Host header", ["GET http://example.com/ HTTP/1.1"], 400],
        ["an origin-form request", ["GET / HTTP/1.1", "Host: example.com"], 400],
        ["an https URL", ["GET https://example.com/ HTTP/1.1", "Host: example.com"], 400],
        ["a URL with credentials", ["GET http://u:p@example.com/ HTTP/1.1", "Host: example.com"], 400],
        [
          "two lengths",
          ["POST http://example.com/ HTTP/1.1", "Host: example.com", "Content-Length: 3", "Content-Length: 4"],
          400,
        ],
        [
          "a length and a transfer coding",
          ["POST http://example.com/ HTTP/1.1", "Host: example.com", "Content-Length: 3", "Transfer-Encoding: chunked"],
          400,
        ],
        [
          "a transfer coding but chunked",
          ["POST http://example.com/ HTTP/1.1", "Host: example.com", "Transfer-Encoding: gzip, chunked"],
          400,
        ],
        [
          "a header folded over two lines",
          ["GET http://example.com/ HTTP/1.1", "Host: example.com", "A: b", " c: d"],
          400,
        ],
        ["a space before the colon", ["GET http://example.com/ HTTP/1.1", "Host : example.com"], 400],
        [
          "headers without end",
          ["GET http://example.com/ HTTP/1.1", "Host: example.com", `A: ${"a".repeat(20_000)}`],
          431,
        ],
      ] as const) {
        it(`answers ${status} to ${what}`, async () => {
          await using gateway = await startGateway(["example.com"], {
            dial: noDial,
            resolve: async () => ["93.184.216.34"],
          });
          const answer = await raw(
            gateway.socketPath,
            `${lines.join("\r\n")}\r\nProxy-Authorization: ${gateway.authorization}\r\nConnection: close\r\n\r\n`,
          );
          assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `));
        });
      }

      it("answers 502 to an answer that is no HTTP, and cuts one that breaks off", async () => {
        await using server = await tcpServer((socket) => {
          socket.once("data", (data) => {
            socket.end(
              data.includes("/broken") ? "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n1234" : "SSH-2.0-hello\r\n",
            );
          });
        });
        await using gateway = await startGateway([`127.0.0.1:${server.port}`]);
        assert.equal((await get(gateway, `http://127.0.0.1:${server.port}/`)).status, 502);
        await assert.rejects(get(gateway, `http://127.0.0.1:${server.port}/broken`));
      });

      it("passes an answer that comes before the whole request was sent", async () => {
        await using server = await tcpServer((socket) => {
          socket.once("data", () =>
            socket.end("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
          );
        });
        await using gateway = await startGateway([`127.0.0.1:${server.port}`]);
        const answer = await raw(
          gateway.socketPath,
          `POST http://127.0.0.1:${server.port}/ HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\n` +
            `Proxy-Authorization: ${gateway.authorization}\r\nContent-Length: 1000000\r\n\r\nstart`,
        );
        assert.match(answer, /^HTTP\/1\.1 413 /);
      });
    });
  });
}
