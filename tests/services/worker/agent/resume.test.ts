import assert from "node:assert/strict";
import * as fs from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { JsonValue } from "../../../../contracts/json.ts";
import { ToolPolicy } from "../../../../contracts/tools.ts";
import { AgentBench, approved, denied } from "./support.ts";

describe("an agent that goes on from where it was", () => {
  let bench: AgentBench;
  before(async () => {
    bench = await AgentBench.start();
  });
  after(() => bench.stop());
  const file = (name: string) => join(bench.profile.workspaceDir, name);
  const append = (text: string, id: string) => ({
    name: "execute_command",
    arguments: { command: `echo ${text} >> done.txt` },
    id,
  });
  const asks = ToolPolicy.parse({ tools: { execute_command: "ask" } });
  const toolTexts = () =>
    (bench.llm.requests.at(-1)?.body.messages ?? [])
      .filter(({ role }) => role === "tool")
      .map(({ content }) => content ?? "");

  it("pauses before a call that a person must allow, and makes that very call once he has", async () => {
    fs.rmSync(file("done.txt"), { force: true });
    bench.llm.script({
      text: "I need this.",
      calls: [
        { name: "write_file", arguments: { path: "first.txt", content: "1" } },
        append("one", "call_one"),
        append("two", "call_two"),
      ],
    });
    const first = (await bench.run({}, { policy: asks })).pause();
    assert.deepEqual(first.question, {
      callId: "call-1-call_one",
      tool: "execute_command",
      level: "dangerous",
      input: { command: "echo one >> done.txt", cwd: ".", environment: {}, timeoutSeconds: 60 },
      summary: "echo one >> done.txt",
    });
    assert.equal(fs.existsSync(file("first.txt")), true); // what needs nobody is done
    assert.equal(fs.existsSync(file("done.txt")), false);
    assert.deepEqual(
      first.steps.map(({ tool }) => tool),
      ["write_file"],
    );

    const asked = bench.llm.requests.length;
    const approvals = { "call-1-call_one": approved };
    const second = (await bench.run({}, { policy: asks, checkpoint: roundTrip(first.checkpoint), approvals })).pause();
    assert.equal(second.question.callId, "call-1-call_two");
    assert.equal(fs.readFileSync(file("done.txt"), "utf8"), "one\n");
    assert.equal(bench.llm.requests.length, asked); // the model is not asked again

    bench.llm.script({ text: "Then not." });
    const both = { ...approvals, "call-1-call_two": denied("not on a Friday") };
    const last = await bench.run({}, { policy: asks, checkpoint: roundTrip(second.checkpoint), approvals: both });
    assert.equal(last.end().status, "completed");
    assert.equal(last.end().result, "Then not.");
    assert.deepEqual(
      last.end().steps.map(({ index, ok }) => [index, ok]),
      [
        [0, true],
        [1, true],
        [2, false],
      ],
    );
    assert.equal(fs.readFileSync(file("done.txt"), "utf8"), "one\n");
    assert.match(toolTexts().at(-1) ?? "", /^TOOL_CALL_DENIED: a person denied this call: not on a Friday/);
    assert.equal(last.of("agent_resumed").length, 1);
  });

  it("does not make an approved call again when its worker is lost while it is made", async () => {
    fs.rmSync(file("done.txt"), { force: true });
    bench.llm.script({ calls: [append("once", "once")] });
    const { checkpoint } = (await bench.run({}, { policy: asks })).pause();
    const approvals = { "call-1-once": approved };
    bench.llm.script({ text: "never seen" });
    const lost = await bench.run({}, { policy: asks, checkpoint, approvals });
    assert.equal(fs.readFileSync(file("done.txt"), "utf8"), "once\n");
    bench.llm.script({ text: "It was made." });
    const next = await bench.run({}, { policy: asks, checkpoint: lost.saved[0] ?? null, approvals });
    assert.equal(next.end().result, "It was made.");
    assert.match(toolTexts()[0] ?? "", /TOOL_CALL_INTERRUPTED/);
    assert.equal(fs.readFileSync(file("done.txt"), "utf8"), "once\n");
  });

  it("only says what was done when nobody has answered in time", async () => {
    bench.llm.script({ calls: [{ name: "list_directory", arguments: {} }, append("late", "late")] });
    const { checkpoint } = (await bench.run({}, { policy: asks })).pause();
    const before = bench.llm.requests.length;
    const signal = AbortSignal.abort("approval_expired");
    const end = (await bench.run({}, { policy: asks, checkpoint, signal })).end();
    assert.equal(end.status, "failed"); // the runner says of what
    assert.equal(end.steps.length, 1);
    assert.ok(end.tokensUsed > 0);
    assert.equal(bench.llm.requests.length, before);
  });

  it("never takes an approval for another call, whatever id the model gives it", async () => {
    bench.llm.script({ calls: [append("a", "same")] });
    const first = (await bench.run({}, { policy: asks })).pause();
    bench.llm.script({ calls: [append("evil", "same")] });
    const approvals = { [first.question.callId]: approved };
    const second = (await bench.run({}, { policy: asks, checkpoint: first.checkpoint, approvals })).pause();
    assert.notEqual(second.question.callId, first.question.callId);
    assert.equal(second.question.summary, "echo evil >> done.txt");
  });

  it("asks nobody about a call that is none", async () => {
    bench.llm.script({ calls: [{ name: "execute_command", arguments: { program: "x" } }] }, { text: "sorry" });
    assert.equal((await bench.run({}, { policy: asks })).end().result, "sorry");
  });

  it("goes on after each of its checkpoints as if nothing had been, and never makes a call twice", async () => {
    const answers = [
      { text: "a", calls: [append("p", "id_p"), append("q", "id_q")] },
      { calls: [{ name: "list_directory", arguments: {}, id: "id_l" }] },
      { text: "finished" },
    ];
    fs.rmSync(file("done.txt"), { force: true });
    bench.llm.script(...answers);
    const whole = await bench.run();
    assert.equal(whole.end().result, "finished");
    assert.equal(whole.saved.length, 5);
    for (const [index, checkpoint] of whole.saved.entries()) {
      // What was lost with its worker may have been done or not: here it was not.
      fs.rmSync(file("done.txt"), { force: true });
      const state = checkpoint as { answers: number; begun: string[] };
      bench.llm.script(...answers.slice(state.answers));
      const run = await bench.run({}, { checkpoint });
      assert.equal(run.end().result, "finished", `after checkpoint ${index}`);
      assert.deepEqual(
        run.end().steps.map((step) => step.index),
        [0, 1, 2],
      );
      const texts = toolTexts();
      assert.equal(texts.length, 3);
      const begun = state.begun.filter((id) => id !== "id_l");
      assert.equal(texts.filter((text) => text.startsWith("TOOL_CALL_INTERRUPTED")).length, begun.length);
      const written = fs.existsSync(file("done.txt")) ? fs.readFileSync(file("done.txt"), "utf8") : "";
      assert.equal(written, index === 0 ? "q\n" : "");
    }
  });

  it("leaves a call that was stopped half way without a result: the next worker says that it was", async () => {
    const stop = new AbortController();
    let last: JsonValue = null;
    bench.llm.script({ calls: [{ name: "execute_command", arguments: { command: "sleep 30" }, id: "slow" }] });
    const stopped = await bench.run(
      {},
      {
        signal: stop.signal,
        onSave: (checkpoint) => (last = checkpoint),
        onEvent: ({ type }) => type === "step_started" && setImmediate(() => stop.abort("shutdown")),
      },
    );
    assert.equal(stopped.end().status, "failed");
    assert.equal(stopped.end().steps.length, 1);
    bench.llm.script({ text: "I look first." });
    const next = await bench.run({}, { checkpoint: last });
    assert.equal(next.end().result, "I look first.");
    assert.match(toolTexts()[0] ?? "", /TOOL_CALL_INTERRUPTED/);
    assert.equal(next.of("agent_resumed")[0]?.interruptedCalls, 1);
  });

  it("keeps its checkpoint within bounds, however much its tools say", async () => {
    bench.llm.models = [{ id: "scripted", context_window: 30_000, max_output_tokens: 1_000 }];
    fs.writeFileSync(file("big.txt"), "0123456789".repeat(50_000));
    const first = bench.llm.requests.length;
    bench.llm.respond((_request, index) =>
      index - first >= 30
        ? { text: "enough" }
        : { calls: [{ name: "read_file", arguments: { path: "big.txt", offsetBytes: index, maxBytes: 200_000 } }] },
    );
    const run = await bench.run();
    assert.equal(run.end().status, "completed", JSON.stringify(run.end().error));
    const largest = Math.max(...run.saved.map((checkpoint) => JSON.stringify(checkpoint).length));
    assert.ok(largest < 1.6 * 1024 ** 2, `${largest} characters`);
    assert.equal(run.end().steps.length, 30);
  });
});

const roundTrip = (checkpoint: JsonValue): JsonValue => JSON.parse(JSON.stringify(checkpoint)) as JsonValue;
