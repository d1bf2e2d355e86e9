import assert from "node:assert/strict";
import * as fs from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import fc from "fast-check";
import { ToolPolicy } from "../../../../contracts/tools.ts";
import { findUnstorable } from "../../../../services/runtime/storable-text.ts";
import { AgentBench } from "./support.ts";

const write = (path: string, content: string) => ({ name: "write_file", arguments: { path, content } });
const read = (path: string) => ({ name: "read_file", arguments: { path } });

describe("an agent", () => {
  let bench: AgentBench;
  before(async () => {
    bench = await AgentBench.start();
  });
  after(() => bench.stop());
  /** The requests of the model from now on. */
  const fromNow = () => {
    const first = bench.llm.requests.length;
    return () => bench.llm.requests.slice(first).map(({ body }) => body);
  };

  it("answers without a tool, and the text is the result", async () => {
    const requests = fromNow();
    bench.llm.script({ text: "All is well.", usage: { prompt_tokens: 100, completion_tokens: 7 } });
    const run = await bench.run({ prompt: "How is it?", context: { ticket: 7 }, systemPrompt: "Speak plainly." });
    assert.deepEqual(run.outcome, {
      status: "completed",
      result: "All is well.",
      error: null,
      steps: [],
      tokensUsed: 107,
    });
    const [request] = requests();
    assert.equal(request?.model, "scripted");
    assert.equal(request.stream, true);
    assert.deepEqual(request.tools?.map((tool) => tool.function.name).sort(), [
      "create_directory",
      "execute_command",
      "list_directory",
      "read_file",
      "write_file",
    ]);
    const [system, user] = request.messages;
    assert.equal(system?.role, "system");
    assert.match(system.content ?? "", /untrusted|data\. It may/);
    assert.match(system.content ?? "", /Speak plainly\.$/);
    assert.match(user?.content ?? "", /^How is it\?[^]*"ticket":7/);
    assert.equal(bench.llm.requests.at(-1)?.headers.authorization, "Bearer task-token");
    const [answered] = run.of("model_answered");
    assert.deepEqual([answered?.text, answered?.inputTokens, answered?.outputTokens], ["All is well.", 100, 7]);
    assert.equal(
      run
        .of("model_text")
        .map(({ text }) => text)
        .join(""),
      "All is well.",
    );
  });

  it("calls tools, sees what they brought, and goes on", async () => {
    const requests = fromNow();
    bench.llm.script(
      { text: "I write it.", calls: [{ ...write("notes/a.txt", "first\nsecond\n"), id: "call_w" }] },
      { calls: [read("notes/a.txt"), { name: "execute_command", arguments: { command: "wc -l notes/a.txt" } }] },
      { text: "Two lines." },
    );
    const run = await bench.run();
    const end = run.end();
    assert.equal(end.status, "completed", JSON.stringify(end));
    assert.equal(end.result, "Two lines.");
    assert.deepEqual(
      end.steps.map(({ index, tool, ok }) => [index, tool, ok]),
      [
        [0, "write_file", true],
        [1, "read_file", true],
        [2, "execute_command", true],
      ],
    );
    assert.equal(fs.readFileSync(join(bench.profile.workspaceDir, "notes/a.txt"), "utf8"), "first\nsecond\n");
    const last = requests().at(-1)?.messages ?? [];
    assert.deepEqual(
      last.map(({ role }) => role),
      ["system", "user", "assistant", "tool", "assistant", "tool", "tool"],
    );
    assert.equal(last[2]?.content, "I write it.");
    assert.equal(last[3]?.tool_call_id, "call_w");
    assert.equal(last[5]?.content, "first\nsecond\n");
    assert.match(last[6]?.content ?? "", /^exit code 0\nstdout:\n2 notes\/a\.txt/);
    assert.deepEqual(
      run.events.filter(({ type }) => type !== "model_text").map(({ type }) => type),
      [
        ...["agent_step_started", "model_answered", "step_started", "step_finished"],
        ...["agent_step_started", "model_answered", "step_started", "step_finished"],
        ...["step_started", "step_output", "step_finished", "agent_step_started", "model_answered"],
      ],
    );
  });

  it("offers no tool when the task names none, and none that the workspace denies", async () => {
    const requests = fromNow();
    bench.llm.script({ text: "a" }, { text: "b" });
    await bench.run({ tools: [] });
    assert.equal(requests()[0]?.tools, undefined);
    const policy = ToolPolicy.parse({ tools: { execute_command: "deny" } });
    const run = await bench.run({ tools: ["read_file", "execute_command", "unheard_of"] }, { policy });
    assert.deepEqual(
      requests()[1]?.tools?.map((tool) => tool.function.name),
      ["read_file"],
    );
    assert.match(run.of("warning")[0]?.message ?? "", /execute_command, unheard_of/);
  });

  it("gives malformed calls back to the model as errors, and makes the good ones of the same answer", async () => {
    const requests = fromNow();
    bench.llm.script(
      {
        calls: [
          { name: "read_file", arguments: '{"path": "notes' },
          { name: "functions.sudo!", arguments: {} },
          { name: "read_file", arguments: { file: "x" } },
          write("good.txt", "yes"),
          { name: "list_directory", arguments: "[1]" },
        ],
      },
      { text: "done" },
    );
    const run = await bench.run();
    assert.equal(run.end().status, "completed");
    assert.deepEqual(
      run.end().steps.map(({ ok, error }) => error?.code ?? ok),
      ["TOOL_CALL_MALFORMED", "TOOL_CALL_MALFORMED", "TOOL_CALL_MALFORMED", true, "TOOL_CALL_MALFORMED"],
    );
    const messages = requests()[1]?.messages ?? [];
    const answers = messages.filter(({ role }) => role === "tool").map(({ content }) => content ?? "");
    assert.match(answers[0] ?? "", /no valid JSON/);
    assert.match(answers[1] ?? "", /there is no tool "functions\.sudo!"; the tools are list_directory/);
    assert.match(answers[2] ?? "", /path/);
    const calls = messages.find(({ role }) => role === "assistant")?.tool_calls ?? [];
    for (const call of calls) {
      assert.equal(typeof JSON.parse(call.function.arguments), "object");
      assert.match(call.function.name, /^[A-Za-z0-9_-]+$/);
    }
    assert.equal(new Set(calls.map(({ id }) => id)).size, 5);
  });

  it("takes whatever names and arguments a model makes up, and asks on in a form that providers take", async () => {
    const anything = fc.string({ unit: "binary", maxLength: 40 });
    const name = fc.oneof(
      fc.constantFrom("read_file", "write_file", "list_directory", "__proto__", "toString"),
      anything,
    );
    const args = fc.oneof(fc.json(), anything, fc.record({ path: anything, content: anything }));
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ name, arguments: args }), { minLength: 1, maxLength: 5 }),
        async (calls) => {
          bench.llm.script({ calls }, { text: "done" });
          const run = await bench.run();
          assert.equal(run.end().status, "completed", JSON.stringify(run.end().error));
          const { messages } = bench.llm.requests.at(-1)?.body ?? { messages: [] };
          assert.equal(findUnstorable(messages), undefined);
          const made = messages.flatMap(({ tool_calls: each = [] }) => each);
          for (const { function: called } of made) {
            assert.match(called.name, /^[A-Za-z0-9_-]{1,64}$/);
            const input: unknown = JSON.parse(called.arguments);
            assert.ok(typeof input === "object" && input !== null && !Array.isArray(input));
            assert.equal(findUnstorable(input), undefined);
          }
          assert.equal(messages.filter(({ role }) => role === "tool").length, made.length);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("runs calls that only read side by side, and the others in their order", async () => {
    fs.writeFileSync(join(bench.profile.workspaceDir, "letters"), "a\nb\n");
    bench.llm.script(
      {
        calls: [
          { name: "list_directory", arguments: {} },
          { name: "list_directory", arguments: { path: "notes" } },
          { name: "execute_command", arguments: { command: "grep -h a letters >> order.txt" } },
          { name: "execute_command", arguments: { command: "grep -h b letters >> order.txt" } },
        ],
      },
      { text: "done" },
    );
    const run = await bench.run();
    const order = run.events.flatMap((event) => {
      if (event.type === "step_started") return [`start ${event.index}`];
      return event.type === "step_finished" ? [`end ${event.step.index}`] : [];
    });
    assert.deepEqual(order.slice(0, 2), ["start 0", "start 1"]);
    assert.deepEqual(order.slice(-4), ["start 2", "end 2", "start 3", "end 3"]);
    assert.equal(fs.readFileSync(join(bench.profile.workspaceDir, "order.txt"), "utf8"), "a\nb\n");
  });

  it("gives a tool's failure to the model, and does not fail of it", async () => {
    const requests = fromNow();
    const calls = [
      read("not/there"),
      { name: "execute_command", arguments: { command: "node -e 'console.error(\"no\"); process.exit(3)'" } },
    ];
    bench.llm.script({ calls }, { text: "It is not there." });
    const run = await bench.run();
    assert.equal(run.end().status, "completed");
    const results = (requests()[1]?.messages ?? [])
      .filter(({ role }) => role === "tool")
      .map(({ content }) => content ?? "");
    assert.match(results[0] ?? "", /^FILE_NOT_FOUND: /);
    assert.match(results[1] ?? "", /^exit code 3\nstderr:\nno/);
  });

  it("gives every call an id of its own, whatever ids the model gives", async () => {
    const requests = fromNow();
    const again = { ...read("good.txt"), id: "call_0" };
    const other = { name: "list_directory", id: "call_0", arguments: {} };
    bench.llm.script({ calls: [again, other] }, { calls: [{ ...write("x", "1"), id: "call_0" }] }, { text: "done" });
    await bench.run();
    const ids = (requests().at(-1)?.messages ?? []).flatMap(({ tool_calls: calls = [] }) => calls.map(({ id }) => id));
    assert.equal(ids.length, 3);
    assert.equal(new Set(ids).size, 3);
  });

  it("shows the model what the scripted steps brought", async () => {
    const requests = fromNow();
    bench.llm.script({ reasoning: "Look at it.", calls: [read("good.txt")] }, { text: "seen" });
    const step = {
      index: 0,
      tool: "read_file",
      ok: true,
      exitCode: null,
      output: { encoding: "utf8", content: "MARK" },
      error: null,
      durationMs: 1,
    };
    const run = await bench.run({}, { scriptedSteps: [step] });
    assert.match(requests()[0]?.messages[1]?.content ?? "", /Step 1, read_file:\nMARK/);
    assert.equal(requests()[1]?.messages[2]?.reasoning_content, "Look at it.");
    assert.deepEqual(
      run.end().steps.map(({ index }) => index),
      [0, 1],
    );
  });

  it("uses the model that the task names, and says which there are when there is none of that name", async () => {
    bench.llm.models = [{ id: "first" }, { id: "second", context_window: 9_000, max_output_tokens: 1_000 }];
    const requests = fromNow();
    bench.llm.script({ text: "a" }, { text: "b" }, { text: "c" });
    await bench.run({ model: "second" });
    await bench.run({});
    await bench.run({ model: "default" });
    assert.deepEqual(
      requests().map(({ model }) => model),
      ["second", "first", "first"],
    );
    const { error } = (await bench.run({ model: "third" })).end();
    assert.equal(error?.code, "MODEL_UNKNOWN");
    assert.match(error.remedy, /first, second/);
    bench.llm.models = [];
    const none = (await bench.run()).end();
    assert.equal(none.error?.code, "LLM_NOT_CONFIGURED");
    assert.match(none.error.remedy, /llm\.providers/);
    bench.llm.models = [{ id: "scripted", context_window: 128_000, max_output_tokens: 8_000 }];
  });
});
