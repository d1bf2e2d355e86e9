import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import pg from "pg";
import { resolvePlanLimits } from "../../../../contracts/plan.ts";
import { PostgresTokenLedger } from "../../../../services/gateway/llm/postgres-token-ledger.ts";
import { WorkspaceStore } from "../../../../services/workspace/workspace-store.ts";
import { migratedDatabase, silentLog } from "../../../support/database.ts";
import { startLlmServer, type LlmServer } from "../../../support/llm-server.ts";
import { startPostgres, type TestPostgres } from "../../../support/postgres.ts";
import { chat, configFor, errorOf, insertTask, serveLlm, tokenFor } from "./support.ts";

describe("budgets, over HTTP and with the real record", () => {
  let postgres: TestPostgres;
  let owner: pg.Pool;
  let role: pg.Pool;
  let llm: LlmServer;
  let workspaceId: string;
  before(async () => {
    [postgres, llm] = await Promise.all([startPostgres(), startLlmServer()]);
    const { url, gatewayUrl } = await migratedDatabase(postgres);
    owner = new pg.Pool({ connectionString: url });
    role = new pg.Pool({ connectionString: gatewayUrl, max: 4 });
    for (const pool of [owner, role]) pool.on("error", () => undefined);
    ({ workspaceId } = await new WorkspaceStore({ pool: owner }).create({ name: "w", plan: "pro" }));
  });
  after(async () => {
    await Promise.all([owner.end(), role.end(), llm.stop()]);
    await postgres.stop();
  });

  const ledger = () => new PostgresTokenLedger({ pool: role, planLimits: resolvePlanLimits({}), log: silentLog });

  it("hold against sixty calls at once through two gateways, and are used up to the end", async () => {
    const tokenBudget = 3_000;
    const usage = { prompt_tokens: 20, completion_tokens: 90 };
    llm.respond(() => ({ text: "x", usage, delayMs: 10 }));
    const taskId = await insertTask(owner, workspaceId, { tokenBudget });
    const token = await tokenFor(taskId, workspaceId);
    const ledgers = [ledger(), ledger()] as const;
    await using first = await serveLlm(configFor([llm.url]), { maxCallsPerTask: 60 }, ledgers[0]);
    await using second = await serveLlm(configFor([llm.url]), { maxCallsPerTask: 60 }, ledgers[1]);
    const codes = new Map<string, number>();
    await Promise.all(
      Array.from({ length: 60 }, async (_, index) => {
        const gateway = index % 2 === 0 ? first : second;
        for (let tries = 0; ; tries++) {
          const answer = await chat({ ...gateway, token }, { max_tokens: 100 });
          const code = answer.status === 200 ? "ok" : errorOf(answer).code;
          // Its tokens are set aside for others: it comes again, as it is told.
          if (code === "rate_limited" && tries < 500) continue;
          codes.set(code, (codes.get(code) ?? 0) + 1);
          return;
        }
      }),
    );
    await Promise.all(ledgers.map((one) => one.close()));
    const { rows } = await owner.query<{ used: string; reserved: string }>(
      "SELECT used, reserved FROM llm_tasks WHERE task_id = $1",
      [taskId],
    );
    const used = Number(rows[0]?.used);
    assert.equal(rows[0]?.reserved, "0");
    assert.ok(used <= tokenBudget && used > tokenBudget - 200, `${used} tokens were used`);
    assert.equal(used, (codes.get("ok") ?? 0) * 110);
    assert.deepEqual([...codes.keys()].sort(), ["ok", "task_budget_exhausted"]);
  });

  it("keep everybody out while the record is away, and nobody longer than that", async () => {
    llm.respond(() => ({ text: "x" }));
    const token = await tokenFor(await insertTask(owner, workspaceId), workspaceId);
    const own = ledger();
    await using gateway = await serveLlm(configFor([llm.url]), {}, own);
    assert.equal((await chat({ ...gateway, token })).status, 200);
    const asked = llm.requests.length;
    await postgres.kill();
    const refused = await chat({ ...gateway, token });
    assert.deepEqual([refused.status, errorOf(refused).code], [503, "metering_unavailable"]);
    assert.equal(llm.requests.length, asked);
    await postgres.restart();
    let answer = refused;
    while (answer.status !== 200) answer = await chat({ ...gateway, token });
    await own.close();
  });
});
