import assert from "node:assert/strict";
import * as fs from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { AgentBench } from "./support.ts";

describe("an agent's limits", () => {
  let bench: AgentBench;
  before(async () => {
    bench = await AgentBench.start();
  });
  after(() => bench.stop());
  const list = (path: string) => ({ name: "list_directory", arguments: { path } });

  it("stops a model that makes the same call over and over, after it was told once", async () => {
    const before = bench.llm.requests.length;
    bench.llm.respond(() => ({
      text: "once more",
      calls: [{ name: "list_directory", arguments: { path: ".", recursive: false } }],
    }));
    const end = (await bench.run()).end();
    assert.equal(end.status, "failed");
    assert.equal(end.error?.code, "AGENT_STUCK");
    assert.match(end.error.message, /list_directory\) 6 times in a row/);
    assert.equal(end.steps.length, 5); // the sixth is not made
    assert.equal(end.result, "once more");
    const asked = bench.llm.requests.slice(before).map(({ body }) => body.messages.at(-1)?.content ?? "");
    assert.equal(asked.filter((text) => text.includes("3 times in a row")).length, 1);
  });

  it("stops one that goes round in a circle of three, and one that never makes a call that is one", async () => {
    let turn = 0;
    bench.llm.respond(() => ({ calls: [list(["a", "b", "c"][turn++ % 3] ?? "")] }));
    assert.equal((await bench.run({ maxSteps: 100 })).end().error?.code, "AGENT_STUCK");
    bench.llm.respond((_request, index) => ({ calls: [{ name: "read_file", arguments: `{"n": ${index}` }] }));
    const end = (await bench.run({ maxSteps: 100 })).end();
    assert.equal(end.error?.code, "AGENT_STUCK");
    assert.equal(end.steps.length, 4);
  });

  it("lets one go on that does something else each time, up to the limit of steps", async () => {
    bench.llm.respond((_request, index) => ({ text: `step ${index}`, calls: [list(`d${index}`)] }));
    const end = (await bench.run({ maxSteps: 12 })).end();
    assert.equal(end.status, "failed");
    assert.equal(end.error?.code, "AGENT_STEP_LIMIT");
    assert.match(end.error.message, /12/);
    assert.equal(end.steps.length, 12);
    assert.match(String(end.result), /^step \d+$/);
  });

  it("makes no more calls of one answer than it can, and says so", async () => {
    bench.llm.script({ calls: Array.from({ length: 200 }, (_, index) => list(`many${index}`)) }, { text: "so many" });
    const end = (await bench.run()).end();
    assert.equal(end.result, "so many");
    assert.equal(end.steps.length, 64);
    assert.match(bench.llm.requests.at(-1)?.body.messages.at(-1)?.content ?? "", /first 64 of your 200 calls/);
  });

  it("stops before the question that the task's budget has no room for", async () => {
    bench.llm.respond((_request, index) => ({
      calls: [list(`e${index}`)],
      usage: { prompt_tokens: 2_000, completion_tokens: 100 },
    }));
    const before = bench.llm.requests.length;
    const end = (await bench.run({ tokenBudget: 10_000 })).end();
    assert.equal(end.error?.code, "TASK_TOKEN_BUDGET_EXHAUSTED");
    assert.ok(end.tokensUsed > 4_000 && end.tokensUsed <= 10_000, String(end.tokensUsed));
    assert.equal(end.steps.length, end.tokensUsed / 2_100);
    const asked = bench.llm.requests.slice(before).map(({ body }) => body.max_tokens); // the first may take all that the model has
    assert.ok(
      asked.slice(1).every((tokens) => tokens !== undefined && tokens < 10_000),
      JSON.stringify(asked),
    );
  });

  it("trims the conversation to the model's window, and never parts a call from its result", async () => {
    bench.llm.models = [{ id: "small", context_window: 12_000, max_output_tokens: 1_000 }];
    fs.writeFileSync(join(bench.profile.workspaceDir, "big.txt"), "word ".repeat(3_000));
    const first = bench.llm.requests.length;
    bench.llm.respond((request, index) => {
      // What a provider does when it is asked for too much.
      const tokens = Math.ceil(Buffer.byteLength(JSON.stringify(request)) / 4);
      if (tokens > 11_000) return { status: 400, error: { message: "too long", code: "context_length_exceeded" } };
      if (index - first >= 15) return { text: "read it all", usage: null };
      const offsetBytes = index - first;
      return { text: "on", calls: [{ name: "read_file", arguments: { path: "big.txt", offsetBytes } }], usage: null };
    });
    const run = await bench.run({ prompt: "THE TASK ITSELF" });
    assert.equal(run.end().status, "completed", JSON.stringify(run.end().error));
    assert.ok(run.of("context_trimmed").length >= 1);
    for (const { body } of bench.llm.requests.slice(first)) {
      assert.match(body.messages[1]?.content ?? "", /^THE TASK ITSELF/);
      const calls = body.messages.flatMap(({ tool_calls: each = [] }) => each.map(({ id }) => id));
      const results = body.messages.filter(({ role }) => role === "tool").map(({ tool_call_id: id }) => id);
      assert.deepEqual(results, calls);
    }
    const last = bench.llm.requests.at(-1)?.body.messages ?? [];
    assert.match(last.at(-1)?.content ?? "", /^(word|ord|rd|d)? ?word/); // the newest result is whole
    assert.ok(last.some(({ content }) => (content ?? "").includes("left out")));
  });

  it("believes a provider that finds the conversation too long", async () => {
    bench.llm.models = [{ id: "liar", context_window: 1_000_000, max_output_tokens: 1_000 }];
    const first = bench.llm.requests.length;
    bench.llm.respond((request, index) => {
      const bytes = Buffer.byteLength(JSON.stringify(request.messages));
      if (bytes > 40_000) return { status: 400, error: { message: "too long", code: "context_length_exceeded" } };
      if (index - first >= 8) return { text: "done", usage: null };
      return { calls: [{ name: "read_file", arguments: { path: "big.txt", offsetBytes: index } }], usage: null };
    });
    const run = await bench.run();
    assert.equal(run.end().status, "completed", JSON.stringify(run.end().error));
    assert.ok(run.of("context_trimmed").length >= 1);
  });

  it("says so when the task alone is too much for the model", async () => {
    bench.llm.models = [{ id: "tiny", context_window: 4_096, max_output_tokens: 512 }];
    const end = (await bench.run({ prompt: "word ".repeat(10_000) })).end();
    assert.equal(end.error?.code, "LLM_CONTEXT_TOO_SMALL");
  });
});
