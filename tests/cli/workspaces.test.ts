import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import type { EgressRules, QueueList, WorkspaceTools } from "../../contracts/http-api.ts";
import { startApi, type TestApi } from "../support/api.ts";
import { runCli, type CliOptions, type CliResult } from "../support/cli.ts";
import { startPostgres, type TestPostgres } from "../support/postgres.ts";

describe("automatos workspace and admin", () => {
  let postgres: TestPostgres;
  let api: TestApi;
  let folder: string;
  let admin: CliOptions & { env: Record<string, string> };
  let workspaceId: string;

  before(async () => {
    postgres = await startPostgres();
    api = await startApi(postgres);
    folder = await mkdtemp(path.join(tmpdir(), "automatos-cli-"));
    admin = { env: { AUTOMATOS_API_URL: await api.url(), AUTOMATOS_TOKEN: api.adminToken }, cwd: folder };
    const created = await runCli(["workspace", "create", "Acme", "--plan", "pro", "--egress", "a.example"], admin);
    assert.equal(created.code, 0, created.stderr);
    workspaceId = created.stdout.trim();
  });

  after(async () => {
    await api.stop();
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const run = (...args: string[]): Promise<CliResult> => runCli(args, admin);
  const json = async <Body>(...args: string[]): Promise<Body> => {
    const { code, stdout, stderr } = await run(...args, "--json");
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout) as Body;
  };

  it("lists and shows workspaces", async () => {
    assert.match(
      (await run("workspace", "ls")).stdout,
      new RegExp(`^WORKSPACE +NAME +PLAN +CREATED\n${workspaceId} +Acme +pro +`),
    );
    const shown = await run("workspace", "show", workspaceId);
    assert.match(shown.stdout, /name: +Acme\nplan: +pro\n/);
    assert.match((await run("workspace", "usage", workspaceId)).stdout, /storage: +0 B of 10\.0 GB \(0 %\)\n/);
    assert.match((await run("workspace", "llm", workspaceId)).stdout, /today: +0 tokens\nthis month: +0 tokens\n/);
    assert.match((await run("workspace", "plan", workspaceId)).stdout, /tokens: +no limit\n/);
    assert.match(
      (await run("workspace", "plan", workspaceId, "enterprise")).stdout,
      /^plan: +enterprise\nrunning tasks: +at most 10\n/,
    );
    await run("workspace", "plan", workspaceId, "pro");
  });

  it("adds and removes egress rules, the workspace named first, by a flag or by the token", async () => {
    assert.equal((await run("workspace", "egress", "add", workspaceId, "127.0.0.1:9418", "*.b.example")).code, 0);
    assert.equal((await run("--workspace", workspaceId, "workspace", "egress", "rm", "a.example")).code, 0);
    const { rules } = await json<EgressRules>("workspace", "egress", "ls", workspaceId);
    assert.deepEqual(rules, ["127.0.0.1:9418", "*.b.example"]);

    const token = await api.createToken(workspaceId);
    const own = { ...admin, env: { ...admin.env, AUTOMATOS_TOKEN: token } };
    const listed = await runCli(["workspace", "egress", "ls"], own);
    assert.equal(listed.stdout, "127.0.0.1:9418\n*.b.example\n");
    const refused = await runCli(["workspace", "egress", "add", "c.example"], own);
    assert.equal(refused.code, 6);
    assert.match(refused.stderr, /needs an admin token\nAsk an administrator/);
  });

  it("changes single decisions of the tool policy", async () => {
    await run("workspace", "tools", "set", workspaceId, "dangerous=ask", "read_file=deny");
    const { policy } = await json<WorkspaceTools>("workspace", "tools", "show", workspaceId);
    assert.deepEqual(policy, {
      levels: { safe: "allow", cautious: "allow", dangerous: "ask" },
      tools: { read_file: "deny" },
    });
    const wrong = await run("workspace", "tools", "set", workspaceId, "sudo=allow");
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /sudo=allow is no decision/);
  });

  it("lists, downloads and removes artifacts, and overwrites nothing by surprise", async () => {
    const artifacts = path.join(api.workspacesDir, workspaceId, "artifacts", "reports");
    await mkdir(artifacts, { recursive: true });
    await writeFile(path.join(artifacts, "a b#1.txt"), "content");
    assert.match(
      (await run("workspace", "artifacts", "ls", workspaceId)).stdout,
      /^PATH +SIZE +MODIFIED\nreports\/a b#1\.txt +7 B +/,
    );

    const got = await run("workspace", "artifacts", "get", workspaceId, "reports/a b#1.txt");
    assert.equal(got.code, 0, got.stderr);
    assert.equal(await readFile(path.join(folder, "a b#1.txt"), "utf8"), "content");
    const again = await run("workspace", "artifacts", "get", workspaceId, "reports/a b#1.txt");
    assert.equal(again.code, 2);
    assert.match(again.stderr, /exists\nGive another --output, or --force/);
    await writeFile(path.join(folder, "a b#1.txt"), "older");
    assert.equal((await run("workspace", "artifacts", "get", workspaceId, "reports/a b#1.txt", "--force")).code, 0);
    assert.equal(await readFile(path.join(folder, "a b#1.txt"), "utf8"), "content");
    assert.equal(
      (await run("workspace", "artifacts", "get", workspaceId, "reports/a b#1.txt", "-o", "-")).stdout,
      "content",
    );
    assert.equal((await run("workspace", "artifacts", "get", workspaceId, "nothing")).code, 6);

    assert.equal((await run("workspace", "artifacts", "rm", workspaceId, "reports/a b#1.txt")).code, 0);
    assert.equal((await run("workspace", "artifacts", "ls", workspaceId)).stdout, "no artifacts\n");
    assert.equal((await run("workspace", "repos", "ls", workspaceId)).stdout, "no cached repositories\n");
    assert.equal((await run("workspace", "repos", "rm", workspaceId, "shop")).code, 6);
  });

  it("shows a file whose name would forge rows as the one row that it is", async () => {
    const { workspaceId: other } = await api.createWorkspace({ name: "Acme\u202e\u001b[31m" });
    const artifacts = path.join(api.workspacesDir, other, "artifacts");
    await mkdir(artifacts, { recursive: true });
    await writeFile(path.join(artifacts, "a\npaid-invoice.pdf  7 B\u202e"), "content");
    const { stdout } = await run("workspace", "artifacts", "ls", other);
    assert.match(stdout, /^PATH +SIZE +MODIFIED\na\\npaid-invoice\.pdf {2}7 B<U\+202E> +7 B +[\d-]+ [\d:]+\n$/);
    assert.match((await run("workspace", "show", other)).stdout, /name: +Acme<U\+202E>\n/);
  });

  it("makes a token that works, lists it, and revokes it", async () => {
    const token = (await run("workspace", "token", "create", workspaceId, "ci")).stdout.trim();
    const own = { ...admin, env: { ...admin.env, AUTOMATOS_TOKEN: token } };
    assert.match((await runCli(["workspace", "show"], own)).stdout, new RegExp(workspaceId));
    const listed = await json<{ items: { tokenId: string; name: string }[] }>("workspace", "token", "ls", workspaceId);
    const tokenId = listed.items.find(({ name }) => name === "ci")?.tokenId ?? "";
    assert.equal((await run("workspace", "token", "revoke", workspaceId, tokenId)).stdout, "ci is revoked\n");
    assert.equal((await runCli(["workspace", "show"], own)).code, 6);
    assert.match((await run("workspace", "token", "ls", workspaceId)).stdout, new RegExp(`${tokenId} +ci +revoked`));

    const second = (await run("admin", "token", "create", "second operator")).stdout.trim();
    const other = { ...admin, env: { ...admin.env, AUTOMATOS_TOKEN: second } };
    assert.equal((await runCli(["admin", "queues"], other)).code, 0);
    assert.match((await run("admin", "token", "ls")).stdout, /second operator +valid/);
  });

  it("shows operators the workers, the queues, the dead letters and the audit log", async () => {
    assert.equal((await run("admin", "workers")).stdout, "no workers\n");
    const { taskId } = await api.submit(workspaceId, { priority: "high" });
    const queues = await json<QueueList>("admin", "queues");
    assert.equal(queues.items.find(({ priority }) => priority === "high")?.waiting, 1);
    assert.match(
      (await run("admin", "queues")).stdout,
      /^PRIORITY +WAITING +ADMITTED +RUNNING +OLDEST\ncritical +0 +0 +0\nhigh +1 +0 +0 +/,
    );
    await api.request("POST", `/api/tasks/${taskId}/cancel`);
    await api.pool.query("UPDATE task_executions SET dead_lettered_at = now() WHERE id = $1", [taskId]);
    assert.match((await run("admin", "dead-letters")).stdout, new RegExp(`\n${taskId} +${workspaceId} `));
    assert.equal((await run("admin", "dead-letters", "drop", taskId)).stdout, `dropped ${taskId}\n`);
    assert.equal((await run("admin", "dead-letters", "ls")).stdout, "no dead letters\n");
    assert.match(
      (await run("admin", "audit", "--action", "dead_letter.drop")).stdout,
      /admin:root +dead_letter\.drop +ok +\/api\/admin/,
    );
  });
});
