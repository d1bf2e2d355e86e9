import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, it } from "node:test";
import fc from "fast-check";
import pg from "pg";
import { resolvePlanLimits, type PlanLimitOverrides } from "../../../../contracts/plan.ts";
import { PostgresTokenLedger } from "../../../../services/gateway/llm/postgres-token-ledger.ts";
import type { ReserveRequest, Settlement } from "../../../../services/gateway/llm/token-ledger.ts";
import { WorkspaceStore } from "../../../../services/workspace/workspace-store.ts";
import { migratedDatabase, silentLog } from "../../../support/database.ts";
import { startPostgres, type TestDatabase, type TestPostgres } from "../../../support/postgres.ts";
import { insertTask } from "./support.ts";

describe("the account of tokens", () => {
  let postgres: TestPostgres;
  let database: TestDatabase;
  let owner: pg.Pool;
  let gateway: pg.Pool;
  before(async () => {
    postgres = await startPostgres();
    database = await migratedDatabase(postgres);
    owner = new pg.Pool({ connectionString: database.url });
    gateway = new pg.Pool({ connectionString: database.gatewayUrl, max: 20 });
  });
  after(async () => {
    await gateway.end();
    await owner.end();
    await postgres.stop();
  });

  const ledgerWith = (plans: PlanLimitOverrides = {}, lostAfterSeconds = 20) =>
    new PostgresTokenLedger({ pool: gateway, planLimits: resolvePlanLimits(plans), log: silentLog, lostAfterSeconds });
  const newWorkspace = async () =>
    (await new WorkspaceStore({ pool: owner }).create({ name: "w", plan: "pro" })).workspaceId;
  const request = (workspaceId: string, taskId: string, more: Partial<ReserveRequest> = {}): ReserveRequest => ({
    ...{ callId: randomUUID(), workspaceId, taskId, model: "m", promptTokens: 100 },
    ...{ wantedOutput: 1_000, leastOutput: 16, worthOutput: 1_024 },
    ...more,
  });
  const settlement = (callId: string, prompt: number, completion: number): Settlement => ({
    ...{ callId, provider: "p", tokens: { prompt, completion }, estimated: false },
    ...{ attempts: 1, durationMs: 5, outcome: "completed" },
  });
  const settle = async (ledger: PostgresTokenLedger, ...settlements: Settlement[]) => {
    for (const one of settlements) ledger.settle(one);
    await ledger.close();
  };
  const sums = async (workspaceId: string, taskId: string) => {
    const { rows } = await owner.query<{ used: string; reserved: string }>(
      "SELECT used, reserved FROM llm_workspace_days WHERE workspace_id = $1 UNION ALL SELECT used, reserved FROM llm_tasks WHERE task_id = $2",
      [workspaceId, taskId],
    );
    return rows.map(({ used, reserved }) => [Number(used), Number(reserved)]);
  };

  it("is kept by three functions, which are all that the gateway's role may use", async () => {
    for (const table of ["llm_usage", "llm_workspace_days", "llm_tasks", "llm_gateways", "task_executions"]) {
      await assert.rejects(gateway.query(`SELECT 1 FROM ${table}`), { code: "42501" });
      await assert.rejects(gateway.query(`DELETE FROM ${table}`), { code: "42501" });
    }
    const { rows } = await owner.query<{ name: string; config: string[]; definer: boolean }>(
      "SELECT proname AS name, proconfig AS config, prosecdef AS definer FROM pg_proc WHERE proname LIKE 'llm%' ORDER BY 1",
    );
    assert.deepEqual(
      rows.map(({ name }) => name),
      ["llm_heartbeat", "llm_reserve", "llm_settle"],
    );
    for (const { config, definer } of rows) {
      assert.ok(definer);
      assert.deepEqual(config, ["search_path=public, pg_temp"]);
    }
  });

  it("sets aside what a call may use, records what it used, and gives the rest back, once", async () => {
    const workspaceId = await newWorkspace();
    const taskId = await insertTask(owner, workspaceId);
    const ledger = ledgerWith();
    const call = request(workspaceId, taskId);
    assert.deepEqual(await ledger.reserve(call), { decision: "granted", outputTokens: 1_000 });
    assert.deepEqual(await sums(workspaceId, taskId), [
      [0, 1_100],
      [0, 1_100],
    ]);
    await settle(ledger, settlement(call.callId, 90, 30), settlement(call.callId, 90, 30));
    assert.deepEqual(await sums(workspaceId, taskId), [
      [120, 0],
      [120, 0],
    ]);
    const { rows } = await owner.query("SELECT * FROM llm_usage WHERE task_id = $1", [taskId]);
    assert.equal(rows.length, 1);
    const { model, provider, prompt_tokens, completion_tokens, outcome, estimated } = rows[0] as Record<
      string,
      unknown
    >;
    assert.deepEqual(
      { model, provider, prompt_tokens, completion_tokens, outcome, estimated },
      {
        model: "m",
        provider: "p",
        prompt_tokens: "90",
        completion_tokens: "30",
        outcome: "completed",
        estimated: false,
      },
    );
  });

  it("gives nothing to a task that waits, has ended, is being cancelled, or is another workspace's", async () => {
    const workspaceId = await newWorkspace();
    const ledger = ledgerWith();
    const refused = async (taskId: string, workspace = workspaceId) =>
      assert.deepEqual(await ledger.reserve(request(workspace, taskId)), { decision: "task_not_running" });
    await refused(randomUUID());
    await refused(await insertTask(owner, workspaceId, { status: "queued" }));
    await refused(await insertTask(owner, workspaceId, { status: "completed" }));
    const running = await insertTask(owner, workspaceId);
    await refused(running, await newWorkspace());
    await owner.query("UPDATE task_executions SET cancel_requested_at = now() WHERE id = $1", [running]);
    await refused(running);
  });

  it("curtails an answer to what a task has left, then refuses with the numbers", async () => {
    const workspaceId = await newWorkspace();
    const taskId = await insertTask(owner, workspaceId, { tokenBudget: 1_000 });
    const ledger = ledgerWith();
    const first = request(workspaceId, taskId);
    assert.deepEqual(await ledger.reserve(first), { decision: "granted", outputTokens: 900 });
    // Another call would do with what the first may give back: it waits.
    assert.deepEqual(await ledger.reserve(request(workspaceId, taskId)), { decision: "reserved" });
    await settle(ledger, settlement(first.callId, 100, 790));
    const exhausted = { decision: "task_budget_exhausted", used: 890, budget: 1_000 };
    assert.deepEqual(await ledgerWith().reserve(request(workspaceId, taskId)), exhausted);
    const small = request(workspaceId, taskId, { promptTokens: 90 });
    assert.deepEqual(await ledgerWith().reserve(small), { decision: "granted", outputTokens: 20 });
  });

  it("keeps a workspace within its plan's tokens of the day and of the month", async () => {
    const workspaceId = await newWorkspace();
    const taskId = await insertTask(owner, workspaceId);
    const daily = ledgerWith({ pro: { tokensPerDay: 500 } });
    const first = request(workspaceId, taskId);
    assert.deepEqual(await daily.reserve(first), { decision: "granted", outputTokens: 400 });
    await settle(daily, settlement(first.callId, 100, 350));
    const refused = await ledgerWith({ pro: { tokensPerDay: 500 } }).reserve(request(workspaceId, taskId));
    assert.ok(refused.decision === "workspace_budget_exhausted" && refused.used === 450 && refused.budget === 500);
    assert.match(refused.resetsAt, /T00:00:00.000Z$/);
    // Of the month, another day's tokens count as well.
    await owner.query(
      "UPDATE llm_workspace_days SET day = date_trunc('month', day)::date + CASE WHEN extract(day FROM day) = 1 THEN 1 ELSE 0 END WHERE workspace_id = $1",
      [workspaceId],
    );
    const monthly = await ledgerWith({ pro: { tokensPerMonth: 560 } }).reserve(request(workspaceId, taskId));
    assert.equal(monthly.decision, "workspace_budget_exhausted");
    const roomy = ledgerWith({ pro: { tokensPerDay: 10_000, tokensPerMonth: 1_000 } });
    assert.deepEqual(await roomy.reserve(request(workspaceId, taskId)), { decision: "granted", outputTokens: 450 });
  });

  it("lets no number of calls at once overrun a budget, whatever they use of what they were granted", async () => {
    const workspaceId = await newWorkspace();
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 200, max: 5_000 }),
        fc.array(
          fc.record({ prompt: fc.integer({ min: 1, max: 200 }), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
          {
            minLength: 10,
            maxLength: 40,
          },
        ),
        async (tokenBudget, calls) => {
          const taskId = await insertTask(owner, workspaceId, { tokenBudget });
          const ledger = ledgerWith();
          await Promise.all(
            calls.map(async ({ prompt, share }) => {
              const call = request(workspaceId, taskId, { promptTokens: prompt });
              const reserved = await ledger.reserve(call);
              if (reserved.decision !== "granted") return;
              ledger.settle(settlement(call.callId, prompt, Math.floor(reserved.outputTokens * share)));
            }),
          );
          await ledger.close();
          const [, [used = -1, reserved = -1] = []] = await sums(workspaceId, taskId);
          assert.ok(used <= tokenBudget, `${used} of ${tokenBudget}`);
          assert.equal(reserved, 0);
        },
      ),
      { numRuns: 15 },
    );
  });

  it("gives back what a gateway that died had set aside, and believes it when it lives after all", async () => {
    const workspaceId = await newWorkspace();
    const taskId = await insertTask(owner, workspaceId);
    const [dead, living] = [ledgerWith(), ledgerWith({}, 5)];
    const call = request(workspaceId, taskId);
    await dead.beat();
    await dead.reserve(call);
    assert.equal(await living.beat(), 0, "it was heard of a moment ago");
    await owner.query("UPDATE llm_gateways SET heartbeat_at = now() - interval '6 s'");
    assert.ok((await living.beat()) >= 1);
    assert.deepEqual(await sums(workspaceId, taskId), [
      [100, 0],
      [100, 0],
    ]);
    await settle(dead, settlement(call.callId, 90, 500));
    assert.deepEqual(await sums(workspaceId, taskId), [
      [590, 0],
      [590, 0],
    ]);
  });

  it("settles once the record is back", async () => {
    const own = await startPostgres();
    const { url, gatewayUrl } = await migratedDatabase(own);
    const pools = [url, gatewayUrl].map((connectionString) => new pg.Pool({ connectionString }));
    const [ownOwner, ownGateway] = pools as [pg.Pool, pg.Pool];
    for (const pool of pools) pool.on("error", () => undefined);
    try {
      const { workspaceId } = await new WorkspaceStore({ pool: ownOwner }).create({ name: "w", plan: "pro" });
      const taskId = await insertTask(ownOwner, workspaceId);
      const ledger = new PostgresTokenLedger({ pool: ownGateway, planLimits: resolvePlanLimits({}), log: silentLog });
      const call = request(workspaceId, taskId);
      await ledger.reserve(call);
      await own.kill();
      ledger.settle(settlement(call.callId, 90, 10));
      await assert.rejects(ledger.reserve(request(workspaceId, taskId)));
      await own.restart();
      await ledger.close();
      const { rows } = await ownOwner.query("SELECT used, reserved FROM llm_tasks WHERE task_id = $1", [taskId]);
      assert.deepEqual(rows, [{ used: "100", reserved: "0" }]);
    } finally {
      await Promise.all(pools.map((pool) => pool.end()));
      await own.stop();
    }
  });
});
