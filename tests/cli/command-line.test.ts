import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import { runCli } from "../support/cli.ts";

/** Records what it is asked, and answers with what a test wants. */
describe("the command line", () => {
  let server: Server;
  let url: string;
  let folder: string;
  let requests: { url: string; authorization: string | undefined }[];
  let answer: { status: number; type: string; body: string };

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "automatos-command-line-"));
    server = createServer((request, response) => {
      requests.push({ url: request.url ?? "", authorization: request.headers.authorization });
      response.writeHead(answer.status, { "content-type": answer.type }).end(answer.body);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  after(async () => {
    server.closeAllConnections();
    server.close();
    await rm(folder, { recursive: true, force: true });
  });

  const reset = (status = 200, body = '{"items":[],"nextCursor":null}', type = "application/json"): void => {
    requests = [];
    answer = { status, type, body };
  };

  it("takes its configuration from flags before the environment before the nearest file", async () => {
    const project = path.join(folder, "project");
    const deep = path.join(project, "a", "b");
    await mkdir(deep, { recursive: true });
    await mkdir(path.join(project, ".automatos"));
    await writeFile(
      path.join(project, ".automatos", "cli.json"),
      JSON.stringify({ apiUrl: `${url}/`, token: "from-file" }),
    );

    reset();
    assert.equal((await runCli(["task", "ls"], { cwd: deep })).code, 0);
    assert.equal((await runCli(["task", "ls"], { cwd: deep, env: { AUTOMATOS_TOKEN: "from-env" } })).code, 0);
    assert.equal(
      (await runCli(["task", "ls", "--token", "from-flag"], { cwd: deep, env: { AUTOMATOS_TOKEN: "x" } })).code,
      0,
    );
    assert.deepEqual(requests, [
      { url: "/api/tasks", authorization: "Bearer from-file" },
      { url: "/api/tasks", authorization: "Bearer from-env" },
      { url: "/api/tasks", authorization: "Bearer from-flag" },
    ]);
  });

  it("sends the file's token to the file's API only", async () => {
    reset();
    const cwd = path.join(folder, "project");
    const { code, stderr } = await runCli(["task", "ls"], { cwd, env: { AUTOMATOS_API_URL: "http://127.0.0.1:1" } });
    assert.equal(code, 2);
    assert.match(stderr, /no token is known for http:\/\/127\.0\.0\.1:1/);
    assert.deepEqual(requests, []);
  });

  it("does not carry the token to where the API redirects", async () => {
    reset(302, "");
    const env = { AUTOMATOS_API_URL: url, AUTOMATOS_TOKEN: "secret" };
    assert.equal(
      (await runCli(["workspace", "token", "revoke", "6f0c7b1e-1111-4222-8333-444455556666"], { env })).code,
      5,
    );
  });

  it("says what is wrong with the configuration", async () => {
    const broken = path.join(folder, "broken");
    await mkdir(path.join(broken, ".automatos"), { recursive: true });
    for (const [content, message] of [
      ["{", /cli\.json is not JSON/],
      ['{"apiUrl":"ftp://x","token":""}', /cli\.json is not valid[^]*apiUrl[^]*token/],
    ] as const) {
      await writeFile(path.join(broken, ".automatos", "cli.json"), content);
      const { code, stderr } = await runCli(["task", "ls"], { cwd: broken });
      assert.equal(code, 2);
      assert.match(stderr, message);
    }
    const none = await runCli(["task", "ls"]);
    assert.equal(none.code, 2);
    assert.match(none.stderr, /no API is known[^]*Run `npm start`/);
  });

  const WRONG: readonly (readonly [string[], RegExp])[] = [
    [["task", "run"], /nothing to do/],
    [["task", "run", "--bogus"], /unknown option '--bogus'/],
    [["task", "run", "--step", "{"], /--step \{ is not JSON/],
    [["task", "run", "--step", '{"tool":"sudo"}'], /steps\[0\]\.tool/],
    [["task", "run", "--file", "/nowhere.json"], /cannot be read/],
    [["task", "run", "--command", "x", "--priority", "urgent"], /priority/],
    [["task", "run", "--command", "x", "--timeout", "soon"], /whole number/],
    [["task", "run", "--command", "x", "--repo", "ssh://h/r"], /repositories\[0\]\.url/],
    [["task", "show"], /missing required argument/],
    [["task", "show", "not-an-id"], /not-an-id is no task id/],
    [["task", "ls", "--after", "yesterday"], /yesterday is no time/],
    [["workspace", "egress", "add"], /missing required argument/],
    [["nonsense"], /unknown command/],
  ];
  for (const [args, message] of WRONG) {
    it(`ends \`${args.join(" ")}\` with status 2 and says why`, async () => {
      const env = { AUTOMATOS_API_URL: "http://127.0.0.1:1", AUTOMATOS_TOKEN: "x" };
      const { code, stdout, stderr } = await runCli(args, { env });
      assert.deepEqual([code, stdout], [2, ""]);
      assert.match(stderr, message);
    });
  }

  it("ends with 5 when the API cannot be reached, also behind a proxy that says so", async () => {
    const away = { AUTOMATOS_API_URL: "http://127.0.0.1:9", AUTOMATOS_TOKEN: "x" };
    const refused = await runCli(["admin", "queues"], { env: away });
    assert.equal(refused.code, 5);
    assert.match(refused.stderr, /cannot be reached/);
    reset(502, "<html>bad gateway</html>", "text/html");
    const proxied = await runCli(["admin", "queues"], { env: { AUTOMATOS_API_URL: url, AUTOMATOS_TOKEN: "x" } });
    assert.equal(proxied.code, 5);
    assert.ok(requests.length > 1, "a read is tried again");
  });

  it("says that versions differ when the answer is not one that it knows", async () => {
    for (const body of ["{}", "not json", '{"items":[{"taskId":1}],"nextCursor":null}']) {
      reset(200, body);
      const { code, stderr } = await runCli(["task", "ls"], { env: { AUTOMATOS_API_URL: url, AUTOMATOS_TOKEN: "x" } });
      assert.equal(code, 1);
      assert.match(stderr, /not one that this version understands\nCompare `automatos version`/);
    }
  });

  it("shows help and the exit statuses with status 0, and its version without an API", async () => {
    const help = await runCli(["--help"]);
    assert.equal(help.code, 0);
    assert.match(help.stdout, /Exit status:\n +0 +done/);
    assert.equal((await runCli(["task", "run", "--help"])).code, 0);
    const version = await runCli(["version"]);
    assert.equal(version.code, 0);
    assert.match(version.stdout, /^automatos \d+\.\d+\.\d+ \(Node v/);
  });

  it("has no colours where no terminal is", async () => {
    const help = await runCli(["task", "run"], { env: { FORCE_COLOR: "1" } });
    assert.ok(!help.stderr.includes("\u001b["));
  });
});
