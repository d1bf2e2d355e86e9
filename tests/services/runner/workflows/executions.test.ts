import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { WorkflowExecutionDetails, type ExecutionStep } from "../../../../contracts/workflow.ts";
import { WorkflowEvent } from "../../../../contracts/workflow-event.ts";
import { WorkflowRecipe } from "../../../../contracts/workflow-recipe.ts";
import { PlatformError } from "../../../../contracts/errors.ts";
import type { ExecuteTask, TaskEnd, TaskExecution } from "../../../../services/runner/task-runner.ts";
import { hasCode } from "../../../contract/task-runner/harness.ts";
import { migratedDatabase } from "../../../support/database.ts";
import { startPostgres, type TestPostgres } from "../../../support/postgres.ts";
import { aWorkspace, completed, untilStopped } from "../../../support/runner.ts";
import { openWorkflowProcess, until, type WorkflowProcess } from "./support.ts";

/** What a task's prompt has it do; the rest of them answer their prompt. */
const execute: ExecuteTask = async (execution) => {
  const { prompt, context } = execution.task;
  if (prompt === "context") return { ...completed, result: context };
  if (prompt === "big") return { ...completed, result: { part: "x", whole: "y".repeat(300_000) } };
  if (prompt === "hang") return hang(execution);
  if (prompt.startsWith("fail")) throw new PlatformError("BROKEN", "it broke", { remedy: "Mend it.", status: 422 });
  if (prompt.startsWith("{")) return { ...completed, result: JSON.parse(prompt) as unknown };
  return { ...completed, result: prompt };
};

async function hang(execution: TaskExecution): Promise<TaskEnd> {
  await untilStopped(execution);
  return completed;
}

