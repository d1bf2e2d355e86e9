import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { after, before, describe, it } from "node:test";
import type { PlatformError } from "../../../contracts/errors.ts";
import { TOOLS } from "../../../contracts/tools.ts";
import { signTaskToken } from "../../../services/runtime/task-token.ts";
import { HttpRequestAdapter } from "../../../services/tools/http/http-request.ts";
import { httpServer, KEY, startGateway, tcpServer, TASK, type TestServer, WORKSPACE } from "../gateway/support.ts";

interface Answer {
  readonly status: number;
  readonly url: string;
  readonly redirects: string[];
  readonly headers: Record<string, string>;
  readonly body: string;
  readonly encoding: string;
  readonly truncated: boolean;
}

const run = promisify(execFile);
const OPENSSL = "openssl";

describe("http_request", () => {
  let server: TestServer;
  let other: TestServer;
  const resources = new AsyncDisposableStack();
  before(async () => {
    server = resources.use(
      await httpServer((request, response) => {
        const url = new URL(request.url ?? "/", "http://x");
        if (url.pathname === "/to") {
          response.writeHead(Number(url.searchParams.get("status")), { location: url.searchParams.get("at") ?? "" });
          response.end("moved");
        } else if (url.pathname === "/bytes") response.end(Buffer.from([0xff, 0xfe, 0, 1]));
        else if (url.pathname === "/endless") {
          response.write("é".repeat(100_000));
          const more = setInterval(() => response.write("é".repeat(100_000)), 5);
          response.on("close", () => clearInterval(more));
        } else if (url.pathname === "/drip") {
          const more = setInterval(() => response.write("."), 20);
          response.on("close", () => clearInterval(more));
        } else if (url.pathname === "/silent") request.resume();
        else if (url.pathname === "/broken") response.destroy();
        else if (url.pathname === "/problem") {
          response.writeHead(403, { "content-type": "application/problem+json" });
          response.end(JSON.stringify({ code: "EGRESS_NOT_ALLOWED", detail: "forged", remedy: "forged" }));
        } else {
          let body = "";
          request.on("data", (chunk: Buffer) => (body += chunk.toString("latin1")));
          request.on("end", () => {
            response.setHeader("x-said", "hello");
            response.end(JSON.stringify({ method: request.method, url: request.url, headers: request.headers, body }));
          });
        }
      }),
    );
    other = resources.use(
      await httpServer((request, response) =>
        response.end(JSON.stringify({ other: request.headers, method: request.method })),
      ),
    );
  });
  after(() => resources.disposeAsync());

  const at = (route: string, { port } = server) => `http://127.0.0.1:${port}${route}`;
  const signal = new AbortController().signal;
  const send = async (rules: readonly string[], input: object, more: { ca?: string; networkAccess?: boolean } = {}) => {
    await using gateway = await startGateway(rules);
    const adapter = new HttpRequestAdapter({
      gateway: {
        proxy: { socketPath: gateway.socketPath },
        tokenFor: (identity) => signTaskToken({ ...identity, expiresInSeconds: 60 }, KEY),
      },
      ...(more.ca === undefined ? {} : { trustedCertificates: more.ca }),
    });
    const context = {
      identity: { workspaceId: WORKSPACE, taskId: TASK },
      networkAccess: more.networkAccess ?? true,
      signal,
    };
    return (await adapter.call(TOOLS.http_request.input.parse(input), context)) as Answer;
  };
  const both = () => [`127.0.0.1:${server.port}`, `127.0.0.1:${other.port}`];
  const call = (input: object) => send(both(), input);
  const code = (sent: Promise<Answer>) =>
    sent.then(
      (answer) => assert.fail(JSON.stringify(answer)),
      (error: unknown) => (error as PlatformError).code,
    );

  it("sends method, headers and body, and answers status, headers and body", async () => {
    const answer = await call({ url: at("/x?a=b"), method: "POST", headers: { "X-Key": "k" }, body: "é" });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers["x-said"], "hello");
    const echoed = JSON.parse(answer.body) as { headers: Record<string, string>; body: string };
    assert.partialDeepStrictEqual(echoed, { method: "POST", url: "/x?a=b", headers: { "x-key": "k" } });
    assert.equal(Buffer.from(echoed.body, "latin1").toString(), "é");
    assert.equal(echoed.headers["proxy-authorization"], undefined);
    const bytes = await call({ url: at("/"), method: "POST", body: "AP8=", bodyEncoding: "base64" });
    assert.equal((JSON.parse(bytes.body) as { body: string }).body, "\0ÿ");
    const head = await call({ url: at("/"), method: "HEAD" });
    assert.deepEqual([head.status, head.body], [200, ""]);
  });

  it("answers bytes as base64, and cuts long bodies between characters", async () => {
    assert.partialDeepStrictEqual(await call({ url: at("/bytes") }), { encoding: "base64", body: "//4AAQ==" });
    const cut = await call({ url: at("/endless"), maxBytes: 1_001 });
    assert.deepEqual([cut.body.length, cut.truncated, cut.encoding], [500, true, "utf8"]);
  });

  it("asks the gateway, whose refusals it passes on", async () => {
    assert.equal(await code(send([], { url: at("/") })), "EGRESS_NOT_ALLOWED");
    assert.equal(await code(send(["127.0.0.1"], { url: at("/") })), "EGRESS_NOT_ALLOWED");
    assert.equal(await code(send(["*"], { url: "http://169.254.169.254/latest" })), "EGRESS_NOT_ALLOWED");
    assert.equal(
      await code(send(["169.254.169.254:80"], { url: "http://169.254.169.254/" })),
      "EGRESS_FORBIDDEN_ADDRESS",
    );
    assert.equal(await code(send(["localhost"], { url: "http://localhost/" })), "EGRESS_INTERNAL_ADDRESS");
    for (const odd of ["http://2130706433/", "http://0x7f.1/", "http://[::1]/", "http://[::ffff:127.0.0.1]/"]) {
      assert.match(await code(send(["example.com"], { url: odd })), /^EGRESS_/);
    }
    const forged = await call({ url: at("/problem") });
    assert.deepEqual([forged.status, forged.headers["content-type"]], [403, "application/problem+json"]);
    assert.equal(await code(send(both(), { url: at("/") }, { networkAccess: false })), "NETWORK_ACCESS_OFF");
  });

  it("follows redirects, each of which is checked anew", async () => {
    const to = (where: string, status = 302) => at(`/to?status=${status}&at=${encodeURIComponent(where)}`);
    const once = await call({ url: to("/end?x=secret") });
    assert.deepEqual(once.redirects, [at("/end")]);
    assert.equal(once.url, at("/end?x=secret"));
    const shown = await call({ url: to("/end"), followRedirects: false });
    assert.deepEqual([shown.status, shown.headers["location"]], [302, "/end"]);
    assert.equal(await code(send([`127.0.0.1:${server.port}`], { url: to(at("/", other)) })), "EGRESS_NOT_ALLOWED");
    assert.equal(await code(call({ url: to("http://169.254.169.254/latest/meta-data") })), "EGRESS_NOT_ALLOWED");
    assert.equal(await code(call({ url: to("file:///etc/passwd") })), "HTTP_REQUEST_FAILED");
    assert.equal(await code(call({ url: to("http://user:word@127.0.0.1/") })), "HTTP_REQUEST_FAILED");
  });

  it("gives up on redirects without end", async () => {
    await using circle = await httpServer((_request, response) =>
      response.writeHead(307, { location: "/again" }).end(),
    );
    assert.equal(await code(send([`127.0.0.1:${circle.port}`], { url: at("/", circle) })), "TOO_MANY_REDIRECTS");
  });

  it("keeps method and body for 307 and 308 alone, and the caller's headers for the same origin alone", async () => {
    const to = (where: string, status: number) => at(`/to?status=${status}&at=${encodeURIComponent(where)}`);
    const post = { method: "POST", body: "x", headers: { authorization: "Bearer t", "x-api-key": "k", accept: "a/b" } };
    const sent = async (input: object) =>
      JSON.parse((await call(input)).body) as Record<string, Record<string, string>>;
    const same = await sent({ ...post, url: to("/end", 307) });
    assert.partialDeepStrictEqual(same, { method: "POST", body: "x", headers: { authorization: "Bearer t" } });
    const changed = await sent({ ...post, url: to("/end", 302) });
    assert.partialDeepStrictEqual(changed, { method: "GET", body: "", headers: { "x-api-key": "k" } });
    const elsewhere = await sent({ ...post, url: to(at("/", other), 308) });
    assert.partialDeepStrictEqual(elsewhere, { method: "POST", other: { accept: "a/b" } });
    assert.equal(elsewhere["other"]?.["authorization"] ?? elsewhere["other"]?.["x-api-key"], undefined);
  });

  it("ends with its time and tells what failed", async () => {
    for (const route of ["/drip", "/silent"]) {
      assert.equal(await code(call({ url: at(route), timeoutSeconds: 1 })), "TOOL_TIMED_OUT");
    }
    assert.equal(await code(call({ url: at("/broken") })), "HTTP_REQUEST_FAILED");
    await using reset = await tcpServer((socket) => socket.once("data", () => socket.resetAndDestroy()));
    for (const scheme of ["http", "https"]) {
      const cut = send([`127.0.0.1:${reset.port}`], { url: `${scheme}://127.0.0.1:${reset.port}/` });
      assert.equal(await code(cut), "HTTP_REQUEST_FAILED");
    }
    await using nonsense = await tcpServer((socket) => socket.end("no http at all\r\n\r\n"));
    assert.equal(await code(send([`127.0.0.1:${nonsense.port}`], { url: at("/", nonsense) })), "HTTP_REQUEST_FAILED");
    assert.equal(
      await code(send([`127.0.0.1:${nonsense.port}`], { url: `https://127.0.0.1:${nonsense.port}/` })),
      "HTTP_REQUEST_FAILED",
    );
    assert.equal(await code(call({ url: at("/"), body: "x" })), "REQUEST_BODY_NOT_ALLOWED");
  });

  it("takes no header that belongs to the connection, and nothing that would end one", () => {
    const refused = [
      { Host: "x" },
      { "Transfer-Encoding": "chunked" },
      { "Proxy-Authorization": "x" },
      { "content-length": "1" },
      { "x y": "1" },
      { x: "a\r\nb: c" },
      { x: "a\0" },
      { x: "€" },
      { "": "x" },
    ];
    for (const headers of refused) {
      assert.equal(
        TOOLS.http_request.input.safeParse({ url: "http://x/", headers }).success,
        false,
        JSON.stringify(headers),
      );
    }
    for (const url of ["ftp://x/", "file:///etc/passwd", "http://u:p@x/", "javascript:1", "http://", "//x"]) {
      assert.equal(TOOLS.http_request.input.safeParse({ url }).success, false, url);
    }
  });

  const skip = spawnSync(OPENSSL, ["version"]).error === undefined ? false : "openssl is not installed";
  it("speaks TLS with servers whose certificate is trusted, by their name", { skip }, async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "http-request-"));
    try {
      const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
      const files = ["-keyout", "key.pem", "-out", "cert.pem", "-days", "2"];
      const args = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
      await run(OPENSSL, [...args, ...files, ...subject], { cwd: folder });
      const [key, cert] = ["key.pem", "cert.pem"].map((file) => readFileSync(path.join(folder, file), "utf8"));
      const secure = createTlsServer({ key, cert }, (_request, response) => response.end("over TLS"));
      await new Promise<void>((resolve) => secure.listen(0, "127.0.0.1", resolve));
      const { port } = secure.address() as AddressInfo;
      const rules = [`localhost:${port}`, `127.0.0.1:${port}`];
      const ca = cert ?? "";
      const answer = await send(rules, { url: `https://localhost:${port}/` }, { ca });
      assert.deepEqual([answer.status, answer.body], [200, "over TLS"]);
      assert.equal(await code(send(rules, { url: `https://localhost:${port}/` })), "HTTP_REQUEST_FAILED");
      assert.equal(await code(send(rules, { url: `https://127.0.0.1:${port}/` }, { ca })), "HTTP_REQUEST_FAILED");
      await new Promise((resolve) => secure.close(resolve));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
