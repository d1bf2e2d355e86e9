import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, it } from "node:test";
import fc from "fast-check";
import { ApprovalDecision } from "../../../contracts/approval.ts";
import { resolvePlanLimits } from "../../../contracts/plan.ts";
import { isTerminal, TaskPriority } from "../../../contracts/task.ts";
import { admitTasks } from "../../../services/runner/admission/admit.ts";
import { releaseDelayed } from "../../../services/runner/admission/delay.ts";
import { recoverLostTasks } from "../../../services/runner/admission/recover.ts";
import { LeaseLostError } from "../../../services/runner/errors.ts";
import { expireQuestions } from "../../../services/runner/pauses/expire.ts";
import type { ClaimedTask } from "../../../services/runner/claimed-task.ts";
import { TaskLeases } from "../../../services/runner/task-leases.ts";
import type { TaskPause } from "../../../services/runner/task-runner.ts";
import { withTransaction } from "../../../services/runtime/database.ts";
import { hasCode } from "../../contract/task-runner/harness.ts";
import { migratedDatabase } from "../../support/database.ts";
import { startPostgres, type TestPostgres } from "../../support/postgres.ts";
import { aTask, aWorkspace, completed, openQueuedProcess, type QueuedProcess } from "../../support/runner.ts";
import {
  asks,
  CAP,
  compare,
  end,
  holdsSlot,
  newTask,
  queueAgain,
  settle,
  type Command,
  type Model,
  type ModelTask,
  type Real,
} from "./record-model.ts";

const MAX_RETRIES = 1;
/** Sequences of commands; more of them with MODEL_RUNS. */
const RUNS = Number(process.env["MODEL_RUNS"] ?? 60);
const MAX_TASKS = 12;
const REQUEUED = { code: "X", message: "x", remedy: "X." };

const submit = (priority: TaskPriority): Command => ({
  check: (model) => model.length < MAX_TASKS,
  run: async (model, real) => {
    const task = aTask(real.workspaceId, { priority, maxRetries: MAX_RETRIES });
    await Promise.all([real.process.runner.submit(task), real.process.runner.submit(task)]);
    model.push(newTask(task.taskId, priority));
    await compare(model, real);
  },
  toString: () => `submit(${priority})`,
});

const admit: Command = {
  check: () => true,
  run: async (model, real) => {
    const caps = { starter: CAP, pilot: CAP, pro: CAP, business: CAP, enterprise: CAP };
    const options = { caps, ageingSeconds: 60, limit: 100 };
    const { tasks: admitted } = await withTransaction(real.process.pool, (client) => admitTasks(client, options));
    const waiting = model.filter((task) => task.state === "queued" && !task.admitted && !task.delayed);
    assert.equal(admitted.length, Math.min(CAP - model.filter(holdsSlot).length, waiting.length));
    for (const { id, priority } of admitted) {
      // Which priority comes next is the matter of fair shares; within one it is the order of submission.
      const next = waiting.find((task) => task.priority === priority && !task.admitted);
      assert.equal(id, next?.id);
      if (next === undefined) continue;
      next.admitted = true;
      next.events += 1;
    }
    await compare(model, real);
  },
  toString: () => "admit",
};

/** The time comes for all that wait for it. */
const ripen: Command = {
  check: (model) => model.some(({ delayed }) => delayed),
  run: async (model, real) => {
    await real.process.pool.query(
      "UPDATE task_executions SET not_before = now() WHERE delayed AND status = 'queued' AND not_before < 'infinity'",
    );
    await releaseDelayed(real.process.pool);
    for (const task of model) task.delayed = asks(task);
    await compare(model, real);
  },
  toString: () => "ripen",
};

/** A command on one of the tasks, chosen by a number. */
const onTask = (
  name: string,
  index: number,
  run: (task: ModelTask, real: Real) => Promise<void>,
  applies: (task: ModelTask) => boolean = () => true,
): Command => ({
  check: (model) => {
    const task = model[index % Math.max(1, model.length)];
    return task !== undefined && applies(task);
  },
  run: async (model, real) => {
    const task = model[index % model.length];
    assert.ok(task !== undefined);
    await run(task, real);
    await compare(model, real);
  },
  toString: () => `${name}(${index})`,
});
const isRunning = (task: ModelTask): boolean => task.state === "running";
const claimOf = (real: Real, task: ModelTask): ClaimedTask => {
  const claim = real.claims.get(task.id);
  assert.ok(claim !== undefined);
  return claim;
};