describe("executions of workflows", () => {
  let server: TestPostgres;
  let url: string;
  let own: WorkflowProcess;
  let workspaceId: string;
  let worker: { close(): Promise<void> };

  before(async () => {
    server = await startPostgres();
    url = (await migratedDatabase(server)).url;
    const plans = { enterprise: { submissionsPerMinute: 100_000 }, starter: { maxQueuedTasks: 2, maxRunningTasks: 1 } };
    own = await openWorkflowProcess(url, { plans });
    workspaceId = await aWorkspace(own.own);
    worker = await own.own.work(execute, { concurrency: 16 });
  });
  after(async () => {
    await worker.close();
    await own.close();
    await server.stop();
  });

  const steps = (execution: WorkflowExecutionDetails): Record<string, string> =>
    Object.fromEntries(execution.steps.map(({ stepId, status, skipReason }) => [stepId, skipReason ?? status]));
  const stepOf = (execution: WorkflowExecutionDetails, id: string): ExecutionStep => {
    const step = execution.steps.find(({ stepId }) => stepId === id);
    assert.ok(step !== undefined);
    return step;
  };
  const run = async (recipe: object, input: object = {}) =>
    own.ended((await own.start(workspaceId, recipe, { input: input as never })).executionId);
  const task = (prompt: string, more: object = {}) => ({ task: { prompt, ...more } });

  it("run steps after those that they depend on and hand results on, with their types", async () => {
    const execution = await run(
      {
        steps: [
          {
            id: "report",
            dependsOn: ["build", "lint"],
            ...task("context", {
              context: { count: "${{ steps.build.result.files.-1 }}", says: "built ${{ steps.build.result.files }}" },
            }),
          },
          { id: "build", ...task('{"files":[1,2,3],"path":"${{ input.path }}"}') },
          { id: "lint", dependsOn: ["build"], ...task("fine in $${{ ${{ steps.build.result.path }}") },
        ],
        output: { lint: "${{ steps.lint.result }}", status: "${{ steps.report.status }}", id: "${{ execution.id }}" },
      },
      { path: "dist/${{ input.path }}" },
    );
    assert.deepEqual(WorkflowExecutionDetails.parse(execution), execution);
    assert.deepEqual(steps(execution), { report: "completed", build: "completed", lint: "completed" });
    const { executionId } = execution;
    assert.deepEqual(execution.output, {
      lint: "fine in ${{ dist/${{ input.path }}", // what was put in is not looked at again
      status: "completed",
      id: executionId,
    });
    const report = stepOf(execution, "report").taskId ?? "";
    const { result } = (await own.own.runner.result(report)) ?? {};
    const outcome = (id: string, value: unknown) => ({
      ...{ status: "completed", taskId: stepOf(execution, id).taskId, result: value, error: null },
    });
    assert.deepEqual(result, {
      ...{ count: 3, says: "built [1,2,3]", input: { path: "dist/${{ input.path }}" } },
      steps: {
        build: outcome("build", { files: [1, 2, 3], path: "dist/${{ input.path }}" }),
        lint: outcome("lint", "fine in ${{ dist/${{ input.path }}"),
      },
    });
    const { rows } = await own.own.pool.query(
      "SELECT DISTINCT parent_execution_id AS parent, correlation_id AS correlation, task_type FROM task_executions WHERE id = ANY ($1)",
      [execution.steps.map(({ taskId }) => taskId)],
    );
    assert.deepEqual(rows, [{ parent: executionId, correlation: `workflow:${executionId}`, task_type: "recipe_step" }]);
  });

  it("fail a step whose reference stands for nothing or too much, and hand on a part of what is large", async () => {
    const execution = await run({
      failFast: false,
      steps: [
        { id: "big", ...task("big") },
        { id: "missing", dependsOn: ["big"], ...task("${{ steps.big.result.nothing.here }}") },
        { id: "whole", dependsOn: ["big"], ...task("${{ steps.big.result }}") },
        { id: "part", dependsOn: ["big"], ...task("${{ steps.big.result.part }}") },
        { id: "context", dependsOn: ["big"], ...task("context") },
        {
          id: "invalid",
          dependsOn: ["big"],
          task: { steps: [{ tool: "read_file", input: { path: "${{ input.n }}" } }] },
        },
      ],
    });
    assert.equal(execution.status, "failed");
    assert.equal(execution.error?.message, "failed: missing, whole, invalid");
    assert.equal(stepOf(execution, "missing").error?.code, "WORKFLOW_STEP_UNRESOLVED");
    assert.equal(stepOf(execution, "whole").error?.code, "WORKFLOW_STEP_VALUE_TOO_LARGE");
    assert.equal(stepOf(execution, "invalid").error?.code, "WORKFLOW_STEP_UNRESOLVED");
    assert.equal((await own.own.runner.result(stepOf(execution, "part").taskId ?? ""))?.result, "x");
    const context = (await own.own.runner.result(stepOf(execution, "context").taskId ?? ""))?.result as {
      steps: { big: { result: unknown; resultBytes: number } };
    };
    assert.equal(context.steps.big.result, null);
    assert.ok(context.steps.big.resultBytes > 300_000);
    const { rows } = await own.own.pool.query("SELECT FROM task_executions WHERE parent_execution_id = $1", [
      execution.executionId,
    ]);
    assert.equal(rows.length, 3);
  });

  it("choose by a value and by how steps ended", async () => {
    const choice = (yes: boolean) => ({
      steps: [
        { id: "review", ...task(JSON.stringify({ approved: yes })) },
        {
          id: "deploy",
          dependsOn: ["review"],
          onlyIf: { value: "${{ steps.review.result.approved }}", equals: true },
          ...task("deployed"),
        },
        { id: "strict", dependsOn: ["deploy"], ...task("a") },
        { id: "join", dependsOn: ["review", "deploy"], when: "no_failure", ...task("b") },
        { id: "alarm", dependsOn: ["deploy"], when: "failure", ...task("c") },
      ],
    });
    const no = { review: "completed", deploy: "condition", strict: "dependency_skipped", join: "completed" };
    const yes = { review: "completed", deploy: "completed", strict: "completed", join: "completed" };
    const [refused, approved] = await Promise.all([run(choice(false)), run(choice(true))]);
    assert.deepEqual([refused.status, steps(refused)], ["completed", { ...no, alarm: "condition" }]);
    assert.deepEqual([approved.status, steps(approved)], ["completed", { ...yes, alarm: "condition" }]);
    const broken = await run({
      steps: [
        { id: "build", ...task("fail") },
        { id: "next", dependsOn: ["build"], ...task("a") },
        { id: "tell", dependsOn: ["next"], when: "failure", ...task("because ${{ steps.build.error.code }}") },
      ],
    });
    assert.equal(broken.status, "failed");
    assert.deepEqual(steps(broken), { build: "failed", next: "dependency_failed", tell: "completed" });
    assert.equal((await own.own.runner.result(stepOf(broken, "tell").taskId ?? ""))?.result, "because BROKEN");
  });

  it("are the same when asked for again, also after the stored recipe has changed", async () => {
    const recipe = (prompt: string) => WorkflowRecipe.parse({ steps: [{ id: "a", ...task(prompt) }] });
    const first = await own.workflows.put(workspaceId, "nightly", recipe("one"));
    assert.equal((await own.workflows.put(workspaceId, "nightly", recipe("one"))).version, first.version);
    const executionId = randomUUID();
    const ask = (more: object = {}) =>
      own.start(workspaceId, recipe("x"), { executionId, workflowId: "nightly", recipe: undefined, ...more });
    const [one, other] = await Promise.all([ask(), ask()]);
    assert.deepEqual([one.executionId, other.executionId, one.version], [executionId, executionId, 1]);
    assert.equal((await own.workflows.put(workspaceId, "nightly", recipe("two"))).version, 2);
    assert.equal((await ask()).version, 1);
    await assert.rejects(ask({ input: { x: 1 } }), hasCode("WORKFLOW_EXECUTION_CONFLICT"));
    await assert.rejects(
      own.start(await aWorkspace(own.own), recipe("x"), { executionId }),
      hasCode("WORKFLOW_EXECUTION_CONFLICT"),
    );
    assert.equal((await own.ended(executionId)).status, "completed");
    const old = await own.start(workspaceId, recipe("x"), { workflowId: "nightly", recipe: undefined, version: 1 });
    assert.equal((await own.ended(old.executionId)).version, 1);
    await own.workflows.remove(workspaceId, "nightly");
    await assert.rejects(own.workflows.get(workspaceId, "nightly"), hasCode("WORKFLOW_NOT_FOUND"));
    await assert.rejects(own.workflows.remove(workspaceId, "nightly"), hasCode("WORKFLOW_NOT_FOUND"));
    assert.equal((await own.workflows.put(workspaceId, "nightly", recipe("three"))).version, 3);
    await assert.rejects(
      own.start(await aWorkspace(own.own), recipe("x"), { workflowId: "nightly", recipe: undefined }),
      hasCode("WORKFLOW_NOT_FOUND"),
    );
  });

  it("stop as a whole when they are cancelled, and submit nothing more", async () => {
    const started = await own.start(workspaceId, {
      maxParallel: 2,
      steps: [
        { id: "a", ...task("hang") },
        { id: "b", ...task("hang") },
        { id: "c", ...task("hang") },
        { id: "d", dependsOn: ["a"], when: "always", ...task("after") },
      ],
    });
    const { executionId } = started;
    await until(async () => {
      const { rows } = await own.own.pool.query(
        "SELECT FROM task_executions WHERE parent_execution_id = $1 AND status = 'running'",
        [executionId],
      );
      return rows.length === 2;
    });
    assert.equal(await own.executions.cancel(executionId), true);
    const ended = await own.ended(executionId);
    assert.equal(ended.status, "cancelled");
    assert.deepEqual(steps(ended), { a: "cancelled", b: "cancelled", c: "cancelled", d: "cancelled" });
    assert.deepEqual([stepOf(ended, "a").status, stepOf(ended, "c").status], ["cancelled", "skipped"]);
    assert.equal(await own.executions.cancel(executionId), false);
    const { rows } = await own.own.pool.query("SELECT FROM task_executions WHERE parent_execution_id = $1", [
      executionId,
    ]);
    assert.equal(rows.length, 2);
  });

  it("end when their time is over", async () => {
    const ended = await run({
      timeoutSeconds: 1,
      steps: [
        { id: "a", ...task("hang") },
        { id: "b", dependsOn: ["a"], ...task("b") },
      ],
    });
    assert.deepEqual([ended.status, ended.error?.code], ["timed_out", "WORKFLOW_TIMED_OUT"]);
    assert.equal(stepOf(ended, "a").status, "cancelled");
  });

  it("go on from what completed when they are tried again", async () => {
    const recipe = {
      steps: [
        { id: "a", ...task("one") },
        { id: "b", dependsOn: ["a"], ...task("fail if ${{ input.broken }}") },
        { id: "c", dependsOn: ["b"], ...task("three") },
      ],
    };
    const first = await run(recipe, { broken: true });
    assert.deepEqual(steps(first), { a: "completed", b: "failed", c: "dependency_failed" });
    const newId = randomUUID();
    const [again] = await Promise.all([
      own.executions.retry(first.executionId, newId),
      own.executions.retry(first.executionId, newId),
    ]);
    assert.equal(again.retryOf, first.executionId);
    const ended = await own.ended(newId);
    assert.equal(ended.status, "failed");
    const [a, before] = [stepOf(ended, "a"), stepOf(first, "a")];
    assert.deepEqual([a.status, a.kept, a.taskId], ["completed", true, before.taskId]);
    assert.notEqual(stepOf(ended, "b").taskId, stepOf(first, "b").taskId);
    const completedOne = await run({ steps: [{ id: "a", ...task("x") }] });
    await assert.rejects(
      own.executions.retry(completedOne.executionId, randomUUID()),
      hasCode("WORKFLOW_EXECUTION_NOT_RETRYABLE"),
    );
    await assert.rejects(
      own.executions.retry(first.executionId, randomUUID(), randomUUID()),
      hasCode("WORKFLOW_EXECUTION_NOT_FOUND"),
    );
  });

  it("obey the limits of their workspace: what they refuse waits, and is submitted later", async () => {
    const small = await aWorkspace(own.own, "starter");
    const recipe = { steps: Array.from({ length: 9 }, (_unused, index) => ({ id: `s${index}`, ...task("x") })) };
    const { executionId } = await own.start(small, recipe);
    let most = 0;
    await until(async () => {
      const { rows } = await own.own.pool.query<{ queued: number }>(
        "SELECT count(*)::int AS queued FROM task_executions WHERE workspace_id = $1 AND status = 'queued'",
        [small],
      );
      most = Math.max(most, rows[0]?.queued ?? 0);
      // The wait that a full queue asks for is cut short.
      await own.own.pool.query(
        "UPDATE workflow_executions SET due_at = now() WHERE id = $1 AND status = 'running' AND due_at > now()",
        [executionId],
      );
      return (await own.executions.get(executionId)).status !== "running";
    });
    const ended = await own.executions.get(executionId);
    assert.equal(ended.status, "completed");
    assert.ok(most <= 2, `${most} were queued at once`);
    const told = (await own.collect(executionId)).filter(({ body }) => body.type === "workflow_step_delayed");
    assert.ok(told.length > 0);
  });

  it("tell all that happens in one order, which is the same for everybody and can be taken up anywhere", async () => {
    const recipe = {
      steps: [
        ...Array.from({ length: 6 }, (_unused, index) => ({ id: `s${index}`, ...task(`${index}`) })),
        { id: "last", dependsOn: ["s0", "s5"], ...task("end") },
      ],
    };
    const { executionId } = await own.start(workspaceId, recipe);
    const other = await openWorkflowProcess(url, { orchestrates: false });
    try {
      const [live, elsewhere] = await Promise.all([own.collect(executionId), other.collect(executionId)]);
      assert.deepEqual(elsewhere, live);
      assert.deepEqual(
        live.map(({ sequence }) => sequence),
        live.map((_event, index) => index + 1),
      );
      for (const event of live) assert.deepEqual(WorkflowEvent.parse(event), event);
      assert.equal(live[0]?.body.type, "workflow_started");
      assert.equal(live.at(-1)?.body.type, "workflow_ended");
      const { steps: ended } = await own.executions.get(executionId);
      for (const { stepId, taskId } of ended) {
        const own = live.filter(({ task }) => task?.stepId === stepId);
        assert.deepEqual(
          own.map(({ task }) => task?.sequence),
          own.map((_event, index) => index + 1),
        );
        assert.ok(own.every(({ task }) => task?.taskId === taskId));
        assert.equal(own.at(-1)?.body.type, "task_ended");
      }
      const positionOf = (stepId: string, type: string) =>
        live.findIndex(({ task, body }) => task?.stepId === stepId && body.type === type);
      assert.ok(positionOf("s0", "task_ended") < positionOf("last", "task_submitted"));
      for (const from of [1, 7, live.length - 1]) {
        assert.deepEqual(await other.collect(executionId, from), live.slice(from));
      }
      assert.deepEqual(await other.collect(executionId, live.length), []);
      assert.equal(await own.events.isOver(executionId, live.length), true);
      assert.equal(await own.events.isOver(executionId, live.length - 1), false);
    } finally {
      await other.close();
    }
    await assert.rejects(own.collect(randomUUID()), hasCode("WORKFLOW_EXECUTION_NOT_FOUND"));
  });

  it("wait while their workspace is being moved, and go on when it is open again", async () => {
    const moved = await aWorkspace(own.own);
    const setState = (state: string) =>
      own.own.pool.query(
        "UPDATE workspaces SET state = $2::workspace_state, move_peer = 'elsewhere', move_id = id WHERE id = $1",
        [moved, state],
      );
    const steps = [
      { id: "a", ...task("hang") },
      { id: "b", dependsOn: ["a"], when: "always", ...task("b") },
    ];
    const { executionId } = await own.start(moved, { failFast: false, steps });
    await until(async () => (await own.executions.get(executionId)).steps[0]?.status === "submitted");
    await setState("leaving");
    await assert.rejects(own.start(moved, { steps }), hasCode("WORKSPACE_MOVING"));
    await own.own.runner.cancel((await own.executions.get(executionId)).steps[0]?.taskId ?? "");
    await until(async () => (await own.executions.get(executionId)).steps[1]?.error?.code === "WORKSPACE_MOVING");
    await setState("open");
    await own.own.pool.query("UPDATE workflow_executions SET due_at = now() WHERE id = $1", [executionId]);
    const ended = await own.ended(executionId);
    assert.deepEqual(
      ended.steps.map(({ status }) => status),
      ["cancelled", "completed"],
    );
  });

  it("refuse what is too large, ambiguous or cannot be kept", async () => {
    const recipe = { steps: [{ id: "a", ...task("x") }] };
    const input = (value: unknown) => ({ input: value as never });
    await assert.rejects(
      own.start(workspaceId, recipe, input("x".repeat(300_000))),
      hasCode("WORKFLOW_INPUT_TOO_LARGE"),
    );
    await assert.rejects(own.start(workspaceId, recipe, input("\0")), hasCode("WORKFLOW_NOT_STORABLE"));
    await assert.rejects(own.start(workspaceId, recipe, { version: 1 }), hasCode("WORKFLOW_SOURCE"));
    await assert.rejects(own.start(randomUUID(), recipe), hasCode("WORKSPACE_NOT_FOUND"));
  });
});
