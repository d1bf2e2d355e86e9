import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import type { Approval } from "../../contracts/approval.ts";
import type { LlmConfig } from "../../contracts/llm.ts";
import type { AgentTaskInput, TaskResult, TaskStatus } from "../../contracts/task.ts";
import { startGitServer, type GitServer } from "../../demo/git-server.ts";
import { makeSampleRepository, type SampleRepository } from "../../demo/sample-repository.ts";
import { runCli } from "../support/cli.ts";
import { readEvents } from "../support/events.ts";
import type { ChatRequest, ScriptedAnswer } from "../support/llm-answer.ts";
import { startLlmServer, type LlmServer } from "../support/llm-server.ts";
import { startPlatform, type TestPlatform } from "../support/platform.ts";

describe("a task for a model, on real processes", () => {
  let platform: TestPlatform;
  let llm: LlmServer;
  let server: GitServer;
  let repository: SampleRepository;
  let scratch: string;
  let workspaceId: string;

  before(async () => {
    scratch = await mkdtemp(path.join(tmpdir(), "automatos-agent-"));
    repository = makeSampleRepository(scratch);
    server = await startGitServer(scratch);
    llm = await startLlmServer();
    const config = {
      providers: [{ name: "scripted", baseUrl: llm.url, models: ["scripted"] }],
      models: {
        main: { targets: [{ provider: "scripted", model: "scripted" }], contextWindow: 64_000, maxOutputTokens: 4_000 },
      },
    } satisfies Partial<LlmConfig> | Record<string, unknown>;
    platform = await startPlatform({
      workers: 2,
      leaseSeconds: 2,
      gatewayEnv: { LLM_PROVIDERS: JSON.stringify(config), LLM_PROVIDER_KEYS: JSON.stringify({ scripted: KEY }) },
    });
    workspaceId = await platform.createWorkspace({ egressRules: [`127.0.0.1:${server.port}`] });
  });

  after(async () => {
    await platform.stop();
    await llm.stop();
    await server.stop();
    await rm(scratch, { recursive: true, force: true });
  });

  const KEY = "sk-scripted-provider-key";
  const command = (line: string): ScriptedAnswer => ({
    text: `I run ${line}`,
    calls: [{ name: "execute_command", arguments: { command: line, cwd: "repos/price-list" } }],
  });
  const submit = (task: Partial<AgentTaskInput>) =>
    platform.request<TaskStatus>("POST", "/api/tasks", { workspaceId, taskId: crypto.randomUUID(), ...task });
  const result = (taskId: string) => platform.request<TaskResult>("GET", `/api/tasks/${taskId}/result?wait=30`);
  const cli = (...args: string[]) =>
    runCli(args, { env: { AUTOMATOS_API_URL: platform.apiUrl, AUTOMATOS_TOKEN: platform.adminToken } });

  it("clones, reads, mends, tests and answers, by the command line", async () => {
    const { brokenFile, fixedContent: content, name } = repository;
    const file = `repos/${name}/${brokenFile}`;
    llm.script(
      command("node --test"),
      { calls: [{ name: "read_file", arguments: { path: file } }] },
      { text: "It takes the number off.", calls: [{ name: "write_file", arguments: { path: file, content } }] },
      command("node --test"),
      { text: "The test passes now:\nthe percentage is taken off." },
    );
    const { code, stdout } = await cli(
      ...["task", "run", "--workspace", workspaceId, "--repo", `${server.url}/${name}.git#main`],
      ...["--prompt", "The tests fail. Mend it.", "--tool", "read_file,write_file,execute_command", "--model", "main"],
      ...["--max-steps", "10", "--token-budget", "100000"],
    );
    assert.equal(code, 0, stdout);
    assert.match(stdout, /answer 1 of main/);
    assert.match(stdout, /▌ I run node --test/);
    assert.match(stdout, /step 2 read_file repos\/price-list/);
    assert.match(stdout, /▌ The test passes now:\n.*▌ the percentage is taken off\./);
    assert.match(stdout, /answer 5: \d+ \+ \d+ tokens/);
    const last = llm.requests.at(-1)?.body.messages ?? [];
    const results = last.filter(({ role }) => role === "tool").map((message) => message.content ?? "");
    assert.match(results[0] ?? "", /^exit code 1\n/);
    assert.match(results.at(-1) ?? "", /^exit code 0\n/);
    assert.equal(llm.requests.at(-1)?.headers.authorization, `Bearer ${KEY}`);
  });

  it("asks a person before a call where the workspace wants it so, and goes on with his answer", async () => {
    const careful = await platform.createWorkspace({ toolPolicy: { tools: { write_file: "ask" } } });
    llm.script({ calls: [{ name: "write_file", arguments: { path: "a.txt", content: "1" } }] }, { text: "Written." });
    const { taskId } = await submit({ workspaceId: careful, prompt: "Write it.", tools: ["write_file"] });
    await readEvents(platform, taskId, ({ body }) => body.type === "approval_requested");
    const { items } = await platform.request<{ items: Approval[] }>("GET", `/api/tasks/${taskId}/approvals`);
    const [question] = items;
    assert.equal(question?.tool, "write_file");
    const { code, stderr } = await cli("task", "approve", taskId, question.callId);
    assert.equal(code, 0, stderr);
    const ended = await result(taskId);
    assert.equal(ended.status, "completed", JSON.stringify(ended.error));
    assert.equal(ended.result, "Written.");
    assert.equal(ended.steps.length, 1);
  });

  it("goes on from its conversation when its worker is killed, and makes no call twice", async () => {
    const isAsked = Promise.withResolvers<undefined>();
    const append = { name: "execute_command", arguments: { command: "echo once >> done.txt" }, id: "call_once" };
    const answers = (request: ChatRequest): ScriptedAnswer => {
      const count = request.messages.filter(({ role }) => role === "assistant").length;
      if (count === 0) return { text: "first", calls: [append] };
      isAsked.resolve(undefined);
      // The first of these is asked for by the worker that is killed.
      return isFirst ? ((isFirst = false), { text: "x".repeat(200), fault: "hangs" }) : { text: "second" };
    };
    let isFirst = true;
    llm.respond(answers);
    const { taskId } = await submit({ prompt: "Do it once.", tools: ["execute_command"], maxRetries: 3 });
    await isAsked.promise;
    const [started] = (await readEvents(platform, taskId, ({ body }) => body.type === "task_started")).slice(-1);
    const workerId = started?.body.type === "task_started" ? started.body.workerId : "";
    const worker = platform.workers.find(({ name }) => name === workerId);
    await worker?.kill();
    const ended = await result(taskId);
    await worker?.start();
    assert.equal(ended.status, "completed", JSON.stringify(ended.error));
    assert.equal(ended.result, "second");
    assert.equal(ended.steps.length, 1);
    llm.script({ calls: [{ name: "read_file", arguments: { path: "done.txt" } }] }, { text: "ok" });
    await result((await submit({ prompt: "Look.", tools: ["read_file"] })).taskId);
    assert.equal(llm.requests.at(-1)?.body.messages.at(-1)?.content, "once\n");
  });

  it("asks again when the gateway is killed in the middle of an answer", async () => {
    llm.script({ text: "void ".repeat(100), fault: "hangs" }, { text: "whole" });
    const { taskId } = await submit({ prompt: "Say it." });
    await readEvents(platform, taskId, ({ body }) => body.type === "model_text");
    await platform.gateway.kill();
    await platform.gateway.start();
    const ended = await result(taskId);
    assert.equal(ended.status, "completed", JSON.stringify(ended.error));
    assert.equal(ended.result, "whole");
    const events = await readEvents(platform, taskId);
    assert.ok(events.some(({ body }) => body.type === "model_retried"));
  });

  it("ends at its timeout and at a cancel while the model is silent, with what was done in the result", async () => {
    const list = { calls: [{ name: "list_directory", arguments: {} }] };
    llm.script(list, { text: "x".repeat(100), fault: "hangs" });
    const { taskId: late } = await submit({ prompt: "Be slow.", tools: ["list_directory"], timeoutSeconds: 2 });
    const timedOut = await result(late);
    assert.equal(timedOut.status, "timed_out");
    assert.equal(timedOut.steps.length, 1);
    assert.ok(timedOut.tokensUsed > 0);

    llm.script(list, { text: "x".repeat(100), fault: "hangs" });
    const { taskId } = await submit({ prompt: "Be slow again.", tools: ["list_directory"] });
    await readEvents(platform, taskId, ({ body }) => body.type === "agent_step_started" && body.step === 2);
    await platform.request("POST", `/api/tasks/${taskId}/cancel`);
    const cancelled = await result(taskId);
    assert.equal(cancelled.status, "cancelled");
    assert.equal(cancelled.steps.length, 1);
  });

  it("runs the steps first, and shows the model what they brought", async () => {
    llm.script({ text: "I have seen it." });
    const steps: AgentTaskInput["steps"] = [{ tool: "execute_command", input: { command: "echo MARK-42" } }];
    const ended = await result((await submit({ prompt: "What was it?", steps })).taskId);
    assert.equal(ended.result, "I have seen it.");
    assert.equal(ended.steps.length, 1);
    assert.match(llm.requests.at(-1)?.body.messages[1]?.content ?? "", /MARK-42/);
  });

  it("reads the results of earlier tasks of its workspace, and of no other", async () => {
    llm.script({ text: "The answer is 42." });
    const earlier = await submit({ prompt: "What is the answer?" });
    await result(earlier.taskId);
    const tools = ["list_tasks", "read_task_result"];
    const read = { name: "read_task_result", arguments: { taskId: earlier.taskId } };
    llm.script({ calls: [{ name: "list_tasks", arguments: { maxResults: 1 } }, read] }, { text: "42" });
    await result((await submit({ prompt: "Which was it?", tools })).taskId);
    const [listed, found] = (llm.requests.at(-1)?.body.messages ?? []).slice(-2);
    assert.match(listed?.content ?? "", new RegExp(earlier.taskId));
    assert.match(found?.content ?? "", /The answer is 42\./);

    const other = await platform.createWorkspace();
    llm.script({ calls: [read] }, { text: "nothing" });
    await result((await submit({ workspaceId: other, prompt: "Which was it?", tools })).taskId);
    assert.match(llm.requests.at(-1)?.body.messages.at(-1)?.content ?? "", /^TASK_NOT_FOUND/);
  });

  it("keeps what is asked and answered out of every log", async () => {
    const [asked, said] = ["PROMPT-8d1f", "ANSWER-77ac"];
    llm.script(
      { text: said, calls: [{ name: "read_file", arguments: `{"broken ${said}` }] },
      { status: 400, error: { message: said } },
    );
    await result((await submit({ prompt: asked, systemPrompt: asked, tools: ["read_file"] })).taskId);
    for (const service of [platform.api, platform.gateway, ...platform.workers]) {
      const log = await service.log();
      assert.doesNotMatch(log, new RegExp(`${asked}|${said}|${KEY}`), service.name);
    }
  });
});

describe("a task for a model, in a stack that has none", () => {
  it("fails, and says which key of the configuration is missing", async () => {
    const platform = await startPlatform();
    try {
      const workspaceId = await platform.createWorkspace();
      const body = { workspaceId, taskId: crypto.randomUUID(), prompt: "Think." };
      await platform.request("POST", "/api/tasks", body);
      const ended = await platform.request<TaskResult>("GET", `/api/tasks/${body.taskId}/result?wait=30`);
      assert.equal(ended.status, "failed");
      assert.equal(ended.error?.code, "LLM_NOT_CONFIGURED");
      assert.match(ended.error.remedy, /llm\.providers/);
    } finally {
      await platform.stop();
    }
  });
});
