import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type pg from "pg";
import { pino } from "pino";
import { Registry } from "prom-client";
import { LlmConfig } from "../../../../contracts/llm.ts";
import { AgentTask } from "../../../../contracts/task.ts";
import { buildGateway } from "../../../../services/gateway/app.ts";
import type { LlmLimits } from "../../../../services/gateway/llm/limits.ts";
import { LlmGateway } from "../../../../services/gateway/llm/llm-gateway.ts";
import type { Reservation, Settlement, TokenLedger } from "../../../../services/gateway/llm/token-ledger.ts";
import { signTaskToken, verifyTaskToken } from "../../../../services/runtime/task-token.ts";
import { KEY, TASK, WORKSPACE } from "../support.ts";

/** An account that grants everything, or what a test says, and remembers what was settled. */
export class MemoryLedger implements TokenLedger {
  readonly settled: Settlement[] = [];
  answer: Reservation | undefined;
  #waiters: (() => void)[] = [];

  async reserve({ wantedOutput }: { wantedOutput: number }): Promise<Reservation> {
    return this.answer ?? { decision: "granted", outputTokens: wantedOutput };
  }
  settle(settlement: Settlement): void {
    this.settled.push(settlement);
    for (const wake of this.#waiters.splice(0)) wake();
  }
  /** Resolves to the settlements once there are so many. */
  async until(count: number): Promise<Settlement[]> {
    while (this.settled.length < count) await new Promise<void>((resolve) => this.#waiters.push(resolve));
    return this.settled;
  }
}

export interface ServedLlm extends AsyncDisposable {
  readonly socketPath: string;
  readonly registry: Registry;
  readonly log: Record<string, unknown>[];
  readonly token: string;
}

export interface TestLlm extends ServedLlm {
  readonly ledger: MemoryLedger;
}

/** The configuration of one model `m`, with the given servers (base URLs) as its targets in order. */
export function configFor(
  urls: readonly string[],
  overrides: Record<string, unknown> = {},
  provider: Record<string, unknown> = {},
): LlmConfig {
  const providers = urls.map((baseUrl, index) => ({ name: `p${index}`, baseUrl, models: ["scripted"], ...provider }));
  const targets = providers.map(({ name }) => ({ provider: name, model: "scripted" }));
  return LlmConfig.parse({
    providers,
    models: { m: { targets, contextWindow: 128_000, maxOutputTokens: 4_000, ...overrides } },
  });
}

/** A gateway with models, on a socket of its own, without a database. */
export async function startLlmGateway(config: LlmConfig, limits: Partial<LlmLimits> = {}): Promise<TestLlm> {
  const ledger = new MemoryLedger();
  return { ...(await serveLlm(config, limits, ledger)), ledger };
}

/** The same with an account of the caller's. */
export async function serveLlm(config: LlmConfig, limits: Partial<LlmLimits>, ledger: TokenLedger): Promise<ServedLlm> {
  const folder = await mkdtemp(join(tmpdir(), "llm-gateway-"));
  const socketPath = join(folder, "proxy.sock");
  const log: Record<string, unknown>[] = [];
  const logger = pino({ level: "debug" }, { write: (line) => log.push(JSON.parse(line) as Record<string, unknown>) });
  const registry = new Registry();
  const keys = Object.fromEntries(config.providers.map(({ name }) => [name, `sk-secret-of-${name}`]));
  const fast = { firstBackoffMs: 5, ...limits };
  const llm = new LlmGateway({ config, keys, ledger, log: logger, registry }, fast);
  const gateway = buildGateway({
    verifyToken: (token) => verifyTaskToken(token, KEY),
    rules: { rulesOf: async () => [] },
    defaultRules: [],
    log: logger,
    registry,
    own: [llm],
  });
  await gateway.listen(socketPath);
  return {
    socketPath,
    registry,
    log,
    token: await tokenFor(TASK, WORKSPACE),
    async [Symbol.asyncDispose]() {
      await gateway.close();
      await llm.close();
      await rm(folder, { recursive: true });
    },
  };
}

export const tokenFor = (taskId: string, workspaceId: string): Promise<string> =>
  signTaskToken({ taskId, workspaceId, expiresInSeconds: 600 }, KEY);

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** Whether the connection was cut before the end. */
  readonly isCut: boolean;
}

/** One request to a Unix socket, to its end or to the cut. */
export function send(
  socketPath: string,
  options: {
    readonly path?: string;
    readonly method?: string;
    readonly headers?: Record<string, string>;
    readonly body?: unknown;
    readonly signal?: AbortSignal;
    /** Told of the answer as it comes. */
    readonly onData?: (text: string) => void;
  },
): Promise<Answer> {
  const { path = "/v1/chat/completions", method = "POST", headers = {}, body, signal, onData } = options;
  return new Promise((resolve, reject) => {
    const sending = httpRequest({ socketPath, path, method, agent: false, headers, ...(signal && { signal }) });
    sending.on("error", reject);
    sending.on("response", (response) => {
      const chunks: Buffer[] = [];
      const end = (isCut: boolean) => () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString(),
          isCut,
        });
      response.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        onData?.(chunk.toString());
      });
      response.on("error", end(true));
      response.on("end", end(false));
    });
    sending.end(body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body));
  });
}

/** A call of model `m`. */
export const chat = (
  { socketPath, token }: Pick<TestLlm, "socketPath" | "token">,
  body: Record<string, unknown> = {},
  options: Parameters<typeof send>[1] = {},
): Promise<Answer> =>
  send(socketPath, {
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: { model: "m", messages: [{ role: "user", content: "hello" }], ...body },
    ...options,
  });

export const errorOf = ({ body }: Answer): { code: string; message: string; type: string; param: string | null } =>
  (JSON.parse(body) as { error: { code: string; message: string; type: string; param: string | null } }).error;

/** The data of each event of a stream. */
export const eventsOf = (body: string): string[] =>
  body
    .split("\n\n")
    .filter((event) => event.startsWith("data: "))
    .map((event) => event.slice(6));

/** A task in the record, running unless said otherwise. */
export async function insertTask(
  pool: pg.Pool,
  workspaceId: string,
  options: { readonly tokenBudget?: number; readonly status?: "queued" | "running" | "completed" } = {},
): Promise<string> {
  const taskId = randomUUID();
  const { prompt, ...configuration } = AgentTask.parse({
    taskId,
    workspaceId,
    prompt: "p",
    tokenBudget: options.tokenBudget,
  });
  await pool.query(
    `INSERT INTO task_executions (id, workspace_id, task_type, agent_id, prompt, configuration, fingerprint, priority,
       runner_backend, timeout_seconds, max_retries, resources_requested)
     VALUES ($1, $2, 'background_job', 'default', $3, $4, '\\x00', 'normal', 'queued', 300, 2, '{}')`,
    [taskId, workspaceId, prompt, configuration],
  );
  const path = { queued: ["queued"], running: ["queued", "running"], completed: ["queued", "running", "completed"] };
  for (const state of path[options.status ?? "running"]) {
    const started = state === "running" ? ", started_at = now(), attempt = 1" : "";
    await pool.query(`UPDATE task_executions SET status = $2${started} WHERE id = $1`, [taskId, state]);
  }
  return taskId;
}
