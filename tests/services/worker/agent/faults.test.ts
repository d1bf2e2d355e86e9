import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { ScriptedAnswer } from "../../../support/llm-answer.ts";
import { AgentBench } from "./support.ts";

const list = { name: "list_directory", arguments: {} };

describe("an agent whose model has trouble", () => {
  let bench: AgentBench;
  before(async () => {
    bench = await AgentBench.start();
  });
  after(() => bench.stop());

  const passing: readonly (readonly [string, ScriptedAnswer])[] = [
    ["429 with Retry-After", { status: 429, headers: { "retry-after": "0.05" } }],
    ["500", { status: 500 }],
    ["503 without a word", { status: 503, error: { message: "" } }],
    ["a connection that is closed before a byte", { fault: "connection" }],
    ["a stream that breaks off in the middle", { text: "void ".repeat(50), fault: "midway" }],
    ["a stream that ends without an end", { text: "void", fault: "unfinished" }],
    ["JSON that is none in the middle of a stream", { text: "void ".repeat(20), fault: "garbage_json" }],
    ["an error inside the stream", { text: "void", calls: [list], fault: "error_event" }],
    ["a page of HTML", { fault: "not_json" }],
    [
      "a call that breaks off in its arguments",
      { calls: [{ name: "write_file", arguments: { path: "void", content: "x".repeat(500) } }], fault: "midway" },
    ],
  ];
  for (const [what, answer] of passing) {
    it(`asks again after ${what}`, async () => {
      bench.llm.script(answer, { text: "here I am" });
      const run = await bench.run();
      assert.equal(run.end().status, "completed", JSON.stringify(run.end()));
      assert.equal(run.end().result, "here I am");
      assert.equal(run.of("model_retried").length, 1);
      assert.deepEqual(run.end().steps, []); // nothing of an answer that broke is done
    });
  }

  it("takes a stream with lines that are no events for what it is", async () => {
    bench.llm.script({ text: "fine all the same", fault: "garbage_sse" });
    assert.equal((await bench.run()).end().result, "fine all the same");
  });

  it("waits as long as it is told to, and no longer than it may", async () => {
    bench.llm.script({ status: 429, headers: { "retry-after": "1" } }, { text: "later" });
    const patient = await bench.run();
    assert.equal(patient.of("model_retried")[0]?.waitMs, 1_000);
    bench.llm.script({ status: 429, headers: { "retry-after": "3600" } });
    const { error } = (await bench.run()).end();
    assert.equal(error?.code, "LLM_RATE_LIMITED");
  });

  it("gives up after some tries, and says how many and why", async () => {
    bench.llm.script(...Array.from({ length: 4 }, () => ({ status: 500, error: { message: "on fire" } })));
    const { error, status } = (await bench.run()).end();
    assert.equal(status, "failed");
    assert.equal(error?.code, "LLM_FAILED");
    assert.match(error.message, /4 times: 500 on fire/);
  });

  const final: readonly (readonly [string, ScriptedAnswer, string])[] = [
    ["no provider", { status: 503, error: { message: "none", code: "llm_not_configured" } }, "LLM_NOT_CONFIGURED"],
    ["an unknown model", { status: 404, error: { message: "which?", code: "model_unknown" } }, "MODEL_UNKNOWN"],
    [
      "a task's budget",
      { status: 429, error: { message: "gone", code: "task_budget_exhausted" } },
      "TASK_TOKEN_BUDGET_EXHAUSTED",
    ],
    [
      "a workspace's budget",
      { status: 429, error: { message: "gone", code: "workspace_budget_exhausted" } },
      "WORKSPACE_TOKEN_BUDGET_EXHAUSTED",
    ],
    ["a request that is refused", { status: 400, error: { message: "no such parameter" } }, "LLM_REQUEST_REFUSED"],
    ["a token that is not taken", { status: 401, error: { message: "who?" } }, "LLM_REQUEST_REFUSED"],
    ["the provider's content filter", { text: "I", finish: "content_filter" }, "LLM_CONTENT_FILTERED"],
  ];
  for (const [what, answer, code] of final) {
    it(`fails at once for ${what}, with ${code}`, async () => {
      const before = bench.llm.requests.length;
      bench.llm.script(answer);
      const end = (await bench.run()).end();
      assert.equal(end.status, "failed");
      assert.equal(end.error?.code, code);
      assert.ok(end.error.remedy.length > 10);
      assert.equal(bench.llm.requests.length, before + 1);
    });
  }

  it("makes no call of an answer that a content filter ended", async () => {
    bench.llm.script({ calls: [list], finish: "content_filter" });
    assert.deepEqual((await bench.run()).end().steps, []);
  });

  it("takes a silent stream for a broken one", async () => {
    bench.llm.script({ text: "x".repeat(100), fault: "hangs" }, { text: "back" });
    assert.equal((await bench.run({}, { idleMs: 1_500 })).end().result, "back");
  });

  it("is patient with a stream that drips, and sends its text in pieces", async () => {
    const text = "a slow drip of words, ".repeat(10);
    bench.llm.script({ text, chunkChars: 1, chunkDelayMs: 5 });
    const run = await bench.run();
    assert.equal(run.end().result, text);
    const pieces = run.of("model_text").map((event) => event.text);
    assert.equal(pieces.join(""), text);
    assert.ok(pieces.length < text.length / 2, "not an event for each character");
  });

  it("breaks off an answer without end", async () => {
    bench.llm.script({ text: "x".repeat(3 * 1024 ** 2), chunkChars: 65_536 });
    const run = await bench.run();
    assert.equal(run.end().error?.code, "LLM_ANSWER_TOO_LONG");
    const shown = run.of("model_text").reduce((sum, { text }) => sum + text.length, 0);
    assert.ok(shown < 70_000, `${shown} characters of events`);
    await bench.llm.requests.at(-1)?.closed;
    assert.equal(bench.llm.requests.at(-1)?.abandoned, true);
  });

  it("counts by itself where the provider says nothing of usage", async () => {
    bench.llm.script({ text: "some words of an answer", usage: null });
    const run = await bench.run();
    const [answered] = run.of("model_answered");
    assert.equal(answered?.estimated, true);
    assert.ok(answered.inputTokens > 200 && answered.outputTokens > 3);
    assert.equal(run.end().tokensUsed, answered.inputTokens + answered.outputTokens);
  });

  it("has a cut answer gone on with, and puts the text together", async () => {
    bench.llm.script({ text: "The first half, ", finish: "length" }, { text: "and the second." });
    const run = await bench.run();
    assert.equal(run.end().result, "The first half, and the second.");
    assert.match(bench.llm.requests.at(-1)?.body.messages.at(-1)?.content ?? "", /cut/);
  });

  it("says of a call that was cut that it was", async () => {
    bench.llm.script(
      { calls: [{ name: "write_file", arguments: '{"path": "a", "content": "long' }], finish: "length" },
      { text: "ok" },
    );
    await bench.run();
    assert.match(bench.llm.requests.at(-1)?.body.messages.at(-1)?.content ?? "", /no valid JSON.*cut/);
  });

  it("asks again for an empty answer, some times", async () => {
    bench.llm.script({ text: "" }, { text: "now" });
    assert.equal((await bench.run()).end().result, "now");
    bench.llm.script(...Array.from({ length: 5 }, () => ({ text: " " })));
    const { error } = (await bench.run()).end();
    assert.equal(error?.code, "AGENT_STUCK");
  });

  it("ends while it waits to ask again, and while an answer comes, when it is told to", async () => {
    for (const answer of [
      { status: 429, headers: { "retry-after": "2" } },
      { text: "x".repeat(100), fault: "hangs" },
    ] satisfies ScriptedAnswer[]) {
      const stop = new AbortController();
      bench.llm.script(answer);
      const seen = bench.llm.seen(bench.llm.requests.length + 1);
      const running = bench.run({}, { signal: stop.signal });
      await seen;
      stop.abort("cancelled");
      assert.equal((await running).end().status, "failed"); // the runner makes `cancelled` of it
    }
  });
});