const start = (index: number): Command =>
  onTask("start", index, async (task, real) => {
    const claim = await real.leases.claim(task.id, randomUUID());
    assert.equal(claim !== undefined, task.state === "queued" && task.admitted);
    if (claim === undefined) return;
    real.claims.set(task.id, claim);
    const answers = task.questions.filter((each) => each === "approved" || each === "denied");
    assert.deepEqual([...claim.approvals.values()].map(({ decision }) => decision).sort(), answers.sort());
    assert.equal(claim.approvalExpired, task.questions.includes("expired"));
    assert.equal(claim.checkpoint !== null, task.hasCheckpoint);
    task.state = "running";
    task.attempt += 1;
    task.events += 1;
  });

const finish = (index: number, status: "completed" | "failed" | "timed_out"): Command =>
  onTask(
    `finish ${status}`,
    index,
    async (task, real) => {
      await real.leases.append(claimOf(real, task), 1, [{ type: "step_started", index: 0, tool: "x", summary: "" }]);
      task.events += 1;
      await real.leases.finish(claimOf(real, task), { ...completed, status });
      end(task, status);
    },
    isRunning,
  );

const handBack = (index: number): Command =>
  onTask(
    "handBack",
    index,
    async (task, real) => {
      await real.leases.handBack(claimOf(real, task), REQUEUED);
      task.attempt -= 1;
      if (task.cancelRequested) end(task, "cancelled");
      else queueAgain(task);
    },
    isRunning,
  );

const save = (index: number): Command =>
  onTask(
    "save",
    index,
    async (task, real) => {
      await Promise.all([1, 2].map((step) => real.leases.save(claimOf(real, task), { step })));
      task.hasCheckpoint = true;
    },
    isRunning,
  );

const pause = (index: number): Command =>
  onTask(
    "pause",
    index,
    async (task, real) => {
      const call = {
        callId: `call-${task.questions.length}`,
        tool: "x",
        level: "safe",
        input: {},
        summary: "",
      } as const;
      const asked: TaskPause = { status: "paused", question: call, checkpoint: {}, steps: [], tokensUsed: 0 };
      const claim = claimOf(real, task);
      if (task.cancelRequested) {
        assert.equal(await real.leases.pause(claim, asked), "cancelled");
        end(task, "cancelled");
      } else {
        // Its answer may be lost with the connection: the second is the same pause.
        assert.deepEqual(
          [await real.leases.pause(claim, asked), await real.leases.pause(claim, asked)],
          ["queued", "queued"],
        );
        queueAgain(task);
        task.attempt -= 1;
        task.delayed = true;
        task.questions.push("waiting");
        task.hasCheckpoint = true;
      }
      await assert.rejects(real.leases.save(claim, {}), LeaseLostError);
    },
    isRunning,
  );

const answer = (index: number, decision: ApprovalDecision): Command =>
  onTask(decision, index, async (task, real) => {
    const give = () =>
      real.process.runner.answer(task.id, `call-${task.questions.length - 1}`, { decision, by: "a", comment: null });
    const last = task.questions.at(-1);
    if (last === "waiting" || last === decision) {
      const [one, other] = await Promise.all([give(), give()]);
      assert.deepEqual(one, other);
    } else await assert.rejects(give(), hasCode(last === undefined ? "APPROVAL_NOT_FOUND" : "APPROVAL_DECIDED"));
    if (last !== "waiting") return;
    settle(task, decision);
    task.events += 1;
  });

/** The time of its question passes while nobody answers. */
const expire = (index: number): Command =>
  onTask(
    "expire",
    index,
    async (task, { process }) => {
      await process.pool.query(
        "UPDATE task_approvals SET expires_at = now() - interval '1 s' WHERE task_id = $1 AND decision IS NULL",
        [task.id],
      );
      await Promise.all([expireQuestions(process.pool, 10), expireQuestions(process.pool, 10)]);
      settle(task, "expired");
      task.events += 1;
    },
    asks,
  );

