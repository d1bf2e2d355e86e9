import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdir, rm, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import type { Problem } from "../../../contracts/http-api.ts";
import { ToolAdapters, ToolSecrets } from "../../../contracts/tool-adapters.ts";
import type { ToolPolicy } from "../../../contracts/tools.ts";
import { signApiTaskToken, signTaskToken } from "../../../services/runtime/task-token.ts";
import type { DocumentSearch } from "../../../services/tools/documents/document-index.ts";
import { completed, expectJson, startApi, TASK_TOKEN_KEY, type TestApi, untilState } from "../../support/api.ts";
import { startPostgres, type TestPostgres } from "../../support/postgres.ts";
import { httpServer, type TestServer } from "../gateway/support.ts";

describe("tools that a running task calls at the API", () => {
  let postgres: TestPostgres;
  let api: TestApi;
  let index: TestServer;
  let workspaceId: string;
  let taskId: string;
  let token: string;
  let finish: () => void = () => undefined;
  const heard: Record<string, unknown>[] = [];

  before(async () => {
    postgres = await startPostgres();
    index = await httpServer((request, response) => {
      let body = "";
      request.on("data", (chunk: Buffer) => (body += chunk.toString()));
      request.on("end", () => {
        const asked = JSON.parse(body) as Record<string, unknown>;
        heard.push({ ...asked, authorization: request.headers.authorization });
        if (asked["query"] === "hang") return;
        response.setHeader("content-type", "application/json");
        response.end(JSON.stringify({ results: [{ id: "1", score: 0.5, text: "found" }] }));
      });
    });
    const url = `http://127.0.0.1:${index.port}/search`;
    api = await startApi(postgres, {
      tools: {
        config: ToolAdapters.parse({ semantic_search: { url } }),
        secrets: ToolSecrets.parse({ semantic_search: "index-token" }),
      },
    });
    const finished = new Promise<void>((resolve) => (finish = resolve));
    await api.work(async () => {
      await finished;
      return completed();
    });
    ({ workspaceId } = await api.createWorkspace());
    ({ taskId } = await api.submit(workspaceId));
    await untilState(api, taskId, "running");
    token = await tokenOf({ workspaceId, taskId });
  });
  after(async () => {
    finish();
    await api.stop();
    await index[Symbol.asyncDispose]();
    await postgres.stop();
  });

  const tokenOf = (task: { workspaceId: string; taskId: string }, networkAccess = true) =>
    signApiTaskToken({ ...task, networkAccess, expiresInSeconds: 60 }, TASK_TOKEN_KEY);
  const call = (tool: string, input: unknown, more: { token?: string; callId?: string; taskId?: string } = {}) =>
    api.request("POST", `/api/tasks/${more.taskId ?? taskId}/tools/${tool}`, {
      body: { input, ...(more.callId === undefined ? {} : { callId: more.callId }) },
      token: more.token ?? token,
    });
  const refused = async (response: ReturnType<typeof call>) => {
    const { statusCode, body } = await response;
    const problem = JSON.parse(body) as Problem;
    return `${statusCode} ${problem.code}`;
  };
  const policy = (body: Partial<ToolPolicy>) =>
    api.request("PUT", `/api/workspaces/${workspaceId}/tools`, { body }).then((response) => expectJson(response, 200));

  it("answer with what the tool answers, and tell it whose call it is", async () => {
    const answer = expectJson(await call("semantic_search", { query: "what" }), 200);
    assert.deepEqual(answer, { output: { results: [{ id: "1", score: 0.5, text: "found" }], indexedAt: null } });
    assert.partialDeepStrictEqual(heard.at(-1), { workspaceId, query: "what", authorization: "Bearer index-token" });
    const tasks = expectJson<{ output: { tasks: unknown[] } }>(await call("list_tasks", {}), 200);
    assert.deepEqual(tasks.output.tasks, []);
  });

  it("are counted", async () => {
    const { body } = await api.request("GET", "/metrics");
    assert.match(body, /automatos_tool_calls_total\{tool="semantic_search",outcome="ok"\} 1/);
  });

  it("are listed with what the task may do with them", async () => {
    const listed = await api.request("GET", `/api/tasks/${taskId}/tools`, { token });
    const { tools } = expectJson<{ tools: { name: string; configured: boolean }[] }>(listed, 200);
    const configured = tools.filter((tool) => tool.configured).map(({ name }) => name);
    assert.deepEqual(configured.sort(), ["list_tasks", "read_task_result", "search_documents", "semantic_search"]);
    const all = expectJson<{ tools: { name: string; configured: boolean; notConfigured: string | null }[] }>(
      await api.request("GET", `/api/workspaces/${workspaceId}/tools`),
      200,
    );
    const images = all.tools.find(({ name }) => name === "search_images");
    assert.deepEqual([images?.configured, images?.notConfigured], [false, "not configured: tools.search_images.url"]);
    assert.equal(all.tools.find(({ name }) => name === "read_file")?.configured, true);
  });

  it("are refused to everybody else, and the task's token opens nothing else", async () => {
    const other = await api.createWorkspace();
    const theirs = await api.submit(other.workspaceId);
    const input = { query: "x" };
    assert.equal(await refused(call("semantic_search", input, { token: api.adminToken })), "401 UNAUTHENTICATED");
    const workspaceToken = await api.createToken(workspaceId);
    assert.equal(await refused(call("semantic_search", input, { token: workspaceToken })), "401 UNAUTHENTICATED");
    const gatewayToken = await signTaskToken({ workspaceId, taskId, expiresInSeconds: 60 }, TASK_TOKEN_KEY);
    assert.equal(await refused(call("semantic_search", input, { token: gatewayToken })), "401 UNAUTHENTICATED");
    const forged = await signApiTaskToken(
      { workspaceId, taskId, networkAccess: true, expiresInSeconds: 60 },
      new Uint8Array(32).fill(1),
    );
    assert.equal(await refused(call("semantic_search", input, { token: forged })), "401 UNAUTHENTICATED");
    const expired = await signApiTaskToken(
      { workspaceId, taskId, networkAccess: true, expiresInSeconds: -10 },
      TASK_TOKEN_KEY,
    );
    assert.equal(await refused(call("semantic_search", input, { token: expired })), "401 UNAUTHENTICATED");
    assert.equal(await refused(call("semantic_search", input, { taskId: theirs.taskId })), "404 TASK_NOT_FOUND");
    const stolen = await tokenOf({ workspaceId: other.workspaceId, taskId });
    assert.equal(await refused(call("semantic_search", input, { token: stolen })), "404 TASK_NOT_FOUND");
    await api.app.ready();
    for (const { method, url, access } of api.app.routeTable) {
      if (access === "public" || access === "running-task") continue;
      const where = url.replace(":workspaceId", workspaceId).replace(":taskId", taskId);
      const response = await api.request(method, where, { token, ...(method === "GET" ? {} : { body: {} }) });
      assert.equal(response.statusCode, 401, `${method} ${url}`);
    }
  });

  it("are refused for wrong inputs, unknown tools and what is not configured", async () => {
    assert.equal(await refused(call("semantic_search", { query: 1 })), "400 INVALID_TOOL_INPUT");
    assert.equal(await refused(call("read_file", { path: "x" })), "400 VALIDATION_FAILED");
    assert.equal(await refused(call("no_such_tool", {})), "400 VALIDATION_FAILED");
    assert.equal(await refused(call("search_images", { query: "x" })), "501 TOOL_NOT_CONFIGURED");
    assert.equal(await refused(call("http_request", { url: "http://x/" })), "501 TOOL_NOT_CONFIGURED");
  });

  it("obey the workspace's policy, and a person's approval of this very call", async () => {
    await policy({ tools: { semantic_search: "deny" } });
    assert.equal(await refused(call("semantic_search", { query: "x" })), "403 TOOL_DENIED");
    await policy({ tools: { semantic_search: "ask" } });
    assert.equal(await refused(call("semantic_search", { query: "x" })), "403 TOOL_NEEDS_APPROVAL");
    assert.equal(
      await refused(call("semantic_search", { query: "x" }, { callId: "step-0" })),
      "403 TOOL_NEEDS_APPROVAL",
    );
    const ask = (callId: string, tool: string, decision: string | null) =>
      api.pool.query(
        `INSERT INTO task_approvals (task_id, call_id, lease_token, tool, level, input, summary, expires_at, decision, decided_by, decided_at)
         VALUES ($1, $2, gen_random_uuid(), $3, 'safe', '{}', '', now() + interval '1 hour', $4::text,
           CASE WHEN $4::text IS NULL THEN NULL ELSE 'admin:root' END, CASE WHEN $4::text IS NULL THEN NULL ELSE now() END)`,
        [taskId, callId, tool, decision],
      );
    await ask("step-0", "semantic_search", "approved");
    await ask("step-1", "semantic_search", "denied");
    await ask("step-3", "http_request", "approved");
    expectJson(await call("semantic_search", { query: "x" }, { callId: "step-0" }), 200);
    for (const callId of ["step-1", "step-2", "step-3"]) {
      assert.equal(await refused(call("semantic_search", { query: "x" }, { callId })), "403 TOOL_NEEDS_APPROVAL");
    }
    await policy({});
  });

  it("are in the audit log from level cautious on", async () => {
    await call("semantic_search", { query: "quiet" });
    await call("http_request", { url: "http://x/" });
    const log = await api.request("GET", "/api/admin/audit-log?action=task.tool.call");
    const { items } = expectJson<{ items: Record<string, unknown>[] }>(log, 200);
    assert.partialDeepStrictEqual(items[0], {
      actor: `task:${workspaceId}:${taskId}`,
      outcome: "TOOL_NOT_CONFIGURED",
      workspaceId,
    });
    assert.ok(items.every(({ target, outcome }) => outcome !== "ok" || !String(target).includes("semantic_search")));
  });

  it("stop when the caller goes away", async () => {
    const gone = new AbortController();
    const sent = fetch(`${await api.url()}/api/tasks/${taskId}/tools/semantic_search`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify({ input: { query: "hang" } }),
      signal: gone.signal,
    });
    while (heard.at(-1)?.["query"] !== "hang") await new Promise((resolve) => setTimeout(resolve, 10));
    gone.abort();
    await assert.rejects(sent);
    const stopped = () =>
      api.log.find((line) => line["event"] === "tool_called" && line["outcome"] === "TOOL_CANCELLED");
    while (stopped() === undefined) await new Promise((resolve) => setTimeout(resolve, 10));
  });

  describe("search_documents", () => {
    const folder = () => path.join(api.workspacesDir, workspaceId);
    const put = async (file: string, content: string | Uint8Array) => {
      await mkdir(path.dirname(path.join(folder(), file)), { recursive: true });
      await writeFile(path.join(folder(), file), content);
    };
    const search = async (input: object) => {
      const { output } = expectJson<{ output: DocumentSearch }>(await call("search_documents", input), 200);
      return output;
    };
    const paths = async (input: object) => (await search(input)).results.map((result) => result.path);

    it("finds words, forms of words and phrases in text files, the best first", async () => {
      await put("artifacts/report.md", `${"Filler words. ".repeat(500)}The invoices were sorted by due date.`);
      await put("artifacts/due/invoice-list.txt", "One invoice.");
      await put("notes.txt", "sorted socks");
      await put("repos/shop/README.md", "invoice");
      await put("tasks/task_1/x.txt", "invoice");
      await put(".hidden/x.txt", "invoice");
      await put("artifacts/image.png", Buffer.from([0x89, 0x50, 0, 1, 0xff]));
      await put("artifacts/nul.txt", "invoice\0");
      await symlink("/etc/passwd", path.join(folder(), "artifacts/passwd"));
      assert.deepEqual(await paths({ query: "invoice" }), ["artifacts/due/invoice-list.txt", "artifacts/report.md"]);
      assert.deepEqual(await paths({ query: '"sorted by due"' }), ["artifacts/report.md"]);
      assert.deepEqual(await paths({ query: "sorting -invoice" }), ["notes.txt"]);
      assert.deepEqual(await paths({ query: "invoice", path: "artifacts/due" }), ["artifacts/due/invoice-list.txt"]);
      assert.deepEqual(await paths({ query: "root" }), []);
      const [first] = (await search({ query: "invoices sorted" })).results;
      assert.match(first?.passages ?? "", /invoices were sorted by due date/);
      assert.ok((first?.passages.length ?? 0) < 1_500);
      assert.deepEqual((await search({ query: "invoice", maxResults: 1 })).found, 2);
    });

    it("is as fresh as the files", async () => {
      await put("notes.txt", "an invoice now");
      await rm(path.join(folder(), "artifacts/due"), { recursive: true });
      assert.deepEqual(await paths({ query: "invoice" }), ["notes.txt", "artifacts/report.md"]);
    });

    it("takes texts with more words than an index entry holds, and hostile queries", async () => {
      const words = Array.from({ length: 120_000 }, (_, n) => `w${n.toString(36)}x`).join(" ");
      await put("artifacts/many-words.txt", words);
      assert.deepEqual(await paths({ query: "w1x" }), ["artifacts/many-words.txt"]);
      for (const query of ["'; DROP TABLE workspaces; --", "a & | !", '"', "((((", ":*", "\\", "   ", "-", "or or"]) {
        await search({ query });
      }
      assert.equal(await refused(call("search_documents", { query: "x", path: "../x" })), "400 PATH_OUTSIDE_WORKSPACE");
    });

    it("knows nothing of another workspace's files", async () => {
      const other = await api.createWorkspace();
      const { taskId: theirs } = await api.submit(other.workspaceId);
      await untilState(api, theirs, "running");
      const their = await tokenOf({ workspaceId: other.workspaceId, taskId: theirs });
      const answer = await call("search_documents", { query: "invoice" }, { token: their, taskId: theirs });
      assert.deepEqual(expectJson(answer, 200), { output: { results: [], found: 0, notIndexed: 0 } });
    });
  });

  it("end with the task", async () => {
    const ended = await api.submit(workspaceId);
    await api.request("POST", `/api/tasks/${ended.taskId}/cancel`);
    const late = await tokenOf({ workspaceId, taskId: ended.taskId });
    assert.equal(await refused(call("list_tasks", {}, { token: late, taskId: ended.taskId })), "409 TASK_NOT_RUNNING");
    assert.equal(await refused(call("list_tasks", {}, { taskId: randomUUID() })), "404 TASK_NOT_FOUND");
  });
});
