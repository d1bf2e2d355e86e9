import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { it } from "node:test";
import { Approval, type ApprovalQuestion } from "../../../contracts/approval.ts";
import { TaskEvent } from "../../../contracts/task-event.ts";
import { TaskWait } from "../../../contracts/task.ts";
import type { ExecuteTask, TaskExecution, TaskPause } from "../../../services/runner/task-runner.ts";
import { aTask, collectEvents, completed, untilEvent, untilStopped } from "../../support/runner.ts";
import { hasCode, LONG_MS, type RunnerUnderTest, type StartRunner } from "./harness.ts";

const question = (callId: string, overrides: Partial<ApprovalQuestion> = {}): ApprovalQuestion => ({
  callId,
  tool: "execute_command",
  level: "dangerous",
  input: { command: "make release", environment: {} },
  summary: "make release",
  ...overrides,
});
const pausedAt = (callId: string, overrides: Partial<TaskPause> = {}): TaskPause => ({
  status: "paused",
  question: question(callId),
  checkpoint: { at: callId },
  steps: [],
  tokensUsed: 0,
  ...overrides,
});
const approve = { decision: "approved", by: "admin:root", comment: null } as const;
const deny = { decision: "denied", by: "admin:root", comment: "not today" } as const;

/** Tasks that wait for a person. */
export function describePausing(start: StartRunner): void {
  /** Asks about each of `calls` in turn, and keeps what each of its starts was given. */
  const asking = (...calls: string[]): { execute: ExecuteTask; starts: TaskExecution[] } => {
    const starts: TaskExecution[] = [];
    return {
      starts,
      execute: async (execution) => {
        starts.push(execution);
        const next = calls.find((callId) => !execution.approvals.has(callId));
        return next === undefined ? completed : pausedAt(next);
      },
    };
  };
  const submitPaused = async ({ runner, workspace }: RunnerUnderTest, overrides: Parameters<typeof aTask>[1] = {}) => {
    const task = aTask(await workspace("starter"), overrides);
    await runner.submit(task);
    await untilEvent(runner, task.taskId, "approval_requested");
    return task;
  };

  it("pauses for an answer, and goes on with it from where the task was", async () => {
    const { execute, starts } = asking("step-0", "call-1");
    const under = await start(execute);
    const { runner } = under;
    const task = await submitPaused(under);
    const paused = await runner.status(task.taskId);
    assert.deepEqual([paused.status, paused.attempt, paused.error], ["queued", 0, null]);
    const wait = TaskWait.parse(await runner.waiting(task.taskId));
    assert.equal(wait.reason, "approval");
    assert.match(wait.message, /step-0 .*execute_command: make release/);

    const asked = (await runner.approvals(task.taskId)).map((each) => Approval.parse(each));
    assert.equal(asked.length, 1);
    const [first] = asked;
    assert.ok(first !== undefined);
    const { askedAt, expiresAt, ...rest } = first;
    assert.deepEqual(rest, {
      ...question("step-0"),
      taskId: task.taskId,
      workspaceId: task.workspaceId,
      status: "waiting",
      decidedAt: null,
      decidedBy: null,
      comment: null,
    });
    assert.equal(Date.parse(expiresAt) - Date.parse(askedAt), 86_400_000);

    const answered = Approval.parse(await runner.answer(task.taskId, "step-0", approve));
    assert.deepEqual([answered.status, answered.decidedBy, answered.comment], ["approved", "admin:root", null]);
    for await (const { body } of runner.events(task.taskId)) {
      if (body.type === "approval_requested" && body.callId === "call-1") break;
    }
    await runner.answer(task.taskId, "call-1", deny);
    const result = await runner.result(task.taskId, { waitMs: LONG_MS });
    assert.equal(result?.status, "completed");

    assert.deepEqual(
      starts.map(({ attempt, checkpoint, approvals }) => [
        attempt,
        checkpoint,
        [...approvals].map(([callId, { decision, by, comment }]) => [callId, decision, by, comment]).sort(),
      ]),
      [
        [1, null, []],
        [1, { at: "step-0" }, [["step-0", "approved", "admin:root", null]]],
        [
          1,
          { at: "call-1" },
          [
            ["call-1", "denied", "admin:root", "not today"],
            ["step-0", "approved", "admin:root", null],
          ],
        ],
      ],
    );
    const events = await collectEvents(runner, task.taskId);
    for (const event of events) TaskEvent.parse(event);
    const again = ["task_admitted", "task_started"];
    assert.deepEqual(
      events.map(({ body }) => body.type),
      [
        "task_submitted",
        "task_queued",
        ...again,
        "approval_requested",
        "approval_decided",
        ...again,
        "approval_requested",
        "approval_decided",
        ...again,
        "task_ended",
      ],
    );
  });

  it("takes no slot of its workspace while it waits", async () => {
    const { execute, starts } = asking("step-0");
    const under = await start((execution) =>
      execution.task.prompt === "other" ? Promise.resolve(completed) : execute(execution),
    );
    const { runner } = under;
    const task = await submitPaused(under); // plan starter: one at a time
    const other = aTask(task.workspaceId, { prompt: "other" });
    await runner.submit(other);
    assert.equal((await runner.result(other.taskId, { waitMs: LONG_MS }))?.status, "completed");
    assert.equal(starts.length, 1);
    await runner.answer(task.taskId, "step-0", approve);
    assert.equal((await runner.result(task.taskId, { waitMs: LONG_MS }))?.status, "completed");
  });

  it("counts a task that waits for an answer among those that its workspace has waiting", async () => {
    const { execute } = asking("step-0");
    const under = await start(execute, { plans: { starter: { maxQueuedTasks: 1 } } });
    const task = await submitPaused(under);
    await assert.rejects(under.runner.submit(aTask(task.workspaceId)), hasCode("QUEUE_FULL"));
  });

  it("takes the same answer any number of times, and no other after it", async () => {
    const { execute } = asking("step-0");
    const under = await start(execute);
    const { runner } = under;
    const task = await submitPaused(under);
    await assert.rejects(runner.answer(task.taskId, "step-1", approve), hasCode("APPROVAL_NOT_FOUND"));
    const answers = await Promise.all([1, 2, 3].map(() => runner.answer(task.taskId, "step-0", approve)));
    for (const answer of answers) assert.deepEqual(answer, answers[0]);
    await assert.rejects(runner.answer(task.taskId, "step-0", deny), hasCode("APPROVAL_DECIDED"));
    await runner.result(task.taskId, { waitMs: LONG_MS });
    assert.deepEqual(await runner.answer(task.taskId, "step-0", { ...approve, by: "admin:other" }), answers[0]);
    await assert.rejects(runner.answer(task.taskId, "step-0", deny), hasCode("APPROVAL_DECIDED"));
    const nobody = randomUUID();
    await assert.rejects(runner.approvals(nobody), hasCode("TASK_NOT_FOUND"));
    await assert.rejects(runner.answer(nobody, "step-0", approve), hasCode("TASK_NOT_FOUND"));
    const decided = (await collectEvents(runner, task.taskId)).filter(({ body }) => body.type === "approval_decided");
    assert.equal(decided.length, 1);
  });

  it("cancels a task that waits for an answer at once, with what it had done", async () => {
    const step = { index: 0, tool: "x", ok: true, exitCode: null, output: 1, error: null, durationMs: 1 };
    const starts: unknown[] = [];
    const under = await start(async () => {
      starts.push(1);
      return pausedAt("step-1", { steps: [step], tokensUsed: 7 });
    });
    const { runner } = under;
    const task = await submitPaused(under);
    assert.equal(await runner.cancel(task.taskId), true);
    const result = await runner.result(task.taskId);
    assert.deepEqual([result?.status, result?.steps, result?.tokensUsed], ["cancelled", [step], 7]);
    assert.ok((result?.executionTimeMs ?? 0) > 0);
    assert.equal(await runner.waiting(task.taskId), null);
    assert.deepEqual(
      (await runner.approvals(task.taskId)).map(({ status, decidedBy }) => [status, decidedBy]),
      [["withdrawn", null]],
    );
    await assert.rejects(runner.answer(task.taskId, "step-1", approve), hasCode("APPROVAL_DECIDED"));
    assert.equal(starts.length, 1);
  });

  it("fails a task whose question nobody answers in time", async () => {
    const reasons: unknown[] = [];
    const under = await start(async (execution) => {
      const pause = pausedAt("step-0");
      if (execution.checkpoint === null) return pause;
      await untilStopped(execution);
      reasons.push(execution.signal.reason);
      return { ...completed, status: "failed", tokensUsed: 3 };
    });
    const { runner } = under;
    const task = await submitPaused(under, { approvalTimeoutSeconds: 1 });
    const result = await runner.result(task.taskId, { waitMs: LONG_MS });
    assert.equal(result?.status, "failed");
    assert.equal(result.error?.code, "APPROVAL_EXPIRED");
    assert.equal(result.tokensUsed, 3);
    assert.deepEqual(reasons, ["approval_expired"]);
    await assert.rejects(runner.answer(task.taskId, "step-0", approve), hasCode("APPROVAL_DECIDED"));
    const events = await collectEvents(runner, task.taskId);
    const decided = events.flatMap(({ body }) => (body.type === "approval_decided" ? [body] : []));
    assert.deepEqual(decided, [
      { type: "approval_decided", callId: "step-0", decision: "expired", by: null, comment: null },
    ]);
  });

  it("counts the time that a task ran before it paused, and none that it waited", async () => {
    const under = await start(async (execution) => {
      if (execution.checkpoint !== null) {
        await untilStopped(execution);
        return completed;
      }
      await new Promise((resolve) => setTimeout(resolve, 700));
      return pausedAt("step-0");
    });
    const { runner } = under;
    const task = await submitPaused(under, { timeoutSeconds: 1 });
    const pausedMs = 1_500; // longer than it may run at all
    await new Promise((resolve) => setTimeout(resolve, pausedMs));
    await runner.answer(task.taskId, "step-0", approve);
    const answeredAt = Date.now();
    const result = await runner.result(task.taskId, { waitMs: LONG_MS });
    assert.equal(result?.status, "timed_out");
    assert.ok(result.executionTimeMs >= 950, `${result.executionTimeMs}`);
    const { startedAt, completedAt } = result;
    assert.ok(Date.parse(startedAt ?? "") >= answeredAt - 50);
    // The second start had what the first one had left of its second.
    assert.ok(Date.parse(completedAt) - Date.parse(startedAt ?? "") < result.executionTimeMs - 600);
  });

  it("goes on from what was kept last, and keeps the question when what runs tasks is stopped", async () => {
    const checkpoints: unknown[] = [];
    const { runner, workspace, stopWorking } = await start(async (execution) => {
      checkpoints.push(execution.checkpoint);
      const calls = ["call-1", "call-2"].filter((callId) => !execution.approvals.has(callId));
      await execution.save({ step: 1 });
      return pausedAt(calls[0] ?? "", { checkpoint: { step: checkpoints.length, text: "\0 \ud83d" } });
    });
    const task = aTask(await workspace("pro"));
    await runner.submit(task);
    await untilEvent(runner, task.taskId, "approval_requested");
    await runner.answer(task.taskId, "call-1", approve);
    for await (const { body } of runner.events(task.taskId)) {
      if (body.type === "approval_requested" && body.callId === "call-2") break;
    }
    await stopWorking();
    assert.equal((await runner.waiting(task.taskId))?.reason, "approval");
    assert.deepEqual(
      checkpoints.map((checkpoint) => (checkpoint as { step?: number } | null)?.step ?? null),
      [null, 1],
    );
  });

  it("fails a task that asks about one call twice", async () => {
    const under = await start(async () => pausedAt("step-0"));
    const { runner } = under;
    const task = await submitPaused(under);
    await runner.answer(task.taskId, "step-0", approve);
    const result = await runner.result(task.taskId, { waitMs: LONG_MS });
    assert.deepEqual([result?.status, result?.error?.code], ["failed", "APPROVAL_ASKED_TWICE"]);
  });

  it("cuts what a question shows to what can be listed, and says so", async () => {
    const under = await start(async () => {
      const input = { path: "artifacts/a", content: "x".repeat(1_000_000), more: ["y"] };
      return pausedAt("step-0", { question: question("step-0", { input }) });
    });
    const task = await submitPaused(under);
    const [approval] = await under.runner.approvals(task.taskId);
    const { content } = approval?.input as { content: string };
    assert.ok(content.length < 300_000);
    assert.match(content.slice(-60), /^x+… \(\d+ characters more\)$/);
  });
}