const lose = (index: number): Command =>
  onTask(
    "lose",
    index,
    async (task, real) => {
      await real.process.pool.query("UPDATE leases SET expires_at = now() - interval '1 s' WHERE task_id = $1", [
        task.id,
      ]);
      const recover = () =>
        withTransaction(real.process.pool, (client) => recoverLostTasks(client, { leaseSeconds: 0, limit: 10 }));
      await Promise.all([recover(), recover()]);
      if (task.cancelRequested || task.attempt > MAX_RETRIES) end(task, "failed");
      else {
        queueAgain(task);
        task.delayed = true;
      }
      const lost = claimOf(real, task);
      await assert.rejects(real.leases.append(lost, 1, []), LeaseLostError);
      await assert.rejects(real.leases.finish(lost, completed), LeaseLostError);
    },
    isRunning,
  );

/** A heartbeat keeps a lease that is held, and brings none back that was lost. */
const beat = (index: number): Command =>
  onTask("beat", index, async (task, real) => {
    const claim = real.claims.get(task.id);
    if (claim === undefined) return;
    const held = await real.leases.renew([claim.token]);
    assert.equal(held.has(claim.token), isRunning(task));
  });

const retry = (index: number): Command => ({
  check: (model) => model.length > 0 && model.length < MAX_TASKS,
  run: async (model, real) => {
    const task = model[index % model.length];
    assert.ok(task !== undefined);
    const id = randomUUID();
    const again = real.process.runner.retry(task.id, id);
    if (isTerminal(task.state) && task.state !== "completed") {
      await again;
      model.push(newTask(id, task.priority));
    } else await assert.rejects(again, hasCode("TASK_NOT_RETRYABLE"));
    await compare(model, real);
  },
  toString: () => `retry(${index})`,
});

const cancel = (index: number): Command =>
  onTask("cancel", index, async (task, real) => {
    assert.equal(await real.process.runner.cancel(task.id), !isTerminal(task.state));
    if (isTerminal(task.state) || task.cancelRequested) return;
    task.cancelRequested = true;
    task.events += 1;
    if (task.state === "queued") end(task, "cancelled");
  });

describe("the record against a model of it", () => {
  let server: TestPostgres;
  let process: QueuedProcess;

  before(async () => {
    server = await startPostgres();
    const plans = { enterprise: { maxRunningTasks: CAP, submissionsPerMinute: 1_000_000 } };
    assert.equal(resolvePlanLimits(plans).enterprise.maxRunningTasks, CAP);
    process = await openQueuedProcess((await migratedDatabase(server)).url, { plans });
  });
  after(async () => {
    await process.close();
    await server.stop();
  });

  it("does what the model does, whatever is done to it in whatever order", async () => {
    const index = fc.nat({ max: 11 });
    const commands = fc.commands(
      [
        fc.constantFrom(...TaskPriority.options).map(submit),
        fc.constant(admit),
        fc.constant(admit),
        index.map(start),
        index.map(start),
        fc.tuple(index, fc.constantFrom("completed", "failed", "timed_out")).map(([at, status]) => finish(at, status)),
        index.map(handBack),
        index.map(lose),
        index.map(save),
        index.map(pause),
        fc.tuple(index, fc.constantFrom(...ApprovalDecision.options)).map(([at, decision]) => answer(at, decision)),
        index.map(expire),
        index.map(cancel),
        index.map(beat),
        index.map(retry),
        fc.constant(ripen),
      ],
      { maxCommands: 60, size: "max" },
    );
    await fc.assert(
      fc.asyncProperty(commands, async (sequence) => {
        const workspaceId = await aWorkspace(process);
        const leases = new TaskLeases({ pool: process.pool, workerId: "w", leaseSeconds: 60 });
        const setup = () => ({ model: [] as Model, real: { process, leases, workspaceId, claims: new Map() } });
        await fc.asyncModelRun(setup, sequence);
        // What is left over must not take part in the next sequence.
        await process.pool.query(
          "UPDATE task_executions SET cancel_requested_at = now() WHERE workspace_id = $1 AND NOT is_terminal(status)",
          [workspaceId],
        );
        await process.pool.query(
          "UPDATE task_executions SET status = 'cancelled' WHERE workspace_id = $1 AND NOT is_terminal(status)",
          [workspaceId],
        );
      }),
      { numRuns: RUNS, endOnFailure: true },
    );
  });
});
