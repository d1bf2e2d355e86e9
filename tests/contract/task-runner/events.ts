import assert from "node:assert/strict";
import { it } from "node:test";
import { TaskResult, TaskStatus } from "../../../contracts/task.ts";
import { TaskEvent } from "../../../contracts/task-event.ts";
import { aTask, collectEvents, completed, untilEvent, untilStopped } from "../../support/runner.ts";
import { LONG_MS, type StartRunner } from "./harness.ts";

/** What it promises to those who watch. */
export function describeEvents(start: StartRunner): void {
  it("tells the whole story of a task in order, and its result", async () => {
    const step = {
      index: 0,
      tool: "x",
      ok: true,
      exitCode: null,
      output: "\0 \ud83d ok",
      error: null,
      durationMs: 1,
    };
    const { runner, workspace } = await start(async ({ emit, task, attempt }) => {
      assert.equal(attempt, 1);
      assert.equal(task.prompt, "do");
      emit({ type: "step_started", index: 0, tool: "x", summary: "x" });
      for (let line = 0; line < 50; line++) emit({ type: "step_output", index: 0, stream: "stdout", text: `${line}` });
      emit({ type: "step_finished", step });
      return { status: "completed", result: { answer: 42 }, error: null, steps: [step], tokensUsed: 7 };
    });
    const task = aTask(await workspace("pro"), { prompt: "do", correlationId: "c-1" });
    assert.deepEqual(await runner.submit(task).then(({ status, attempt }) => ({ status, attempt })), {
      status: "queued",
      attempt: 0,
    });
    const events = await collectEvents(runner, task.taskId);
    assert.deepEqual(
      events.map(({ sequence }) => sequence),
      events.map((_, index) => index + 1),
    );
    const types = events.map(({ body }) => body.type).filter((type) => type !== "step_output");
    assert.deepEqual(types, [
      "task_submitted",
      "task_queued",
      "task_admitted",
      "task_started",
      "step_started",
      "step_finished",
      "task_ended",
    ]);
    const lines = events.flatMap(({ body }) => (body.type === "step_output" ? [body.text] : []));
    assert.deepEqual(
      lines,
      Array.from({ length: 50 }, (_, line) => `${line}`),
    );
    for (const event of events) TaskEvent.parse(event);

    const result = TaskResult.parse(await runner.result(task.taskId));
    assert.deepEqual(events.at(-1)?.body, { type: "task_ended", result });
    assert.equal(result.status, "completed");
    assert.deepEqual(result.result, { answer: 42 });
    assert.equal(result.tokensUsed, 7);
    assert.equal(result.steps.length, 1);
    const status = TaskStatus.parse(await runner.status(task.taskId));
    assert.equal(status.status, "completed");
    assert.equal(status.attempt, 1);
    assert.equal(status.correlationId, "c-1");
    assert.equal(status.completedAt, result.completedAt);
  });

  it("resumes events after any number, and ends after the last", async () => {
    const release = Promise.withResolvers<null>();
    const { runner, workspace } = await start(async ({ emit }) => {
      emit({ type: "step_started", index: 0, tool: "x", summary: "" });
      await release.promise;
      return completed;
    });
    const task = aTask(await workspace("pro"));
    await runner.submit(task);
    await untilEvent(runner, task.taskId, "step_started");
    // Followers that were there before the end, and ones that come after it, see the same.
    const live = [0, 2, 4, 5].map(async (after) => collectEvents(runner, task.taskId, after));
    release.resolve(null);
    const all = await collectEvents(runner, task.taskId);
    for (const [index, after] of [0, 2, 4, 5].entries()) assert.deepEqual(await live[index], all.slice(after));
    for (let after = 0; after <= all.length + 1; after++) {
      assert.deepEqual(await collectEvents(runner, task.taskId, after), all.slice(after));
    }
  });

  it("lets a follower leave whenever he likes", async () => {
    const { runner, workspace } = await start(async (execution) => {
      await untilStopped(execution);
      return completed;
    });
    const task = aTask(await workspace("pro"));
    await runner.submit(task);
    await untilEvent(runner, task.taskId, "task_started");
    const leave = new AbortController();
    const seen: number[] = [];
    for await (const { sequence } of runner.events(task.taskId, { signal: leave.signal })) {
      if (seen.push(sequence) === 4) leave.abort();
    }
    assert.deepEqual(seen, [1, 2, 3, 4]);
    const gone = AbortSignal.abort();
    for await (const event of runner.events(task.taskId, { signal: gone })) assert.fail(event.body.type);
    assert.equal(await runner.result(task.taskId, { waitMs: LONG_MS, signal: gone }), null);
    assert.equal(await runner.result(task.taskId), null);
  });
}
