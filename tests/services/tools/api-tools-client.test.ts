import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { after, before, describe, it } from "node:test";
import type { PlatformError } from "../../../contracts/errors.ts";
import { TOOLS, type ApiToolName } from "../../../contracts/tools.ts";
import { ApiToolsClient } from "../../../services/tools/api-tools-client.ts";
import { freePorts } from "../../support/ports.ts";
import { httpServer, type TestServer } from "../gateway/support.ts";

type Answer = (response: ServerResponse, request: IncomingMessage) => void;

describe("the way to the API's tools", () => {
  let server: TestServer;
  let answers: Answer[] = [];
  let calls = 0;
  const seen: { url: string | undefined; authorization: string | undefined; body: string }[] = [];
  before(async () => {
    server = await httpServer((request, response) => {
      calls++;
      let body = "";
      request.on("data", (chunk: Buffer) => (body += chunk.toString()));
      request.on("end", () => {
        seen.push({ url: request.url, authorization: request.headers.authorization, body });
        const answer = answers.length > 1 ? answers.shift() : answers[0];
        answer?.(response, request);
      });
    });
  });
  after(() => server[Symbol.asyncDispose]());

  const taskId = randomUUID();
  const client = (apiUrl = `http://127.0.0.1:${server.port}`) =>
    new ApiToolsClient({ apiUrl, taskId, token: "task-token", maxRetries: 2, retryDelayMs: 1 });
  const output: Answer = (response) => response.end(JSON.stringify({ output: { fine: true } }));
  const vanish: Answer = (response) => response.destroy();
  const nonsense: Answer = (response) => response.writeHead(502).end("<html>");
  const problem =
    (status: number, code: string, retryAfter?: string): Answer =>
    (response) => {
      response.writeHead(status, retryAfter === undefined ? {} : { "retry-after": retryAfter });
      response.end(JSON.stringify({ status, code, detail: `about ${code}`, remedy: "Do something." }));
    };
  const call = async (name: ApiToolName, input: object, given: Answer[], signal = new AbortController().signal) => {
    answers = given;
    calls = 0;
    return client().call(name, TOOLS[name].input.parse(input), { callId: "step-1", signal });
  };
  const failure = (called: Promise<unknown>) =>
    called.then(
      () => assert.fail("it answered"),
      (error: unknown) => error as PlatformError,
    );
  const search = { query: "x" };
  const post = { url: "http://x/", method: "POST" };

  it("sends the call with the task's token, and gives the output", async () => {
    assert.deepEqual(await call("semantic_search", search, [output]), { fine: true });
    const { url, authorization, body } = seen.at(-1) ?? {};
    assert.deepEqual([url, authorization], [`/api/tasks/${taskId}/tools/semantic_search`, "Bearer task-token"]);
    assert.partialDeepStrictEqual(JSON.parse(body ?? ""), { callId: "step-1", input: { query: "x" } });
  });

  it("tells the API's error as it is, without trying again", async () => {
    const error = await failure(call("semantic_search", search, [problem(403, "TOOL_DENIED")]));
    assert.partialDeepStrictEqual(
      { code: error.code, message: error.message, remedy: error.remedy, status: error.status },
      { code: "TOOL_DENIED", message: "about TOOL_DENIED", remedy: "Do something.", status: 403 },
    );
    assert.equal(calls, 1);
  });

  it("tries again what was certainly not made", async () => {
    assert.deepEqual(await call("http_request", post, [problem(429, "TOOL_BUSY", "0"), output]), { fine: true });
    const error = await failure(call("composio_execute", { tool: "ABC" }, [problem(503, "RECORD_UNAVAILABLE", "0")]));
    assert.deepEqual([error.code, calls], ["RECORD_UNAVAILABLE", 3]);
    const [closedPort] = await freePorts(1);
    const nobody = client(`http://127.0.0.1:${closedPort ?? 0}`).call(
      "composio_execute",
      {},
      {
        callId: undefined,
        signal: new AbortController().signal,
      },
    );
    const refused = await failure(nobody);
    assert.equal(refused.code, "API_TOOL_UNREACHABLE");
    assert.doesNotMatch(refused.message, /may or may not/);
  });

  it("tries again what was lost where that does no harm, and never anything else", async () => {
    for (const lost of [vanish, nonsense]) {
      assert.deepEqual(await call("semantic_search", search, [lost, lost, output]), { fine: true });
      assert.deepEqual(await call("database_query", { query: "select 1" }, [lost, output]), { fine: true });
      assert.deepEqual(await call("http_request", { url: "http://x/" }, [lost, output]), { fine: true });
      for (const [name, input] of [
        ["http_request", post],
        ["composio_execute", { tool: "ABC" }],
      ] as const) {
        const error = await failure(call(name, input, [lost, output]));
        assert.deepEqual([error.code, calls], ["API_TOOL_UNREACHABLE", 1]);
        assert.match(error.message, /may or may not have been done/);
      }
    }
  });

  it("stops with the task, in a call and between two", async () => {
    const running = AbortSignal.timeout(100);
    assert.equal((await failure(call("semantic_search", search, [() => undefined], running))).code, "TOOL_CANCELLED");
    const waiting = AbortSignal.timeout(100);
    const busy = problem(429, "TOOL_BUSY", "9");
    assert.equal((await failure(call("semantic_search", search, [busy], waiting))).code, "TOOL_CANCELLED");
  });

  it("knows what is not configured, and offers all where it cannot ask", async () => {
    const { signal } = new AbortController();
    const tools = [
      { name: "http_request", decision: "allow", configured: true },
      { name: "search_images", decision: "allow", configured: false },
    ];
    answers = [(response) => response.end(JSON.stringify({ tools }))];
    assert.deepEqual([...(await client().notConfigured(signal))], ["search_images"]);
    answers = [vanish];
    assert.equal((await client().notConfigured(signal)).size, 0);
  });
});
