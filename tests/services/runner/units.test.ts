import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { TaskEventBody } from "../../../contracts/task-event.ts";
import { EventWriter } from "../../../services/runner/event-writer.ts";
import { fingerprint } from "../../../services/runner/submission.ts";
import { aTask } from "../../support/runner.ts";

const workspaceId = "7c9e6679-7425-40de-944b-e07fc1f90ae7";
const output = (text: string): TaskEventBody => ({ type: "step_output", index: 0, stream: "stdout", text });

describe("fingerprint", () => {
  const shuffle = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(shuffle);
    if (typeof value !== "object" || value === null) return value;
    const entries = Object.entries(value).map(([key, item]) => [key, shuffle(item)] as const);
    return Object.fromEntries(entries.reverse());
  };

  it("does not depend on the order of keys, the id or the time of making", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (context) => {
        const a = aTask(workspaceId, { context: context as never });
        const b = aTask(workspaceId, { context: shuffle(context) as never, createdAt: "2026-01-01T00:00:00Z" });
        assert.deepEqual(fingerprint(a), fingerprint(b));
      }),
    );
  });

  it("depends on everything else", () => {
    const prints = [
      {},
      { prompt: "p" },
      { context: { a: 1 } },
      { context: { a: "1" } },
      { context: { a: [1] } },
      { context: [] },
      { priority: "low" },
      { timeoutSeconds: 1 },
      { tools: ["a"] },
      { tools: ["a", "b"] },
      { tools: ["b", "a"] },
    ].map((overrides) => fingerprint(aTask(workspaceId, overrides as never)).toString("hex"));
    assert.equal(new Set(prints).size, prints.length);
  });
});

describe("EventWriter", () => {
  it("writes all in order, many at once, in numbered batches", async () => {
    const batches: (readonly TaskEventBody[])[] = [];
    const writer = new EventWriter(async (batch, bodies) => {
      assert.equal(batch, batches.push(bodies));
      await new Promise((resolve) => setImmediate(resolve));
    });
    const texts = Array.from({ length: 2_000 }, (_, index) => `${index}`);
    for (const [index, text] of texts.entries()) {
      writer.emit(output(text));
      if (index % 700 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await writer.close();
    assert.deepEqual(batches.flat(), texts.map(output));
    assert.ok(batches.length < 20, `${batches.length} batches`);
    writer.emit(output("late"));
    assert.equal(batches.flat().length, 2_000);
  });

  it("keeps its memory bounded while nothing can be written, and tells what is missing", async () => {
    const gate = Promise.withResolvers<null>();
    const written: TaskEventBody[] = [];
    const writer = new EventWriter(async (_batch, bodies) => {
      await gate.promise;
      written.push(...bodies);
    });
    const chunk = "x".repeat(100_000);
    for (let index = 0; index < 1_000; index++) writer.emit(output(chunk));
    writer.emit({ type: "step_started", index: 1, tool: "x", summary: "" });
    gate.resolve(null);
    await writer.close();
    const kept = written.filter(({ type }) => type === "step_output").length;
    assert.ok(kept >= 160 && kept <= 180, `${kept} kept`);
    assert.equal(written.at(-2)?.type, "step_started");
    const last = written.at(-1);
    assert.ok(last?.type === "warning" && last.code === "OUTPUT_DROPPED");
    assert.ok(last.message.startsWith(`${1_000 - kept} pieces`));
  });

  it("throws at the end what made a write fail for good, and takes nothing more", async () => {
    let writes = 0;
    const writer = new EventWriter(async () => {
      writes += 1;
      throw new Error("refused");
    });
    writer.emit(output("a"));
    await new Promise((resolve) => setImmediate(resolve));
    writer.emit(output("b"));
    await assert.rejects(writer.close(), /refused/);
    assert.equal(writes, 1);
  });
});
