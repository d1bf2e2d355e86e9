import { randomBytes, randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from "fastify";
import { pino } from "pino";
import { Registry } from "prom-client";
import { CredentialKeysText } from "../../contracts/credential-keys.ts";
import type { CreatedToken } from "../../contracts/http-api.ts";
import { resolvePlanLimits, type PlanLimitOverrides } from "../../contracts/plan.ts";
import { isTerminal, TaskPriority, type TaskState, type TaskStatus } from "../../contracts/task.ts";
import { ToolAdapters, ToolSecrets } from "../../contracts/tool-adapters.ts";
import type { Workspace } from "../../contracts/workspace.ts";
import { buildApp, type ApiOptions } from "../../services/api/app.ts";
import { CallGrants } from "../../services/api/calls/call-grants.ts";
import { WorkerClient } from "../../services/api/calls/worker-client.ts";
import { WorkerDirectory } from "../../services/api/calls/worker-directory.ts";
import { WorkerContents } from "../../services/api/contents/worker-contents.ts";
import { createApiDeps } from "../../services/api/create-deps.ts";
import { Dispatcher } from "../../services/runner/dispatcher.ts";
import { createRunnerMetrics } from "../../services/runner/metrics.ts";
import { QueuedTaskRunner } from "../../services/runner/queued-task-runner.ts";
import { TaskConsumer } from "../../services/runner/task-consumer.ts";
import { PostgresTaskQueues } from "../../services/runner/queues/postgres-task-queues.ts";
import type { ExecuteTask, TaskEnd } from "../../services/runner/task-runner.ts";
import { PostgresEventBus } from "../../services/runner/bus/postgres-event-bus.ts";
import { openWorkflows } from "../../services/runner/workflows/open-workflows.ts";
import { type AdapterResources, createAdapters } from "../../services/tools/create-adapters.ts";
import { ToolService } from "../../services/tools/tool-service.ts";
import { createPool, type Pool } from "../../services/runtime/database.ts";
import { NotificationListener } from "../../services/runtime/listener.ts";
import { CredentialKeyRing } from "../../services/workspace/credentials/key-ring.ts";
import { VolumeContents } from "../../services/workspace/contents/volume-contents.ts";
import { Repositories } from "../../services/workspace/repositories.ts";
import { WorkspaceStore } from "../../services/workspace/workspace-store.ts";
import { InMemoryRepositoryLocks } from "../../services/workspace/repository-locks.ts";
import { CountedUsageMeter } from "../../services/workspace/usage/counted-usage-meter.ts";
import { migratedDatabase, silentLog } from "./database.ts";
import type { TestPostgres } from "./postgres.ts";

export interface TestApi {
  readonly app: FastifyInstance;
  readonly pool: Pool;
  readonly databaseUrl: string;
  readonly adminToken: string;
  readonly workspacesDir: string;
  /** What the API logged, one object per line. */
  readonly log: readonly Readonly<Record<string, unknown>>[];
  /** Base URL; listens on its first use. */
  url(): Promise<string>;
  /** A request as the administrator, or with `token`; `null` sends none. */
  request(method: string, url: string, options?: RequestOptions): Promise<LightMyRequestResponse>;
  createWorkspace(body?: Record<string, unknown>): Promise<Workspace>;
  createToken(workspaceId: string, body?: Record<string, unknown>): Promise<string>;
  submit(workspaceId: string, body?: Record<string, unknown>): Promise<TaskStatus>;
  /** Starts a worker in this process, which runs tasks with `execute`. */
  work(execute: ExecuteTask): Promise<void>;
  stop(): Promise<void>;
}

interface RequestOptions {
  readonly body?: unknown;
  readonly token?: string | null;
  readonly headers?: Record<string, string>;
}

/** Signs the tokens with which tasks call the API's tools. */
export const TASK_TOKEN_KEY = new Uint8Array(32).fill(9);

export interface TestApiOptions extends Partial<ApiOptions> {
  /** How the tools that run at the API are configured, where not as by default. */
  readonly tools?: Partial<AdapterResources>;
  readonly planLimits?: PlanLimitOverrides;
  /** It has no folder of workspaces, and asks workers. @default false */
  readonly apart?: boolean;
}

/** The real API on a database of its own, with the real runner; a worker where a test asks for one. */
export async function startApi(postgres: TestPostgres, options: TestApiOptions = {}): Promise<TestApi> {
  const database = await migratedDatabase(postgres);
  const workspacesDir = await mkdtemp(path.join(tmpdir(), "automatos-api-"));
  const adminToken = randomBytes(24).toString("hex");
  const planLimits = resolvePlanLimits(options.planLimits ?? {});
  const lines: Record<string, unknown>[] = [];
  const log = pino({ level: "info" }, { write: (line: string) => lines.push(JSON.parse(line) as never) });

  const pool = createPool({ url: database.url, applicationName: "test-api", log: silentLog });
  const listener = new NotificationListener({ url: database.url, applicationName: "test-api", log: silentLog });
  await listener.start();
  const registry = new Registry();
  const runnerMetrics = createRunnerMetrics(registry);
  const runner = new QueuedTaskRunner({ pool, listener, planLimits, log: silentLog, metrics: runnerMetrics });
  const meter = new CountedUsageMeter({ rootDir: workspacesDir, logger: silentLog });
  const locks = new InMemoryRepositoryLocks();
  const isLive = async (taskId: string) => !isTerminal((await runner.status(taskId)).status);
  const repositories = new Repositories({ rootDir: workspacesDir, locks, meter, isLive, logger: silentLog });
  const workers = new WorkerClient({ directory: new WorkerDirectory({ pool }), grantKey: TASK_TOKEN_KEY });
  const grants = new CallGrants({ workspaces: new WorkspaceStore({ pool }), planLimits });
  const contents =
    options.apart === true
      ? new WorkerContents({ workers, grants })
      : new VolumeContents({ rootDir: workspacesDir, repositories, meter });
  const adapters = createAdapters({
    config: ToolAdapters.parse({}),
    secrets: ToolSecrets.parse({}),
    pool,
    contents,
    ...options.tools,
  });
  const tools = new ToolService({ adapters, log, registry });
  const bus = new PostgresEventBus({ pool, listener, log: silentLog });
  const flow = openWorkflows({ pool, listener, bus, runner, planLimits, holder: randomUUID(), log: silentLog });
  const served = { pool, runner, flow, contents, workers, grants, planLimits, registry, runnerMetrics, log };
  const keys = CredentialKeysText.parse(`test:${randomBytes(32).toString("base64")}`);
  const credentialKeys = await CredentialKeyRing.create(keys);
  const resources = { ...served, tools, credentialKeys, taskTokenKey: TASK_TOKEN_KEY };
  const app = await buildApp(createApiDeps(resources), { adminToken, version: "0.0.0-test", ...options });
  const started: { close(): Promise<unknown> }[] = [];
  let address: string | undefined;

  const api: TestApi = {
    app,
    pool,
    databaseUrl: database.url,
    adminToken,
    workspacesDir,
    log: lines,
    url: async () => (address ??= await app.listen({ host: "127.0.0.1", port: 0 })),
    request(method, url, { body, token = adminToken, headers = {} } = {}) {
      const authorization = token === null ? {} : { authorization: `Bearer ${token}` };
      const payload = body === undefined ? {} : { payload: body as object };
      return app.inject({
        method: method as "GET",
        url,
        headers: { ...authorization, ...headers },
        ...payload,
      } satisfies InjectOptions);
    },
    async createWorkspace(body = {}) {
      const response = await api.request("POST", "/api/workspaces", { body: { name: "test", plan: "pro", ...body } });
      return expectJson<Workspace>(response, 201);
    },
    async createToken(workspaceId, body = {}) {
      const response = await api.request("POST", `/api/workspaces/${workspaceId}/tokens`, {
        body: { name: "test", ...body },
      });
      return expectJson<CreatedToken>(response, 201).token;
    },
    async submit(workspaceId, body = {}) {
      const response = await api.request("POST", "/api/tasks", {
        body: { workspaceId, prompt: "test", steps: STEPS, ...body },
      });
      return expectJson<TaskStatus>(response, 202);
    },
    async work(execute) {
      flow.start();
      const shared = { pool, listener, log: silentLog, leaseSeconds: 10 };
      const queues = new PostgresTaskQueues({ url: database.url, log: silentLog });
      const dispatcher = new Dispatcher({ ...shared, queues, planLimits, holder: randomUUID() });
      const worker = {
        workerId: "worker-0",
        concurrency: 8,
        priorities: TaskPriority.options,
        shutdownGraceSeconds: 0,
      };
      const consumer = new TaskConsumer({ ...shared, ...worker, queues, execute });
      await dispatcher.start();
      await consumer.start();
      started.push(consumer, dispatcher, queues);
    },
    async stop() {
      await flow.close();
      await app.close();
      for (const worker of started) await worker.close();
      await runner.close();
      await meter.close();
      await locks.close();
      await listener.close();
      await pool.end();
      await rm(workspacesDir, { recursive: true, force: true });
    },
  };
  return api;
}

/** The body of an answer that must have this status. */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- as `json()` of the answer itself
export function expectJson<Body>(response: LightMyRequestResponse, status: number): Body {
  if (response.statusCode !== status) throw new Error(`${response.statusCode} instead of ${status}: ${response.body}`);
  return response.json();
}

/** Waits until the task is in one of the states. */
export async function untilState(api: TestApi, taskId: string, ...states: TaskState[]): Promise<TaskStatus> {
  for (;;) {
    const status = expectJson<TaskStatus>(await api.request("GET", `/api/tasks/${taskId}`), 200);
    if (states.includes(status.status)) return status;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Something to run, for tasks whose steps do not matter. */
export const STEPS = [{ tool: "list_directory", input: {} }];

/** An outcome of a task that did all it was asked. */
export const completed = (result: unknown = null): TaskEnd => ({
  status: "completed",
  result,
  error: null,
  steps: [],
  tokensUsed: 0,
});
