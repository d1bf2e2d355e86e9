import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, it } from "node:test";
import type { AgentTaskInput, TaskResult, TaskStatus } from "../../contracts/task.ts";
import { startLlmServer, type LlmServer } from "../support/llm-server.ts";
import { startPlatform, type TestPlatform } from "../support/platform.ts";
import { httpServer, type TestServer } from "../services/gateway/support.ts";

describe("tools of both sides, from one task", () => {
  let platform: TestPlatform;
  let server: TestServer;
  let workspaceId: string;
  let llm: LlmServer;
  const heard: (string | undefined)[] = [];

  before(async () => {
    server = await httpServer((request, response) => {
      heard.push(`${request.method ?? ""} ${request.url ?? ""}`);
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ results: [{ id: "1", score: 1, text: "from the index" }] }));
    });
    llm = await startLlmServer();
    platform = await startPlatform({
      llm: {
        providers: [{ name: "scripted", baseUrl: llm.url, models: ["scripted"] }],
        models: {
          main: {
            targets: [{ provider: "scripted", model: "scripted" }],
            contextWindow: 64_000,
            maxOutputTokens: 4_000,
          },
        },
      },
      tools: {
        semantic_search: { url: `http://127.0.0.1:${server.port}/index` },
        database_query: { databases: [{ name: "default", workspaces: "all" }] },
      },
      toolSecrets: { database_query: { default: "postgres://reader:reader@127.0.0.1:1/none" } },
    });
    workspaceId = await platform.createWorkspace({ egressRules: [`127.0.0.1:${server.port}`] });
  });
  after(async () => {
    await platform.stop();
    await llm.stop();
    await server[Symbol.asyncDispose]();
  });

  const run = async (steps: object[], more: Partial<AgentTaskInput> = {}): Promise<TaskResult> => {
    const taskId = randomUUID();
    await platform.request("POST", "/api/tasks", { taskId, workspaceId, steps, ...more });
    return platform.request<TaskResult>("GET", `/api/tasks/${taskId}/result?wait=60`);
  };
  const url = () => `http://127.0.0.1:${server.port}/page?word=hidden`;

  it("run where they are, and the task does not see where", async () => {
    const result = await run([
      { tool: "write_file", input: { path: "repos/shop/cart.ts", content: "export const total = 1;\n" } },
      { tool: "write_file", input: { path: "artifacts/report.md", content: "The totals were checked." } },
      { tool: "search_codebase", input: { query: "total", contextLines: 0 } },
      { tool: "search_documents", input: { query: "checking total" } },
      { tool: "semantic_search", input: { query: "anything" } },
      { tool: "http_request", input: { url: url() } },
      { tool: "list_tasks", input: {} },
    ]);
    assert.equal(result.status, "completed", JSON.stringify(result.error));
    const [, , code, documents, index, page, tasks] = result.steps.map(({ output }) => output);
    assert.partialDeepStrictEqual(code, { excerpts: [{ path: "repos/shop/cart.ts", startLine: 1 }] });
    assert.partialDeepStrictEqual(documents, { found: 1, results: [{ path: "artifacts/report.md" }] });
    assert.partialDeepStrictEqual(index, { results: [{ text: "from the index" }] });
    assert.partialDeepStrictEqual(page, { status: 200, encoding: "utf8" });
    assert.partialDeepStrictEqual(tasks, { tasks: [] });
    assert.deepEqual(heard, ["POST /index", "GET /page?word=hidden"]);
    assert.match(await platform.gateway.log(), new RegExp(`127\\.0\\.0\\.1:${server.port}|${workspaceId}`));
    for (const service of [platform.api, platform.gateway, ...platform.workers]) {
      assert.doesNotMatch(await service.log(), /word=hidden|checking total/);
    }
  });

  it("fail the step with the tool's own error", async () => {
    const closed = await run([{ tool: "http_request", input: { url: "http://example.com/" } }]);
    assert.deepEqual([closed.status, closed.error?.code], ["failed", "EGRESS_NOT_ALLOWED"]);
    const offline = await run([{ tool: "http_request", input: { url: url() } }], {
      resources: { networkAccess: false },
    });
    assert.equal(offline.error?.code, "NETWORK_ACCESS_OFF");
    const missing = await run([{ tool: "search_images", input: { query: "x" } }]);
    assert.deepEqual(
      [missing.error?.code, missing.error?.remedy.includes("tools.search_images.url")],
      ["TOOL_NOT_CONFIGURED", true],
    );
    const gone = await run([{ tool: "database_query", input: { query: "SELECT 1" } }]);
    assert.equal(gone.error?.code, "DATABASE_UNREACHABLE");
  });

  it("are the model's, too: what is configured is offered, and called like any other", async () => {
    const tools = ["search_codebase", "semantic_search", "search_images", "http_request", "composio_execute"];
    llm.script(
      {
        calls: [
          { name: "search_codebase", arguments: { query: "total", contextLines: 0 } },
          { name: "semantic_search", arguments: { query: "totals" } },
          { name: "http_request", arguments: { url: "http://example.com/" } },
        ],
      },
      { text: "Done." },
    );
    const result = await run([], { prompt: "Look for totals.", tools });
    assert.deepEqual([result.status, result.result], ["completed", "Done."], JSON.stringify(result.error));
    const offered = (llm.requests[0]?.body.tools ?? []).map((tool) => tool.function.name).sort();
    assert.deepEqual(offered, ["http_request", "search_codebase", "semantic_search"]);
    const answers = (llm.requests[1]?.body.messages ?? [])
      .filter(({ role }) => role === "tool")
      .map(({ content }) => content);
    assert.equal(answers.length, 3);
    assert.match(String(answers[0]), /repos\/shop\/cart\.ts/);
    assert.match(String(answers[1]), /from the index/);
    assert.match(String(answers[2]), /EGRESS_NOT_ALLOWED|not on the allow-list/);
  });

  it("wait for a person where the workspace asks one, on either side", async () => {
    await platform.request("PUT", `/api/workspaces/${workspaceId}/tools`, {
      tools: { http_request: "ask", search_codebase: "ask" },
    });
    const taskId = randomUUID();
    const steps = [
      { tool: "search_codebase", input: { query: "total" } },
      { tool: "http_request", input: { url: url() } },
    ];
    heard.length = 0;
    await platform.request("POST", "/api/tasks", { taskId, workspaceId, steps });
    for (const callId of ["step-0", "step-1"]) {
      for (;;) {
        const status = await platform.request<TaskStatus & { waiting: { reason: string } | null }>(
          "GET",
          `/api/tasks/${taskId}`,
        );
        assert.notEqual(status.status, "failed", JSON.stringify(status.error));
        const { items } = await platform.request<{ items: { callId: string; status: string }[] }>(
          "GET",
          `/api/tasks/${taskId}/approvals`,
        );
        if (items.some((item) => item.callId === callId && item.status === "waiting")) break;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      assert.deepEqual(heard, []);
      await platform.request("POST", `/api/tasks/${taskId}/approvals/${callId}`, { decision: "approved" });
    }
    const result = await platform.request<TaskResult>("GET", `/api/tasks/${taskId}/result?wait=60`);
    assert.equal(result.status, "completed", JSON.stringify(result.error));
    assert.deepEqual(heard, ["GET /page?word=hidden"]);
    await platform.request("PUT", `/api/workspaces/${workspaceId}/tools`, {});
  });

  it("leave the token for the API out of the sandbox", async () => {
    const result = await run([
      { tool: "execute_command", input: { argv: ["python3", "-c", "import os; print(sorted(os.environ.items()))"] } },
      { tool: "execute_command", input: { command: "cat /proc/self/environ" } },
    ]);
    assert.equal(result.status, "completed");
    const tokens = [...JSON.stringify(result.steps).matchAll(/eyJ[\w-]+\.(eyJ[\w-]+)\.[\w-]+/g)].map(
      ([, claims = ""]) => (JSON.parse(Buffer.from(claims, "base64url").toString()) as { aud: string }).aud,
    );
    assert.ok(!tokens.includes("automatos-api"), "a token for the API");
  });

  it("wait for an API that is away for a moment", async () => {
    const taskId = randomUUID();
    const steps = [
      { tool: "execute_command", input: { argv: ["sleep", "1"] } },
      { tool: "semantic_search", input: { query: "again" } },
    ];
    await platform.request("POST", "/api/tasks", { taskId, workspaceId, steps });
    let state = "";
    while (state !== "running") {
      ({ status: state } = await platform.request<TaskStatus>("GET", `/api/tasks/${taskId}`));
    }
    await platform.api.kill();
    await platform.api.start();
    const result = await platform.request<TaskResult>("GET", `/api/tasks/${taskId}/result?wait=60`);
    assert.equal(result.status, "completed", JSON.stringify(result.error));
  });
});
