import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, it } from "node:test";
import type { ArtifactList, RepositoryList } from "../../contracts/http-api.ts";
import type { z } from "zod";
import type { TaskResult } from "../../contracts/task.ts";
import type { ToolCallAnswer } from "../../contracts/tool-call.ts";
import type { WorkspaceUsage } from "../../contracts/workspace.ts";
import { startPlatform, type TestPlatform } from "../support/platform.ts";

/** As in containers: no socket and no folder is shared, the gateway is a TCP address, the API knows workers alone. */
describe("services that share no file system", () => {
  let platform: TestPlatform;
  let workspaceId: string;
  let site: string;
  const server = createServer((_request, response) => response.end("from outside"));

  before(async () => {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    site = `127.0.0.1:${port}`;
    platform = await startPlatform({ apart: true, gatewayEnv: { DEFAULT_EGRESS_RULES: site } });
    workspaceId = await platform.createWorkspace();
  });
  after(async () => {
    server.close();
    await platform.stop();
  });

  const at = (route: string) => `/api/workspaces/${workspaceId}${route}`;
  const raw = (method: string, route: string) =>
    fetch(`${platform.apiUrl}${at(route)}`, { method, headers: { authorization: `Bearer ${platform.adminToken}` } });
  const curl = (url: string) =>
    platform.request<ToolCallAnswer>("POST", at("/exec"), {
      argv: ["curl", "-sS", "--max-time", "10", "-w", " %{http_code}", url],
    });
  const said = ({ output }: ToolCallAnswer) => String((output as { stdout?: unknown } | null)?.stdout);

  it("run a task whose sandbox reaches what is allowed, by the gateway alone", async () => {
    const taskId = randomUUID();
    const command = `mkdir -p artifacts repos/made && curl -sS http://${site}/ > artifacts/page.txt && echo note > note.md`;
    const steps = [{ tool: "execute_command", input: { command } }];
    await platform.request("POST", "/api/tasks", { taskId, workspaceId, steps });
    const result = await platform.request<TaskResult>("GET", `/api/tasks/${taskId}/result?wait=30`);
    assert.equal(result.status, "completed", JSON.stringify(result));
    assert.match(said(await curl("http://127.0.0.1:9/")), /EGRESS_NOT_ALLOWED.* 403$/s);
  });

  it("show what the task has left, through a worker", async () => {
    const { items } = await platform.request<z.infer<typeof ArtifactList>>("GET", at("/artifacts"));
    assert.deepEqual(
      items.map(({ path }) => path),
      ["page.txt"],
    );
    assert.equal(await (await raw("GET", "/artifacts/page.txt")).text(), "from outside");
    const repos = await platform.request<z.infer<typeof RepositoryList>>("GET", at("/repos"));
    assert.deepEqual(
      repos.items.map(({ name }) => name),
      ["made"],
    );
    assert.equal((await raw("DELETE", "/repos/made")).status, 204);
    assert.equal((await raw("DELETE", "/artifacts/page.txt")).status, 204);
    assert.equal((await raw("GET", "/artifacts/page.txt")).status, 404);
    const usage = await platform.request<WorkspaceUsage>("GET", at("/usage"));
    assert.ok(usage.usedBytes > 0);
    const found = await platform.request<ToolCallAnswer>("POST", at("/tools/search_documents"), {
      input: { query: "note" },
    });
    assert.match(JSON.stringify(found.output), /note\.md/);
  });

  it("refuse at once while the gateway is away, and go on when it is back", async () => {
    await platform.gateway.kill();
    const refused = said(await curl(`http://${site}/`));
    assert.match(refused, /GATEWAY_UNREACHABLE.* 502$/s);
    await platform.gateway.start();
    assert.equal(said(await curl(`http://${site}/`)), "from outside 200");
  });

  it("say that there is no worker, and what to do", async () => {
    await platform.workers[0]?.kill();
    const answer = await raw("GET", "/artifacts");
    assert.equal(answer.status, 503);
    const problem = (await answer.json()) as { code: string; remedy: string };
    assert.equal(problem.code, "NO_WORKER");
    assert.match(problem.remedy, /start a worker/);
    assert.equal((await raw("GET", "/tools")).status, 200);
  });
});
