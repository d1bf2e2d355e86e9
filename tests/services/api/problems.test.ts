import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { after, before, describe, it } from "node:test";
import { Problem } from "../../../contracts/http-api.ts";
import { startApi, type TestApi } from "../../support/api.ts";
import { startPostgres, type TestPostgres } from "../../support/postgres.ts";

const ID = "6f0c7b1e-1111-4222-8333-444455556666";
const JSON_TYPE = { "content-type": "application/json" };
const step = (tool: string, input: unknown) => ({ prompt: "x", steps: [{ tool, input }] });

/** method, path, body (text: sent as it is), expected status and code, and where the mistake is. */
const BAD_REQUESTS: readonly (readonly [string, string, unknown, number, string, string?])[] = [
  ["GET", "/nowhere", undefined, 404, "ROUTE_NOT_FOUND"],
  ["GET", "/api/tasks/", undefined, 400, "VALIDATION_FAILED", "/taskId"],
  ["DELETE", "/api/tasks", undefined, 405, "METHOD_NOT_ALLOWED"],
  ["QUERY", "/api/tasks", undefined, 405, "METHOD_NOT_ALLOWED"],
  ["DELETE", "/api/admin/dead-letters/drop", undefined, 405, "METHOD_NOT_ALLOWED"],
  ["POST", "/api/workspaces", { name: "a\0b" }, 400, "UNSTORABLE_TEXT"],
  ["POST", "/api/workspaces", { name: "half \ud83d" }, 400, "UNSTORABLE_TEXT"],
  ["GET", "/api/tasks?correlationId=%00", undefined, 400, "UNSTORABLE_TEXT"],
  ["GET", "/api/tasks/not-an-id", undefined, 400, "VALIDATION_FAILED", "/taskId"],
  ["GET", `/api/tasks/${ID}`, undefined, 404, "TASK_NOT_FOUND"],
  ["GET", `/api/workspaces/${ID}`, undefined, 404, "WORKSPACE_NOT_FOUND"],
  ["GET", `/api/workspaces/${ID}/artifacts/x`, undefined, 404, "WORKSPACE_NOT_FOUND"],
  ["PUT", `/api/workspaces/${ID}/plan`, { plan: "pro" }, 404, "WORKSPACE_NOT_FOUND"],
  ["PATCH", `/api/workspaces/${ID}/egress`, { add: ["a.example"] }, 404, "WORKSPACE_NOT_FOUND"],
  ["POST", `/api/workspaces/${ID}/tokens`, { name: "x" }, 404, "WORKSPACE_NOT_FOUND"],
  ["GET", "/api/admin/workers/nobody/health", undefined, 404, "WORKER_NOT_FOUND"],
  ["DELETE", `/api/admin/tokens/${ID}`, undefined, 404, "TOKEN_NOT_FOUND"],
  ["DELETE", `/api/admin/dead-letters/${ID}`, undefined, 404, "TASK_NOT_FOUND"],
  ["GET", "/api/tasks/%E0%A4%A", undefined, 400, "BAD_URL"],
  ["GET", "/api/tasks?status=done", undefined, 400, "VALIDATION_FAILED", "/status/0"],
  ["GET", "/api/tasks?limit=0", undefined, 400, "VALIDATION_FAILED", "/limit"],
  ["GET", "/api/tasks?limit=1e9", undefined, 400, "VALIDATION_FAILED", "/limit"],
  ["GET", "/api/tasks?limit=1&limit=2", undefined, 400, "VALIDATION_FAILED", "/limit"],
  ["GET", "/api/tasks?colour=red", undefined, 400, "VALIDATION_FAILED", "/"],
  ["GET", "/api/tasks?cursor=made-up", undefined, 400, "INVALID_CURSOR"],
  ["GET", "/api/workspaces?cursor=made-up", undefined, 400, "INVALID_CURSOR"],
  ["GET", "/api/admin/audit-log?cursor=made-up", undefined, 400, "INVALID_CURSOR"],
  ["GET", "/api/admin/dead-letters?cursor=made-up", undefined, 400, "INVALID_CURSOR"],
  ["GET", "/api/tasks?submittedAfter=yesterday", undefined, 400, "VALIDATION_FAILED", "/submittedAfter"],
  ["GET", `/api/tasks/${ID}/result?wait=61`, undefined, 400, "VALIDATION_FAILED", "/wait"],
  ["GET", `/api/tasks/${ID}/events?after=-1`, undefined, 400, "VALIDATION_FAILED", "/after"],
  ["POST", "/api/tasks", "{not json", 400, "INVALID_JSON"],
  ["POST", "/api/tasks", "", 400, "INVALID_JSON"],
  ["POST", "/api/tasks", '{"__proto__": {"a": 1}}', 400, "INVALID_JSON"],
  ["POST", "/api/tasks", "null", 400, "VALIDATION_FAILED", "/"],
  ["POST", "/api/tasks", "[]", 400, "VALIDATION_FAILED", "/"],
  ["POST", "/api/tasks", { prompt: "x" }, 400, "WORKSPACE_REQUIRED"],
  ["POST", "/api/tasks", { workspaceId: ID, ...step("list_directory", {}) }, 404, "WORKSPACE_NOT_FOUND"],
  ["POST", "/api/tasks", { prompt: 1 }, 400, "VALIDATION_FAILED", "/prompt"],
  ["POST", "/api/tasks", { prompt: "x", colour: "red" }, 400, "VALIDATION_FAILED", "/"],
  ["POST", "/api/tasks", { prompt: "x", tools: ["read_file", "sudo"] }, 400, "VALIDATION_FAILED", "/tools/1"],
  ["POST", "/api/tasks", { prompt: "x", priority: "urgent" }, 400, "VALIDATION_FAILED", "/priority"],
  ["POST", "/api/tasks", { prompt: "x", timeoutSeconds: 3_601 }, 400, "VALIDATION_FAILED", "/timeoutSeconds"],
  ["POST", "/api/tasks", { prompt: "x", resources: { gpu: "yes" } }, 400, "VALIDATION_FAILED", "/resources/gpu"],
  ["POST", "/api/tasks", step("sudo", {}), 400, "VALIDATION_FAILED", "/steps/0/tool"],
  ["POST", "/api/tasks", step("execute_command", {}), 400, "VALIDATION_FAILED", "/steps/0/input"],
  ["POST", "/api/tasks", step("read_file", { path: "/etc/passwd" }), 400, "VALIDATION_FAILED", "/steps/0/input/path"],
  ["POST", "/api/tasks", step("read_file", { path: "a\0b" }), 400, "VALIDATION_FAILED", "/steps/0/input/path"],
  [
    "POST",
    "/api/tasks",
    { repositories: [{ url: "ssh://h/r", name: "r" }] },
    400,
    "VALIDATION_FAILED",
    "/repositories/0/url",
  ],
  ["POST", "/api/workspaces", {}, 400, "VALIDATION_FAILED", "/name"],
  ["POST", "/api/workspaces", { name: "x", plan: "gold" }, 400, "VALIDATION_FAILED", "/plan"],
  ["POST", "/api/workspaces", { name: "x", egressRules: ["http://x/"] }, 400, "VALIDATION_FAILED", "/egressRules/0"],
  ["PUT", `/api/workspaces/${ID}/tools`, { tools: { sudo: "allow" } }, 400, "VALIDATION_FAILED", "/tools"],
  ["POST", `/api/workspaces/${ID}/tools/read_file`, { path: "a" }, 400, "VALIDATION_FAILED", "/input"],
  ["POST", "/api/admin/tokens", { name: "x", expiresAt: "tomorrow" }, 400, "VALIDATION_FAILED", "/expiresAt"],
];

