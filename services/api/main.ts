import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import path from "node:path";
import { collectDefaultMetrics, Registry } from "prom-client";
import { PlatformError } from "../../contracts/errors.ts";
import { ApiEnv } from "../../contracts/service-env.ts";
import { isTerminal } from "../../contracts/task.ts";
import { createEventBus } from "../runner/bus/create-event-bus.ts";
import { createTaskRunner } from "../runner/create-task-runner.ts";
import { createRunnerMetrics } from "../runner/metrics.ts";
import { createRedisCache } from "../runner/redis-cache.ts";
import { Scheduler } from "../runner/schedules/scheduler.ts";
import { openWorkflows } from "../runner/workflows/open-workflows.ts";
import { createPool, type Pool } from "../runtime/database.ts";
import { NotificationListener } from "../runtime/listener.ts";
import { createLogger } from "../runtime/logger.ts";
import { waitForMigrations } from "../runtime/migrate.ts";
import { parseEnv } from "../runtime/parse-env.ts";
import { onShutdown } from "../runtime/shutdown.ts";
import { taskTokenKey } from "../runtime/task-token.ts";
import { createAdapters } from "../tools/create-adapters.ts";
import { ToolService } from "../tools/tool-service.ts";
import { CredentialKeyRing } from "../workspace/credentials/key-ring.ts";
import { listKeyUse } from "../workspace/credentials/rotate-keys.ts";
import { WorkspaceStore } from "../workspace/workspace-store.ts";
import { buildApp } from "./app.ts";
import { CallGrants } from "./calls/call-grants.ts";
import { WorkerClient } from "./calls/worker-client.ts";
import { WorkerDirectory } from "./calls/worker-directory.ts";
import { openContents } from "./contents/open-contents.ts";
import { adapterResources } from "./tool-resources.ts";
import { createApiDeps } from "./create-deps.ts";

const SHUTDOWN_DEADLINE_MS = 15_000;
const POOL_SIZE = 20;
const MIGRATIONS_TIMEOUT_MS = 60_000;

const env = parseEnv("api", ApiEnv, process.env);
const log = createLogger({ service: "api", level: env.LOG_LEVEL });
const planLimits = env.PLAN_LIMITS;
const { version } = JSON.parse(readFileSync(path.resolve(import.meta.dirname, "../../package.json"), "utf8")) as {
  version: string;
};

try {
  await start();
} catch (error) {
  const remedy = error instanceof PlatformError ? error.remedy : undefined;
  log.fatal({ event: "start_failed", err: error, remedy }, "the API cannot start");
  process.exit(1);
}

async function start(): Promise<void> {
  const pool = createPool({ url: env.DATABASE_URL, applicationName: "automatos-api", log, max: POOL_SIZE });
  await waitForMigrations(pool, { timeoutMs: MIGRATIONS_TIMEOUT_MS, log });
  const listener = new NotificationListener({ url: env.DATABASE_URL, applicationName: "automatos-api-listener", log });
  await listener.start();
  const bus = createEventBus(env, { pool, listener, log });
  const cache = createRedisCache(env, log);
  await bus.start();

  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const runnerMetrics = createRunnerMetrics(registry);
  const runner = createTaskRunner(env.TASK_RUNNER_BACKEND, {
    ...{ pool, listener, bus, cache, planLimits, log },
    metrics: runnerMetrics,
  });
  const workers = new WorkerClient({
    directory: new WorkerDirectory({ pool }),
    grantKey: taskTokenKey(env.TASK_TOKEN_KEY),
  });
  const grants = new CallGrants({ workspaces: new WorkspaceStore({ pool }), planLimits });
  const opened = await openContents({
    rootDir: env.WORKSPACES_DIR,
    quota: env.WORKSPACE_QUOTA,
    databaseUrl: env.DATABASE_URL,
    isLive: async (taskId) => !isTerminal((await runner.status(taskId)).status),
    workers,
    grants,
    log,
  });
  const { contents } = opened;
  const credentialKeys = await CredentialKeyRing.create(env.CREDENTIAL_KEYS);
  await warnOfMissingKeys(pool, credentialKeys);
  const tools = new ToolService({
    adapters: createAdapters(await adapterResources(env, { pool, contents })),
    log,
    registry,
  });
  const holder = `${hostname()}-${process.pid}`;
  const flow = openWorkflows({ pool, listener, bus, runner, planLimits, holder, log });
  const deps = createApiDeps({
    pool,
    runner,
    flow,
    contents,
    workers,
    grants,
    planLimits,
    registry,
    runnerMetrics,
    tools,
    credentialKeys,
    taskTokenKey: taskTokenKey(env.TASK_TOKEN_KEY),
    hasBackups: env.BACKUP !== undefined,
    log,
  });
  const app = await buildApp(deps, { adminToken: env.ADMIN_TOKEN, version });
  const scheduler = new Scheduler({
    pool,
    submit: (task) => runner.submit(task),
    holder,
    log,
  });

  onShutdown({
    log,
    deadlineMs: SHUTDOWN_DEADLINE_MS,
    close: [
      { name: "scheduler", close: () => scheduler.close() },
      { name: "workflows", close: () => flow.close() },
      { name: "http", close: () => app.close() },
      { name: "runner", close: () => runner.close() },
      { name: "events", close: () => bus.close() },
      { name: "cache", close: async () => cache?.close() },
      { name: "contents", close: () => opened.close() },
      { name: "listener", close: () => listener.close() },
      { name: "database", close: () => pool.end() },
    ],
  });
  scheduler.start();
  flow.start();
  const url = await app.listen({ host: env.HOST, port: env.PORT });
  log.info({ event: "api_listening", url, version }, "api listening");
}

/** A key that was taken away too early is said at once, and not by the first task that needs it. */
async function warnOfMissingKeys(pool: Pool, keys: CredentialKeyRing): Promise<void> {
  for (const { keyId, credentials, state } of await listKeyUse(pool, keys)) {
    if (state !== "missing") continue;
    const remedy = "Put the key back into CREDENTIAL_KEYS and rotate, or set these credentials again.";
    log.error({ event: "credential_key_missing", keyId, credentials, remedy }, "credentials cannot be read");
  }
}
