/**
 * What the gateway adds to a call of a model: the time to the first byte of a stream, and to the end of one of 2,000
 * events, against the same client that asks the provider directly. Gateway, provider and client are processes of their
 * own; the record is a durable PostgreSQL, in which each call is reserved and settled. In turns, in one run:
 * `node bench/llm-gateway.ts [rounds]`.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { Registry } from "prom-client";
import { LlmConfig } from "../contracts/llm.ts";
import { resolvePlanLimits } from "../contracts/plan.ts";
import { buildGateway } from "../services/gateway/app.ts";
import { LlmGateway } from "../services/gateway/llm/llm-gateway.ts";
import { PostgresTokenLedger } from "../services/gateway/llm/postgres-token-ledger.ts";
import { createPool } from "../services/runtime/database.ts";
import { verifyTaskToken } from "../services/runtime/task-token.ts";
import { WorkspaceStore } from "../services/workspace/workspace-store.ts";
import { migratedDatabase, silentLog } from "../tests/support/database.ts";
import { startPostgres } from "../tests/support/postgres.ts";
import { insertTask, tokenFor } from "../tests/services/gateway/llm/support.ts";
import { KEY } from "../tests/services/gateway/support.ts";

const EVENTS = 2_000;

/** Answers at once with so many events as the request's max_tokens says. */
async function provide(): Promise<void> {
  const chunk = (delta: unknown, finish: string | null) =>
    `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "m", choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
  const piece = chunk({ content: "some words " }, null);
  const end = `${chunk({}, "stop")}data: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":5}}\n\ndata: [DONE]\n\n`;
  const server = createServer((incoming, response) => {
    let body = "";
    incoming.setEncoding("utf8").on("data", (text: string) => (body += text));
    incoming.on("end", () => {
      const { max_tokens } = JSON.parse(body) as { max_tokens: number };
      response.writeHead(200, { "content-type": "text/event-stream" });
      for (let sent = 0; sent < max_tokens; sent++) response.write(piece);
      response.end(end);
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  process.send?.((server.address() as AddressInfo).port);
}

async function serveGateway(socketPath: string, databaseUrl: string, port: string): Promise<void> {
  const config = LlmConfig.parse({
    providers: [{ name: "p", baseUrl: `http://127.0.0.1:${port}/v1`, models: ["m"] }],
    models: { m: { targets: [{ provider: "p", model: "m" }], contextWindow: 1_000_000, maxOutputTokens: 100_000 } },
  });
  const pool = createPool({ url: databaseUrl, applicationName: "bench", log: silentLog, max: 4 });
  const ledger = new PostgresTokenLedger({ pool, planLimits: resolvePlanLimits({}), log: silentLog });
  const registry = new Registry();
  const gateway = buildGateway({
    verifyToken: (token) => verifyTaskToken(token, KEY),
    rules: { rulesOf: async () => [] },
    defaultRules: [],
    log: silentLog,
    registry,
    own: [new LlmGateway({ config, keys: {}, ledger, log: silentLog, registry })],
  });
  await gateway.listen(socketPath);
  process.send?.("ready");
}

/** Milliseconds to the first byte and to the end. */
function call(
  where: { socketPath: string } | { port: number },
  token: string,
  events: number,
): Promise<[number, number]> {
  const startedAt = performance.now();
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const sending = request({ ...where, method: "POST", path: "/v1/chat/completions", headers, agent: false });
    sending.on("error", reject);
    sending.on("response", (response) => {
      let first: number | undefined;
      let size = 0;
      response.on("data", (chunk: Buffer) => {
        first ??= performance.now() - startedAt;
        size += chunk.length;
      });
      response.on("end", () => {
        if (response.statusCode !== 200 || size < events * 20) reject(new Error(`answered ${response.statusCode}`));
        else resolve([first ?? Number.NaN, performance.now() - startedAt]);
      });
    });
    sending.end(
      JSON.stringify({ model: "m", stream: true, max_tokens: events, messages: [{ role: "user", content: "x" }] }),
    );
  });
}

async function measure(rounds: number): Promise<void> {
  const postgres = await startPostgres({ durable: true });
  const { url, gatewayUrl } = await migratedDatabase(postgres);
  const owner = new pg.Pool({ connectionString: url });
  const { workspaceId } = await new WorkspaceStore({ pool: owner }).create({ name: "bench", plan: "pro" });
  const taskId = await insertTask(owner, workspaceId, { tokenBudget: 1_000_000_000 });
  const token = await tokenFor(taskId, workspaceId);
  const folder = await mkdtemp(join(tmpdir(), "llm-bench-"));
  const socketPath = join(folder, "gateway.sock");
  const provider = fork(import.meta.filename, ["provide"]);
  const [port] = (await once(provider, "message")) as [number];
  const gateway = fork(import.meta.filename, ["gateway", socketPath, gatewayUrl, String(port)]);
  await once(gateway, "message");

  const ways = { direct: { port }, gateway: { socketPath } };
  const first: Record<keyof typeof ways, number[]> = { direct: [], gateway: [] };
  const whole: Record<keyof typeof ways, number[]> = { direct: [], gateway: [] };
  for (let round = -10; round < rounds; round++) {
    for (const way of ["direct", "gateway"] as const) {
      const [toFirst] = await call(ways[way], token, 1);
      const [, toEnd] = await call(ways[way], token, EVENTS);
      if (round < 0) continue; // the first rounds warm up
      first[way].push(toFirst);
      whole[way].push(toEnd);
    }
  }
  const p50 = (values: readonly number[]) =>
    [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
  for (const [what, times] of Object.entries({ "first byte": first, [`${EVENTS} events`]: whole })) {
    const [direct, through] = [p50(times.direct), p50(times.gateway)];
    const ratio = (through / direct).toFixed(1);
    console.log(
      `${what.padEnd(12)} p50 direct ${direct.toFixed(1)} ms, gateway ${through.toFixed(1)} ms: ${(through - direct).toFixed(1)} ms added, ratio ${ratio}`,
    );
  }
  console.log(`${Math.round((EVENTS / p50(whole.gateway)) * 1_000)} events a second through the gateway`);

  provider.kill();
  gateway.kill();
  await owner.end();
  await postgres.stop();
  await rm(folder, { recursive: true });
}

const [role, ...args] = process.argv.slice(2);
if (role === "provide") await provide();
else if (role === "gateway") await serveGateway(args[0] ?? "", args[1] ?? "", args[2] ?? "");
else await measure(Number(role ?? 100));
