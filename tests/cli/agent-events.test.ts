import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { EventPrinter } from "../../cli/output/event-printer.ts";
import { makeStyle } from "../../cli/output/style.ts";
import type { TaskEventBody } from "../../contracts/task-event.ts";

/** What the command line shows of these events, without the times in front. */
function show(bodies: readonly TaskEventBody[], colours = false): string {
  let shown = "";
  const printer = new EventPrinter({ write: (text) => (shown += text), style: makeStyle(colours), colours });
  for (const [index, body] of bodies.entries()) {
    printer.print({ taskId: crypto.randomUUID(), sequence: index + 1, at: "2026-01-01T00:00:00Z", body });
  }
  printer.finish();
  return shown.replaceAll(/^\S*\d\d:\d\d:\d\d\S* {2}/gm, "");
}
const text = (piece: string, kind: "text" | "reasoning" = "text"): TaskEventBody => ({
  type: "model_text",
  step: 1,
  kind,
  text: piece,
});

describe("what a model does, on the command line", () => {
  it("is shown as it comes: text in whole lines, calls, tokens", () => {
    const shown = show([
      { type: "agent_step_started", step: 1, model: "main" },
      text("thinking", "reasoning"),
      text("First li"),
      text("ne\nsecond"),
      { type: "model_retried", step: 1, error: { code: "X", message: "it broke", remedy: "." }, waitMs: 1_500 },
      text("again"),
      {
        ...{ type: "model_answered", step: 1, text: "again", toolCalls: 1, finishReason: "tool-calls" },
        ...{ inputTokens: 10, outputTokens: 2, estimated: true, durationMs: 500 },
      },
      { type: "step_started", index: 0, tool: "read_file", summary: "a.txt" },
      {
        type: "context_trimmed",
        step: 2,
        tokensBefore: 9_000,
        tokensAfter: 6_000,
        condensedResults: 3,
        droppedAnswers: 0,
      },
      { type: "agent_resumed", step: 1, interruptedCalls: 0 },
    ]);
    assert.deepEqual(shown.split("\n"), [
      "answer 1 of main",
      "          ▌ thinking",
      "          ▌ First line",
      "          ▌ second",
      "model asked again in 1.5 s: it broke",
      "          ▌ again",
      "answer 1: 1 tool call, about 10 + 2 tokens in 500 ms",
      "step 1 read_file a.txt",
      "context trimmed from about 9000 to 6000 tokens",
      "goes on after answer 1",
      "",
    ]);
  });

  it("can do nothing to the terminal, and cannot look like the platform's own words", () => {
    const hostile = "\u001b[2J\u001b]0;title\u0007\u001b[31mred\u001b[0m \u202edrowssap\rover\n";
    for (const colours of [false, true]) {
      const shown = show([text(hostile)], colours);
      const own = shown.replaceAll(/\u001b\[(36|39)m/g, ""); // the bar's colour
      assert.doesNotMatch(own, /[\u0000-\u0009\u000b-\u001f\u202e]/);
      assert.match(own, /^ {10}▌ /);
    }
  });
});
