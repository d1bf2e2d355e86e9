import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { JsonValue } from "../../../../contracts/json.ts";
import { openCalls, toModelMessages, type Turn } from "../../../../services/worker/agent/conversation.ts";
import { NO_REPETITION, watchRepetition } from "../../../../services/worker/agent/repetition.ts";
import { estimateConversation, trimContext } from "../../../../services/worker/agent/trim-context.ts";

const text = (max: number) => fc.integer({ min: 0, max }).map((length) => "word ".repeat(length / 5));
const answer = fc
  .record({
    text: text(2_000),
    reasoning: text(1_000),
    calls: fc.array(fc.record({ input: text(4_000), result: text(20_000), ok: fc.boolean() }), { maxLength: 4 }),
  })
  .map(({ calls, ...said }) => ({ ...said, calls }));
const conversation = fc
  .record({ task: text(1_000), answers: fc.array(fc.tuple(answer, fc.boolean()), { maxLength: 12 }) })
  .map(({ task, answers }): Turn[] => [
    { role: "user", text: `TASK ${task}` },
    ...answers.flatMap(([{ text: said, reasoning, calls }, isTold], index): Turn[] => [
      {
        role: "assistant",
        text: said,
        reasoning,
        calls: calls.map(({ input }, at) => ({ id: `${index}-${at}`, tool: "write_file", input: { content: input } })),
        results: calls.map(({ result, ok }, at) => ({
          callId: `${index}-${at}`,
          tool: "write_file",
          text: result,
          ok,
        })),
      },
      ...(isTold ? [{ role: "user" as const, text: "told" }] : []),
    ]),
  ]);

describe("trimming a conversation", () => {
  it("fits, keeps the task and the newest answer, and never parts calls from results", () => {
    fc.assert(
      fc.property(
        conversation,
        fc.integer({ min: 3_000, max: 60_000 }),
        fc.double({ min: 0.5, max: 3, noNaN: true }),
        (turns, limit, factor) => {
          let trimmed: ReturnType<typeof trimContext>;
          try {
            trimmed = trimContext(turns, limit, factor);
          } catch (error) {
            assert.equal((error as { code?: string }).code, "LLM_CONTEXT_TOO_SMALL");
            return; // the task and the newest answer's own words alone are too much
          }
          assert.ok(Math.ceil(estimateConversation(trimmed.turns) * factor) <= limit);
          assert.deepEqual(trimmed.turns[0], turns[0]);
          const newest = turns.findLast(({ role }) => role === "assistant");
          const kept = trimmed.turns.findLast(({ role }) => role === "assistant");
          if (newest?.role === "assistant" && kept?.role === "assistant") {
            assert.equal(kept.text, newest.text);
            assert.deepEqual(kept.calls, newest.calls);
          }
          for (const turn of trimmed.turns) if (turn.role === "assistant") assert.deepEqual(openCalls(turn), []);
          const ids = toModelMessages(trimmed.turns).flatMap(({ role, content }) =>
            typeof content === "string"
              ? []
              : content.flatMap((part) => ("toolCallId" in part ? [`${role} ${part.toolCallId}`] : [])),
          );
          const calls = ids.filter((id) => id.startsWith("assistant")).map((id) => id.split(" ")[1]);
          assert.deepEqual(
            ids.filter((id) => id.startsWith("tool")).map((id) => id.split(" ")[1]),
            calls,
          );
          // Trimming what fits changes nothing.
          assert.equal(trimContext(trimmed.turns, limit, factor).report, null);
        },
      ),
      { numRuns: 300 },
    );
  });

  it("counts what it left out over several times", () => {
    const long = (index: number): Turn => ({
      role: "assistant",
      text: "x".repeat(3_000),
      reasoning: "",
      calls: [{ id: String(index), tool: "a", input: {} }],
      results: [{ callId: String(index), tool: "a", text: "short", ok: true }],
    });
    let turns: Turn[] = [{ role: "user", text: "TASK" }];
    for (let index = 0; index < 20; index++) turns = trimContext([...turns, long(index)], 5_000, 1).turns;
    const notes = turns.filter((turn) => turn.role === "user" && turn.dropped !== undefined);
    assert.equal(notes.length, 1);
    const kept = turns.filter(({ role }) => role === "assistant").length;
    assert.equal(notes[0]?.role === "user" ? notes[0].dropped : 0, 20 - kept);
  });
});

describe("watching for repetition", () => {
  const watch = (inputs: readonly JsonValue[]) => {
    let state = NO_REPETITION;
    return inputs.map((input) => {
      const verdict = watchRepetition(state, [{ tool: "t", input }]);
      state = verdict.state;
      return verdict.verdict;
    });
  };

  it("tells at the third time, stops at the sixth, and begins anew after something else", () => {
    const same = { a: 1, b: 2 };
    const turned = { b: 2, a: 1 };
    assert.deepEqual(watch([same, turned, same, same, same, same]), ["fine", "fine", "tell", "fine", "fine", "stop"]);
    assert.deepEqual(
      watch([same, same, same, { a: 2 }, same, same, same]).filter((verdict) => verdict === "tell").length,
      2,
    );
  });

  it("tells once and stops where answers go round in a circle of two or three", () => {
    for (const length of [2, 3]) {
      const verdicts = watch(Array.from({ length: length * 6 }, (_, index) => ({ n: index % length })));
      assert.equal(verdicts.at(-1), "stop");
      assert.equal(verdicts.filter((verdict) => verdict === "tell").length, 1);
      assert.equal(verdicts.indexOf("stop"), verdicts.length - 1);
    }
  });

  it("never stops what differs each time", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer(), { minLength: 1, maxLength: 40 }), (numbers) => {
        assert.ok(watch(numbers.map((n) => ({ n }))).every((verdict) => verdict === "fine"));
      }),
    );
  });
});