describe("problems", () => {
  let postgres: TestPostgres;
  let api: TestApi;

  before(async () => {
    postgres = await startPostgres();
    api = await startApi(postgres, { bodyLimitBytes: 10_000 });
  });

  after(async () => {
    await api.stop();
    await postgres.stop();
  });

  for (const [method, path, body, status, code, where] of BAD_REQUESTS) {
    const shown = typeof body === "string" ? body : JSON.stringify(body ?? "");
    it(`${method} ${path} ${shown} is answered with ${status} ${code}`, async () => {
      const headers = body === undefined ? {} : JSON_TYPE;
      const response = await api.request(method, path, { body, headers });
      assert.equal(response.statusCode, status, response.body);
      const problem = assertProblem(response);
      assert.equal(problem.code, code);
      assert.equal(problem.type, `urn:automatos:problem:${code.toLowerCase().replaceAll("_", "-")}`);
      if (where !== undefined)
        assert.ok(
          problem.issues?.some((issue) => issue.path === where),
          response.body,
        );
    });
  }

  function assertProblem(response: Awaited<ReturnType<TestApi["request"]>>): Problem {
    assert.match(String(response.headers["content-type"]), /^application\/problem\+json/);
    const problem = Problem.parse(response.json());
    assert.equal(problem.status, response.statusCode);
    assert.equal(problem.requestId, response.headers["x-request-id"]);
    assert.match(problem.remedy, /^[A-Z].*\.$/s);
    assert.match(problem.detail, /[^.]$/);
    return problem;
  }

  it("names every mistake of a request at once", async () => {
    const body = { priority: "urgent", maxRetries: -1, steps: [{ tool: "read_file", input: {} }], extra: 1 };
    const { issues } = assertProblem(await api.request("POST", "/api/tasks", { body }));
    assert.deepEqual(issues?.map(({ path }) => path).toSorted(), [
      "/",
      "/maxRetries",
      "/priority",
      "/steps/0/input/path",
    ]);
  });

  it("refuses a body that is too large, or of another type, before it reads it", async () => {
    const large = await api.request("POST", "/api/tasks", { body: { prompt: "x".repeat(20_000) } });
    assert.equal(large.statusCode, 413);
    assert.equal(assertProblem(large).code, "BODY_TOO_LARGE");
    for (const type of ["text/plain", "application/xml", "application/x-www-form-urlencoded", "nonsense"]) {
      const other = await api.request("POST", "/api/tasks", { body: "prompt=x", headers: { "content-type": type } });
      assert.equal(other.statusCode, 415, type);
      assert.equal(assertProblem(other).code, "UNSUPPORTED_MEDIA_TYPE");
    }
  });

  it("answers bytes that are no HTTP request with a problem, too", async () => {
    const { hostname, port } = new URL(await api.url());
    const socket = connect({ host: hostname, port: Number(port) });
    await once(socket, "connect");
    socket.write("NONSENSE\r\n\r\n");
    const answer = await text(socket);
    assert.match(answer, /^HTTP\/1\.1 400 Bad Request\r\nContent-Type: application\/problem\+json/);
    Problem.parse(JSON.parse(answer.split("\r\n\r\n")[1] ?? ""));
  });

  it("says nothing of its inside when something breaks there, and logs it under the request's id", async () => {
    await api.pool.query("ALTER TABLE workers RENAME TO hidden");
    try {
      const response = await api.request("GET", "/api/admin/workers");
      assert.equal(response.statusCode, 500);
      const problem = assertProblem(response);
      assert.equal(problem.code, "INTERNAL_ERROR");
      assert.doesNotMatch(response.body, /relation|SELECT|stack|\.ts/i);
      const logged = api.log.find(
        (line) => line["event"] === "request_failed" && line["requestId"] === problem.requestId,
      );
      assert.match(JSON.stringify(logged), /relation \\"workers\\" does not exist/);
    } finally {
      await api.pool.query("ALTER TABLE hidden RENAME TO workers");
    }
  });

  it("answers 503 and Retry-After while the database is away, and is not ready", async () => {
    await postgres.kill();
    try {
      const response = await api.request("GET", "/api/tasks");
      assert.equal(response.statusCode, 503, response.body);
      assert.equal(assertProblem(response).code, "RECORD_UNAVAILABLE");
      assert.equal(response.headers["retry-after"], "2");
      assert.equal((await api.request("GET", "/readyz", { token: null })).statusCode, 503);
      assert.equal((await api.request("GET", "/healthz", { token: null })).statusCode, 200);
    } finally {
      await postgres.restart();
    }
    assert.equal((await api.request("GET", "/readyz", { token: null })).statusCode, 200);
    assert.equal((await api.request("GET", "/api/tasks")).statusCode, 200);
  });

  it("sends the headers that keep browsers from doing more than they should", async () => {
    for (const path of ["/api/tasks", "/nowhere", "/healthz"]) {
      const { headers } = await api.request("GET", path);
      assert.equal(headers["x-content-type-options"], "nosniff");
      assert.equal(headers["cache-control"], "no-store");
      assert.match(String(headers["content-security-policy"]), /default-src 'none'/);
      assert.equal(headers["access-control-allow-origin"], undefined);
    }
    const preflight = await api.request("OPTIONS", "/api/tasks", { headers: { origin: "https://evil.example" } });
    assert.equal(preflight.headers["access-control-allow-origin"], undefined);
  });
});
