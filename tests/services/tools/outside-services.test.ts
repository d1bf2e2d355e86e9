import assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import { after, before, describe, it } from "node:test";
import type { PlatformError } from "../../../contracts/errors.ts";
import { ToolAdapters, ToolSecrets } from "../../../contracts/tool-adapters.ts";
import { TOOLS } from "../../../contracts/tools.ts";
import { ComposioExecuteAdapter } from "../../../services/tools/composio-execute.ts";
import { createAdapters } from "../../../services/tools/create-adapters.ts";
import { IndexSearchAdapter } from "../../../services/tools/index-search.ts";
import { httpServer, TASK, type TestServer, WORKSPACE } from "../gateway/support.ts";

type Handler = (asked: Record<string, unknown>, response: ServerResponse, request: IncomingMessage) => void;

describe("adapters of services that somebody else runs", () => {
  let server: TestServer;
  let handle: Handler = () => undefined;
  let calls = 0;
  before(async () => {
    server = await httpServer((request, response) => {
      calls++;
      let body = "";
      request.on("data", (chunk: Buffer) => (body += chunk.toString()));
      request.on("end", () => handle(JSON.parse(body) as Record<string, unknown>, response, request));
    });
  });
  after(() => server[Symbol.asyncDispose]());

  const json =
    (value: unknown, status = 200): Handler =>
    (_asked, response) =>
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
  const context = (networkAccess = true) => ({
    identity: { workspaceId: WORKSPACE, taskId: TASK },
    networkAccess,
    signal: new AbortController().signal,
  });
  const codeOf = (called: Promise<unknown>) =>
    called.then(
      (answer) => assert.fail(JSON.stringify(answer)),
      (error: unknown) => `${(error as PlatformError).code}: ${(error as PlatformError).message}`,
    );
  const url = () => `http://127.0.0.1:${server.port}`;

  describe("an index", () => {
    const search = (input: object = {}, timeoutSeconds = 5) =>
      new IndexSearchAdapter("search_tables", { url: `${url()}/find`, timeoutSeconds, token: "word" }).call(
        TOOLS.search_tables.input.parse({ query: "sales", ...input }),
        context(false),
      );

    it("is told who asks for what, and its best results are given", async () => {
      const heard: unknown[] = [];
      handle = (asked, response, request) => {
        heard.push(asked, request.url, request.headers.authorization);
        const results = [1, 3, 2].map((score) => ({
          id: `t${score}`,
          score,
          text: "t",
          metadata: { rows: score },
          more: 1,
        }));
        json({ results, indexedAt: "2026-01-02T03:04:05Z" })(asked, response, request);
      };
      assert.deepEqual(await search({ maxResults: 2, filters: { year: 2026 } }), {
        results: [
          { id: "t3", score: 3, text: "t", metadata: { rows: 3 } },
          { id: "t2", score: 2, text: "t", metadata: { rows: 2 } },
        ],
        indexedAt: "2026-01-02T03:04:05Z",
      });
      const asked = {
        tool: "search_tables",
        workspaceId: WORKSPACE,
        query: "sales",
        maxResults: 2,
        filters: { year: 2026 },
      };
      assert.deepEqual(heard, [asked, "/find", "Bearer word"]);
    });

    it("that fails is told as such, without what it says or where it is", async () => {
      handle = json({ message: "unknown filter: colour" }, 400);
      assert.equal(await codeOf(search()), "TOOL_CALL_REFUSED: search_tables was refused: unknown filter: colour");
      const failing: [Handler, RegExp][] = [
        [json({ secret: "inner" }, 500), /answered with status 500/],
        [json({}, 401), /status 401/],
        [json({ results: "none" }), /answer of another form/],
        [json({ results: [{ id: 1 }] }), /answer of another form/],
        [(_asked, response) => response.end("<html>"), /no JSON/],
        [(_asked, response) => response.destroy(), /cannot be reached/],
        [
          (_asked, response) => response.writeHead(302, { location: "http://169.254.169.254/" }).end(),
          /cannot be reached/,
        ],
        [(_asked, response) => response.end(`{"results":[${" ".repeat(3_000_000)}]}`), /more than 2097152 bytes/],
      ];
      for (const [handler, message] of failing) {
        handle = handler;
        const told = await codeOf(search());
        assert.match(told, /^TOOL_SERVICE_FAILED/);
        assert.match(told, message);
        assert.doesNotMatch(told, /inner|127\.0\.0\.1|word/);
      }
      handle = () => undefined;
      assert.match(await codeOf(search({}, 1)), /^TOOL_TIMED_OUT/);
    });
  });

  describe("Composio", () => {
    const adapter = () =>
      new ComposioExecuteAdapter({
        url: `${url()}/`,
        apiKey: "ak_word",
        tools: ["GITHUB_*", "GMAIL_SEND_EMAIL"],
        timeoutSeconds: 5,
      });
    const execute = (tool: string, networkAccess = true) =>
      adapter().call(TOOLS.composio_execute.input.parse({ tool, arguments: { owner: "o" } }), context(networkAccess));

    it("is asked as its documentation says, as the workspace's own user", async () => {
      const heard: unknown[] = [];
      handle = (asked, response, request) => {
        heard.push(request.method, request.url, request.headers["x-api-key"], asked);
        json({ data: { repos: [] }, error: null, successful: true, log_id: "log_1" })(asked, response, request);
      };
      assert.deepEqual(await execute("GITHUB_GET_REPOS"), { data: { repos: [] }, logId: "log_1" });
      const body = { user_id: WORKSPACE, arguments: { owner: "o" } };
      assert.deepEqual(heard, ["POST", "/api/v3/tools/execute/GITHUB_GET_REPOS", "ak_word", body]);
    });

    it("runs what the installation allows, and only with network access", async () => {
      handle = json({ successful: true });
      calls = 0;
      assert.match(await codeOf(execute("GMAIL_SEND_EMAIL_NOW")), /^TOOL_CALL_REFUSED/);
      assert.match(await codeOf(execute("SLACK_SEND")), /not among the tools/);
      assert.match(await codeOf(execute("GITHUB_GET_REPOS", false)), /^NETWORK_ACCESS_OFF/);
      assert.equal(calls, 0);
      assert.deepEqual(await execute("GMAIL_SEND_EMAIL"), { data: null, logId: null });
      assert.equal(TOOLS.composio_execute.input.safeParse({ tool: "../../x" }).success, false);
    });

    it("tells what was not successful", async () => {
      handle = json({ successful: false, error: "no account is connected" });
      assert.match(await codeOf(execute("GITHUB_GET_REPOS")), /TOOL_CALL_REFUSED.*no account is connected/);
      handle = json({ error: { message: "Tool not found", code: 1, slug: "x" } }, 404);
      assert.match(await codeOf(execute("GITHUB_NO")), /TOOL_CALL_REFUSED.*Tool not found/);
      handle = json({ error: { message: "bad key ak_word" } }, 401);
      assert.equal(
        await codeOf(execute("GITHUB_NO")),
        "TOOL_SERVICE_FAILED: the service behind composio_execute answered with status 401",
      );
    });
  });

  it("need their secrets at start, and name the key that would configure them", () => {
    const make = (config: object, secrets: object = {}) =>
      createAdapters({
        config: ToolAdapters.parse(config),
        secrets: ToolSecrets.parse(secrets),
        pool: { query: () => assert.fail("nothing is asked") },
        contents: {
          listDocuments: () => assert.fail("nothing is listed"),
          readDocument: () => assert.fail("nothing is read"),
        },
      });
    const none = make({ search_documents: { enabled: false } });
    assert.deepEqual(
      Object.entries(none)
        .filter(([, adapter]) => typeof adapter === "string")
        .sort(),
      [
        ["composio_execute", "tools.composio_execute.tools"],
        ["database_query", "tools.database_query.databases"],
        ["http_request", "GATEWAY_SOCKET or GATEWAY_ADDRESS of the API"],
        ["search_documents", "tools.search_documents.enabled"],
        ["search_images", "tools.search_images.url"],
        ["search_tables", "tools.search_tables.url"],
        ["semantic_search", "tools.semantic_search.url"],
      ],
    );
    assert.throws(() => make({ composio_execute: { tools: ["*"] } }), /invalid/i);
    assert.throws(() => make({ composio_execute: { tools: ["A"] } }), { code: "TOOL_SECRET_MISSING" });
    const databases = { database_query: { databases: [{ name: "main", workspaces: [WORKSPACE] }] } };
    assert.throws(() => make(databases), /database_query\.main/);
    const { database_query: adapter } = make(databases, { database_query: { main: "postgres://r:x@h/d" } });
    assert.notEqual(typeof adapter, "string");
  });
});
