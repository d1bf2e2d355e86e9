import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Approval } from "../../../contracts/approval.ts";
import type { ApprovalPage } from "../../../contracts/approval-api.ts";
import type { AuditList, Caller, Problem, TaskDetails } from "../../../contracts/http-api.ts";
import type { z } from "zod";
import { completed, expectJson, startApi, untilState, type TestApi } from "../../support/api.ts";
import { runCli } from "../../support/cli.ts";
import { startPostgres, type TestPostgres } from "../../support/postgres.ts";

const INPUT = { command: "npm publish \u001b]0;title\u0007", environment: { A: "1" } };

describe("answers to what tasks ask", () => {
  let postgres: TestPostgres;
  let api: TestApi;
  let workspaceId: string;
  /** What an agent may hold, and what a person has. */
  let agentToken: string;
  let personToken: string;

  before(async () => {
    postgres = await startPostgres();
    api = await startApi(postgres);
    ({ workspaceId } = await api.createWorkspace({ plan: "enterprise" }));
    agentToken = await api.createToken(workspaceId, { name: "agent" });
    personToken = await api.createToken(workspaceId, { name: "ada", mayApprove: true });
    await api.work(async ({ approvals }) => {
      const answer = approvals.get("step-0");
      if (answer !== undefined) return completed({ decision: answer.decision, comment: answer.comment, by: answer.by });
      const question = { callId: "step-0", tool: "execute_command", level: "dangerous", input: INPUT } as const;
      const pause = { checkpoint: null, steps: [], tokensUsed: 0 };
      return { status: "paused", question: { ...question, summary: "npm publish" }, ...pause };
    });
  });
  after(async () => {
    await api.stop();
    await postgres.stop();
  });

  const details = async (taskId: string): Promise<TaskDetails> =>
    expectJson(await api.request("GET", `/api/tasks/${taskId}`), 200);
  const untilAsked = async (body: Record<string, unknown> = {}): Promise<string> => {
    const { taskId } = await api.submit(workspaceId, body);
    while ((await details(taskId)).waiting?.reason !== "approval") {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return taskId;
  };
  const answer = (taskId: string, body: unknown, token?: string, callId = "step-0") =>
    api.request("POST", `/api/tasks/${taskId}/approvals/${callId}`, token === undefined ? { body } : { body, token });
  const resultOf = async (taskId: string) => {
    await untilState(api, taskId, "completed");
    return expectJson<{ result: unknown }>(await api.request("GET", `/api/tasks/${taskId}/result`), 200).result;
  };

  it("are given by administrators and by tokens with the right to, and by no other", async () => {
    const taskId = await untilAsked();
    const refused = await answer(taskId, { decision: "approved" }, agentToken);
    assert.equal(expectJson<Problem>(refused, 403).code, "APPROVAL_RIGHT_REQUIRED");
    const approved = expectJson<Approval>(
      await answer(taskId, { decision: "approved", comment: "go" }, personToken),
      200,
    );
    const by = `workspace:${workspaceId}:ada`;
    assert.deepEqual([approved.status, approved.decidedBy, approved.comment], ["approved", by, "go"]);
    assert.deepEqual(await resultOf(taskId), { decision: "approved", comment: "go", by });

    const other = await untilAsked();
    await answer(other, { decision: "denied" });
    assert.deepEqual(await resultOf(other), { decision: "denied", comment: null, by: "admin:root" });
    const log = expectJson<z.infer<typeof AuditList>>(
      await api.request("GET", "/api/admin/audit-log?action=approval.answer"),
      200,
    );
    assert.deepEqual(
      log.items.map(({ actor, outcome }) => [actor, outcome]),
      [
        ["admin:root", "ok"],
        [by, "ok"],
        [`workspace:${workspaceId}:agent`, "APPROVAL_RIGHT_REQUIRED"],
      ],
    );
  });

  it("tells a caller whether he may", async () => {
    const may = async (token: string) =>
      expectJson<Caller>(await api.request("GET", "/api/whoami", { token }), 200).mayApprove;
    assert.deepEqual(await Promise.all([agentToken, personToken, api.adminToken].map(may)), [false, true, true]);
  });

  it("count once, and not when they come too late", async () => {
    const taskId = await untilAsked();
    const first = expectJson<Approval>(await answer(taskId, { decision: "approved" }), 200);
    assert.deepEqual(expectJson<Approval>(await answer(taskId, { decision: "approved" }), 200), first);
    const code = async (...args: Parameters<typeof answer>) => (await answer(...args)).json<Problem>().code;
    assert.equal(await code(taskId, { decision: "denied" }), "APPROVAL_DECIDED");
    assert.equal(await code(taskId, { decision: "approved" }, undefined, "step-1"), "APPROVAL_NOT_FOUND");
    assert.equal((await answer(taskId, { decision: "maybe" })).statusCode, 400);
    assert.equal((await answer(taskId, { decision: "denied" }, undefined, "%00")).statusCode, 400);
    const cancelled = await untilAsked();
    await api.request("POST", `/api/tasks/${cancelled}/cancel`);
    assert.equal(await code(cancelled, { decision: "approved" }), "APPROVAL_DECIDED");
  });

  it("have lists of what is asked: of a workspace, by state, in pages, with the whole input", async () => {
    const own = await api.createWorkspace();
    const token = await api.createToken(own.workspaceId);
    const asked: string[] = [];
    for (let task = 0; task < 3; task++) {
      const { taskId } = await api.submit(own.workspaceId);
      while ((await details(taskId)).waiting?.reason !== "approval") {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      asked.unshift(taskId);
    }
    await answer(asked[1] ?? "", { decision: "approved" });
    const list = async (query: string): Promise<ApprovalPage> =>
      expectJson(await api.request("GET", `/api/approvals${query}`, { token }), 200);
    const ids = ({ items }: ApprovalPage) => items.map(({ taskId }) => taskId);
    assert.deepEqual(ids(await list("")), [asked[0], asked[2]]);
    assert.deepEqual(ids(await list("?status=approved")), [asked[1]]);
    const first = await list("?status=waiting,approved&limit=2");
    assert.deepEqual(ids(first), asked.slice(0, 2));
    assert.deepEqual(ids(await list(`?status=waiting,approved&limit=2&cursor=${first.nextCursor}`)), asked.slice(2));
    assert.deepEqual(first.items[0]?.input, INPUT);
    assert.equal((await api.request("GET", `/api/approvals?workspaceId=${workspaceId}`, { token })).statusCode, 404);
    const everything = expectJson<ApprovalPage>(await api.request("GET", "/api/approvals?limit=500"), 200);
    assert.ok(everything.items.length >= 2);
  });

  it("are given on the command line", async () => {
    const env = { AUTOMATOS_API_URL: await api.url(), AUTOMATOS_TOKEN: personToken };
    const cli = (...args: string[]) => runCli(args, { env });
    const taskId = await untilAsked();
    assert.match((await cli("approvals")).stdout, new RegExp(`${taskId}  step-0  waiting  execute_command  dangerous`));
    const shown = (await cli("approvals", "--task", taskId)).stdout;
    assert.match(shown, /"command": "npm publish/);
    assert.ok(!shown.includes("\u001b"), shown);
    assert.match((await cli("task", "show", taskId)).stdout, /waits: +asks a person about step-0/);
    const denied = await cli("task", "deny", taskId, "--comment", "not yet");
    assert.deepEqual([denied.code, denied.stdout], [0, "denied: execute_command npm publish\n"]);
    const again = await cli("task", "approve", taskId, "step-0");
    assert.match(again.stderr, /can no longer be answered: it was denied/);
    assert.notEqual(again.code, 0);
    await untilState(api, taskId, "completed");
    const events = (await cli("task", "events", taskId)).stdout;
    assert.match(events, new RegExp(`automatos task approve\\|deny ${taskId} step-0, until`));
    assert.match(events, /denied by workspace:.*:ada: not yet/);
    assert.match((await cli("task", "approve", taskId)).stderr, /asks nothing at present/);
  });
});
