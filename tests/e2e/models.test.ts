import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { request } from "node:http";
import { after, before, describe, it } from "node:test";
import pg from "pg";
import type { LlmUsage } from "../../contracts/llm.ts";
import type { TaskResult } from "../../contracts/task.ts";
import { startLlmServer, type LlmServer } from "../support/llm-server.ts";
import { startPlatform, type TestPlatform } from "../support/platform.ts";

const KEY = `sk-provider-${randomUUID()}`;

/** What commands of a task see of language models: asked by real tasks of a real worker, through the real gateway. */
describe("language models, from inside a task's sandbox", () => {
  let llm: LlmServer;
  let platform: TestPlatform;
  let workspaceId: string;
  let owner: pg.Pool;

  before(async () => {
    llm = await startLlmServer();
    const target = { provider: "scripted", model: "scripted" };
    platform = await startPlatform({
      llm: {
        providers: [{ name: "scripted", baseUrl: llm.url, models: ["scripted"] }],
        models: { small: { targets: [target], contextWindow: 8_000, maxOutputTokens: 500 } },
      },
      llmKeys: { scripted: KEY },
    });
    owner = new pg.Pool({ connectionString: platform.postgres.url });
    workspaceId = await platform.createWorkspace();
  });
  after(async () => {
    await owner.end();
    await platform.stop();
    await llm.stop();
  });

  async function inside(script: string, task: Record<string, unknown> = {}): Promise<TaskResult> {
    const taskId = randomUUID();
    const argv = ["python3", "-c", script];
    const steps = [{ tool: "execute_command", input: { argv, timeoutSeconds: 30 } }];
    await platform.request("POST", "/api/tasks", { taskId, workspaceId, steps, ...task });
    return platform.request<TaskResult>("GET", `/api/tasks/${taskId}/result?wait=60`);
  }
  const stdoutOf = (result: TaskResult): string => {
    assert.equal(result.status, "completed", JSON.stringify(result, null, 1));
    return (result.steps[0]?.output as { stdout: string }).stdout;
  };

  const ASK = `
import json, os, subprocess, urllib.request
url, key = os.environ["OPENAI_BASE_URL"], os.environ["OPENAI_API_KEY"]
def ask(opener, **more):
    body = json.dumps({"model": "small", "messages": [{"role": "user", "content": "PROMPTWORD"}], **more}).encode()
    sent = urllib.request.Request(url + "/chat/completions", body, {"authorization": "Bearer " + key, "content-type": "application/json"})
    return opener.open(sent).read().decode()
`;

  it("are reached by the environment, through the proxy or past it, by Python and by curl", async () => {
    llm.respond(() => ({ text: "the answer", usage: { prompt_tokens: 10, completion_tokens: 5 } }));
    const output = stdoutOf(
      await inside(`${ASK}
by_proxy, direct = urllib.request.build_opener(), urllib.request.build_opener(urllib.request.ProxyHandler({}))
for opener in (by_proxy, direct):
    print(json.loads(ask(opener))["choices"][0]["message"]["content"])
print(ask(direct, stream=True).count("data: "))
print(subprocess.run(["curl", "-sS", "-H", "authorization: Bearer " + key, url + "/models"], capture_output=True, text=True).stdout)
`),
    );
    const [first, second, events, models = ""] = output.trim().split("\n");
    assert.deepEqual([first, second, events], ["the answer", "the answer", "4"]);
    const { data } = JSON.parse(models) as { data: { id: string; context_window: number }[] };
    assert.deepEqual(
      data.map(({ id, context_window }) => [id, context_window]),
      [["small", 8_000]],
    );
    for (const { headers } of llm.requests) assert.equal(headers.authorization, `Bearer ${KEY}`);
  });

  it("leave the provider's key nowhere: not in an environment, a process, a file, an answer or a log", async () => {
    const output = stdoutOf(
      await inside(`${ASK}
import glob
seen = [json.dumps(dict(os.environ))]
paths = glob.glob("/proc/*/environ") + glob.glob("/proc/*/cmdline")
for top in ("/workspace", "/run", "/tmp", "/etc"):
    for folder, _, names in os.walk(top):
        paths += [os.path.join(folder, name) for name in names]
for path in paths:
    try: seen.append(open(path, "rb").read(1000000).decode("latin1"))
    except OSError: pass
seen.append(ask(urllib.request.build_opener()))
print(len(paths) > 20, "OPENAI_API_KEY" in seen[0], any("sk-" + "provider" in text for text in seen))
`),
    );
    assert.equal(output.trim(), "True True False");
    const logs = await Promise.all([platform.api, platform.gateway, ...platform.workers].map((one) => one.log()));
    for (const word of [KEY, "PROMPTWORD", "the answer"]) assert.ok(!logs.join("\n").includes(word), word);
    assert.match(logs.join("\n"), /"event":"llm_call"/);
  });

  it("are not spoken of where a task has no network", async () => {
    const script = 'import os; print([name for name in os.environ if name.startswith("OPENAI")])';
    assert.equal(stdoutOf(await inside(script, { resources: { networkAccess: false } })).trim(), "[]");
    assert.match(stdoutOf(await inside(script)), /OPENAI_BASE_URL/);
  });

  it("stop at the task's budget, and for a task that has ended", async () => {
    const script = `${ASK}
import sys
answers = []
for _ in range(4):
    try: answers.append(ask(urllib.request.build_opener(), max_tokens=50) and "ok")
    except urllib.error.HTTPError as error: answers.append(json.loads(error.read())["error"]["code"])
print(json.dumps([answers, key[::-1]])) # what stands there as it is, is taken out of the output
`;
    llm.respond(() => ({ text: "x", usage: { prompt_tokens: 60, completion_tokens: 50 } }));
    const [answers, token] = JSON.parse(stdoutOf(await inside(script, { tokenBudget: 250 }))) as [string[], string];
    assert.deepEqual(answers, ["ok", "ok", "task_budget_exhausted", "task_budget_exhausted"]);
    const calls = llm.requests.length;
    const late = await chat(Array.from(token).reverse().join(""));
    assert.deepEqual([late.status, late.body.includes("task_not_running")], [403, true]);
    assert.equal(llm.requests.length, calls);
  });

  it("give back what a gateway that was killed in the middle of a call had set aside", async () => {
    llm.respond(() => ({ text: "word ".repeat(50), fault: "hangs" }));
    const count = llm.requests.length;
    const running = inside(`${ASK}
try: print("[DONE]" in ask(urllib.request.build_opener(), stream=True))
except Exception as error: print(type(error).__name__)
`);
    await llm.seen(count + 1);
    await platform.gateway.kill();
    assert.match(stdoutOf(await running), /False|Error|IncompleteRead|Disconnected/);
    llm.respond(() => ({ text: "back", usage: { prompt_tokens: 1, completion_tokens: 1 } }));
    await platform.gateway.start();
    assert.match(stdoutOf(await inside(`${ASK}\nprint(ask(urllib.request.build_opener()))`)), /back/);
    // Twenty seconds of silence, made short.
    await owner.query(
      "UPDATE llm_gateways SET heartbeat_at = now() - interval '21 s' WHERE id IN (SELECT gateway_id FROM llm_usage WHERE outcome IS NULL)",
    );
    const open = async () => (await owner.query("SELECT 1 FROM llm_usage WHERE outcome IS NULL")).rowCount ?? 0;
    while ((await open()) > 0) await new Promise((resolve) => setTimeout(resolve, 100));
    const { rows } = await owner.query("SELECT outcome, reserved_tokens FROM llm_usage WHERE outcome = 'lost'");
    assert.deepEqual(rows, [{ outcome: "lost", reserved_tokens: "0" }]);
  });

  it("are accounted for: the workspace's use is there to be read", async () => {
    const usage = await platform.request<LlmUsage>("GET", `/api/workspaces/${workspaceId}/llm-usage`);
    assert.ok(usage.today.tokens.prompt > 100 && usage.today.tokens.completion > 100);
    assert.deepEqual(usage.month.tokens, usage.today.tokens);
    assert.deepEqual([usage.today.limit, usage.today.reservedTokens], [null, 0]);
    assert.equal(usage.models[0]?.model, "small");
    assert.ok(usage.tasks.length >= 3);
  });

  function chat(token: string): Promise<{ status: number; body: string }> {
    const socketPath = `${platform.directory}/gateway.sock`;
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    return new Promise((resolve, reject) => {
      const sending = request({ socketPath, method: "POST", path: "/v1/chat/completions", headers });
      sending.on("error", reject);
      sending.on("response", (response) => {
        let body = "";
        response.setEncoding("utf8").on("data", (text: string) => (body += text));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
      });
      sending.end(JSON.stringify({ model: "small", messages: [{ role: "user", content: "x" }] }));
    });
  }
});
