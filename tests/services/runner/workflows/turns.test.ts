import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { Orchestrator } from "../../../../services/runner/workflows/orchestrator.ts";
import { Rests } from "../../../../services/runner/workflows/rests.ts";
import type { AdvanceDeps } from "../../../../services/runner/workflows/submit-steps.ts";
import { Turns } from "../../../../services/runner/workflows/turns.ts";
import { migratedDatabase, silentLog } from "../../../support/database.ts";
import { startPostgres, type TestPostgres } from "../../../support/postgres.ts";
import { aWorkspace } from "../../../support/runner.ts";
import { openWorkflowProcess, until, type WorkflowProcess } from "./support.ts";

describe("turns of executions", () => {
  const addTo = (turns: Turns, ...names: string[]) => {
    for (const executionId of names) turns.add({ executionId, workspaceId: executionId.slice(0, 1) });
  };

  it("go round the workspaces, whatever each has", () => {
    const turns = new Turns(2);
    addTo(turns, "a1", "a2", "a3", "b1", "c1", "c2", "a1");
    const order: string[] = [];
    for (let turn = turns.take(); turn !== undefined; turn = turns.take()) {
      order.push(turn.executionId);
      turns.done(turn.executionId);
    }
    assert.deepEqual(order, ["a1", "b1", "c1", "a2", "c2", "a3"]);
  });

  it("leave a place for a workspace that has none, and none to one execution twice", () => {
    const turns = new Turns(4);
    addTo(turns, "a1", "a2", "a3", "a4");
    const take = () => turns.take()?.executionId;
    assert.deepEqual([take(), take(), take(), take()], ["a1", "a2", "a3", undefined]);
    addTo(turns, "b1", "b1");
    assert.deepEqual([take(), take()], ["b1", undefined]);
    addTo(turns, "b1");
    turns.done("a1");
    assert.equal(take(), undefined);
    turns.done("b1");
    assert.deepEqual([take(), take()], ["a4", "b1"]);
  });
});

describe("rests of executions that throw", () => {
  it("grow, and end when one goes well or is asked for", () => {
    let now = 1_000_000;
    const rests = new Rests(() => now);
    assert.deepEqual(
      Array.from({ length: 8 }, () => rests.threw("a", "lasting")),
      [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000],
    );
    assert.deepEqual([rests.has("a"), rests.all()], [true, ["a"]]);
    now += 60_000;
    assert.deepEqual([rests.has("a"), rests.all()], [false, []]);
    assert.equal(rests.threw("a", "passing"), 5_000);
    rests.forget("a");
    assert.equal(rests.has("a"), false);
    assert.equal(rests.threw("a", "lasting"), 1_000);
  });
});

describe("a process that moves executions on", () => {
  let server: TestPostgres;
  let own: WorkflowProcess;

  before(async () => {
    server = await startPostgres();
    const plans = { enterprise: { submissionsPerMinute: 100_000 } };
    own = await openWorkflowProcess((await migratedDatabase(server)).url, { plans, orchestrates: false });
  });
  after(async () => {
    await own.close();
    await server.stop();
  });

  const recipe = { steps: [{ id: "a", task: { prompt: "do" } }] };
  const orchestrate = (submit: AdvanceDeps["runner"]["submit"], log = silentLog): Orchestrator => {
    const { pool, listener, runner } = own.own;
    const deps = { pool, listener, log, runner: { cancel: runner.cancel.bind(runner), submit } };
    const orchestrator = new Orchestrator({ ...deps, holder: randomUUID() });
    orchestrator.start();
    return orchestrator;
  };
  const endAll = () =>
    own.own.pool.query(
      "UPDATE workflow_executions SET status = 'cancelled', due_at = NULL, completed_at = now() WHERE status = 'running'",
    );

  it("moves a workspace on whose one execution is due after hundreds of another's, which stand still", async () => {
    const [many, one] = [await aWorkspace(own.own), await aWorkspace(own.own)];
    const first = await own.start(many, recipe);
    // As many as are looked at together, and some.
    await own.own.pool.query(
      `WITH copied AS (
         INSERT INTO workflow_executions (id, workspace_id, workflow_id, recipe, input, fingerprint, correlation_id,
           deadline_at, due_at)
         SELECT gen_random_uuid(), workspace_id, workflow_id, recipe, input, fingerprint, correlation_id, deadline_at,
           now() - interval '1 hour'
         FROM workflow_executions, generate_series(1, 250) WHERE id = $1 RETURNING id
       ) INSERT INTO workflow_steps (execution_id, step_id, position, status) SELECT id, 'a', 0, 'waiting' FROM copied`,
      [first.executionId],
    );
    const { executionId } = await own.start(one, recipe);
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    let standing = 0;
    const orchestrator = orchestrate(async (task) => {
      if (task.workspaceId === many) {
        standing += 1;
        await released;
      }
      return own.own.runner.submit(task);
    });
    try {
      await until(async () => (await own.executions.get(executionId)).steps[0]?.status === "submitted");
      assert.ok(standing <= 3, `${standing} of one workspace at once`);
    } finally {
      release();
      await orchestrator.close();
      await endAll();
    }
  });

  it("lets one that throws again and again rest for longer each time", async () => {
    const { executionId } = await own.start(await aWorkspace(own.own), recipe);
    const rests: unknown[] = [];
    const warn = (fields: { restMs?: number }) => fields.restMs !== undefined && rests.push(fields.restMs);
    const orchestrator = orchestrate(
      async () => {
        throw Object.assign(new Error("away"), { code: "ECONNREFUSED" });
      },
      Object.assign(Object.create(silentLog) as typeof silentLog, { warn }),
    );
    try {
      await until(async () => rests.length >= 3);
      assert.deepEqual(rests.slice(0, 3), [1_000, 2_000, 4_000]);
      assert.equal((await own.executions.get(executionId)).steps[0]?.status, "starting");
    } finally {
      await orchestrator.close();
      await endAll();
    }
  });
});
