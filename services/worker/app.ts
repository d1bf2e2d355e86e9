import type { Registry } from "prom-client";
import { httpUrl } from "../../contracts/endpoint.ts";
import type { WorkerEnv } from "../../contracts/service-env.ts";
import { Dispatcher } from "../runner/dispatcher.ts";
import { createRunnerMetrics } from "../runner/metrics.ts";
import { createEventBus } from "../runner/bus/create-event-bus.ts";
import { createTaskQueues } from "../runner/queues/create-task-queues.ts";
import { createRedisCache } from "../runner/redis-cache.ts";
import { TaskConsumer } from "../runner/task-consumer.ts";
import { createPool } from "../runtime/database.ts";
import { NotificationListener } from "../runtime/listener.ts";
import type { Logger } from "../runtime/logger.ts";
import { waitForMigrations } from "../runtime/migrate.ts";
import type { Closer } from "../runtime/shutdown.ts";
import { taskTokenKey } from "../runtime/task-token.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import { CredentialReader } from "../workspace/credentials/credential-reader.ts";
import type { CredentialKeyRing } from "../workspace/credentials/key-ring.ts";
import { VolumeContents } from "../workspace/contents/volume-contents.ts";
import { gitCredentialHosts } from "../workspace/git-credential-hosts.ts";
import { PostgresRepositoryLocks } from "../workspace/postgres-repository-locks.ts";
import { Repositories } from "../workspace/repositories.ts";
import type { UsageMeter } from "../workspace/usage/usage-meter.ts";
import { WorkspaceStore } from "../workspace/workspace-store.ts";
import { WorkspaceVolume } from "../workspace/workspace-volume.ts";
import { advertisedHost } from "./advertised-host.ts";
import { createBackups, requireInPlace } from "./backups.ts";
import { createExecuteTask } from "./execute-task.ts";
import { gatewayWay } from "./gateway-relay/open-gateway-way.ts";
import { isKept, isRunning, watchLeftFolders } from "./left-folders.ts";
import { QuotaGuard } from "./quota-guard.ts";
import { createQuotaMetrics } from "./quota-metrics.ts";
import { ToolServer } from "./tool-server/tool-server.ts";
import { watchPlans } from "./watch-plans.ts";

export interface WorkerDeps {
  readonly env: WorkerEnv;
  readonly workerId: string;
  readonly sandbox: Sandbox;
  readonly credentialKeys: CredentialKeyRing;
  /** Of WORKSPACES_DIR; closed with the worker. */
  readonly usage: UsageMeter;
  readonly log: Logger;
  readonly registry: Registry;
}

export interface WorkerApp {
  /** Cleans up what a crash left, then takes tasks. */
  start(): Promise<void>;
  /** For `/readyz`, by name. */
  readonly checks: Readonly<Record<string, () => Promise<unknown>>>;
  /** What to close, in this order. */
  readonly close: readonly Closer[];
}

const MIGRATIONS_TIMEOUT_MS = 60_000;

/** Puts a worker together: the consumer that runs tasks, the dispatcher that one of the workers runs for all. */
export function buildWorker({ env, workerId, sandbox, credentialKeys, usage, log, registry }: WorkerDeps): WorkerApp {
  const url = env.DATABASE_URL;
  const pool = createPool({ url, applicationName: `automatos-worker ${workerId}`, log });
  const listener = new NotificationListener({ url, applicationName: `automatos-worker ${workerId} listener`, log });
  const queues = createTaskQueues(env, log);
  const bus = createEventBus(env, { pool, listener, log });
  const cache = createRedisCache(env, log);
  const locks = new PostgresRepositoryLocks({ connectionString: url, logger: log });
  const isLive = (taskId: string) => isRunning(pool, taskId);
  const volume = new WorkspaceVolume({
    rootDir: env.WORKSPACES_DIR,
    meter: usage,
    locks,
    isLive,
    isKept: (taskId) => isKept(pool, taskId),
    logger: log,
    onRemoved: (workspaceId) => usage.refreshInBackground(workspaceId),
  });
  const repositories = new Repositories({ rootDir: env.WORKSPACES_DIR, locks, meter: usage, isLive, logger: log });
  const planLimits = env.PLAN_LIMITS;
  const metrics = createRunnerMetrics(registry);
  const workspaces = new WorkspaceStore({ pool });
  const guard = new QuotaGuard({
    usage,
    volumeDir: env.WORKSPACES_DIR,
    metrics: createQuotaMetrics(registry),
    log,
  });
  const gateway = gatewayWay(env, log);
  const gitHosts = (workspaceId: string) => gitCredentialHosts(pool, workspaceId);
  const execute = createExecuteTask({
    workspaces,
    volume,
    repositories,
    credentials: new CredentialReader({ pool, keys: credentialKeys }),
    usage,
    guard,
    sandbox,
    planLimits,
    gateway: {
      socketPath: gateway.socketPath,
      tokenKey: taskTokenKey(env.TASK_TOKEN_KEY),
      hasModels: env.LLM_MODELS.length > 0,
    },
    apiUrl: env.API_URL,
    gitHosts,
    environment: packageIndexes(env),
  });
  const tools = new ToolServer({
    host: env.TOOL_HOST,
    port: env.TOOL_PORT,
    concurrency: env.TOOL_CONCURRENCY,
    volume,
    usage,
    guard,
    requireInPlace: (workspaceId) => requireInPlace(pool, workspaceId),
    contents: new VolumeContents({ rootDir: env.WORKSPACES_DIR, repositories, meter: usage }),
    sandbox,
    gateway: { socketPath: gateway.socketPath, tokenKey: taskTokenKey(env.TASK_TOKEN_KEY) },
    gitHosts,
    environment: packageIndexes(env),
    log,
  });
  const consumer = new TaskConsumer({
    pool,
    listener,
    queues,
    bus,
    cache,
    execute,
    workerId,
    concurrency: env.WORKER_CONCURRENCY,
    priorities: env.WORKER_QUEUES,
    leaseSeconds: env.LEASE_SECONDS,
    shutdownGraceSeconds: env.SHUTDOWN_GRACE_SECONDS,
    healthUrl: httpUrl({ host: advertisedHost(env.HEALTH_HOST, env.HEALTH_ADVERTISE_HOST), port: env.HEALTH_PORT }),
    toolsUrl: () => httpUrl({ host: advertisedHost(env.TOOL_HOST, env.TOOL_ADVERTISE_HOST), port: tools.port }),
    log,
    metrics,
  });
  const dispatcher = new Dispatcher({
    pool,
    listener,
    queues,
    planLimits,
    holder: workerId,
    leaseSeconds: env.LEASE_SECONDS,
    log,
    metrics,
    atHand: consumer,
  });
  const backups = createBackups({ env, workerId, pool, listener, locks, volume, usage, workspaces, log });
  let stopWatching = (): void => undefined;
  let stopWatchingPlans = async (): Promise<void> => undefined;
  return {
    async start() {
      await waitForMigrations(pool, { timeoutMs: MIGRATIONS_TIMEOUT_MS, log });
      await volume.prepareRoot();
      const killedProcesses = await sandbox.recover();
      // Before what has ended already is looked for, so that nothing ends unnoticed in between.
      stopWatching = watchLeftFolders({ pool, listener, volume, log });
      await listener.start();
      stopWatchingPlans = watchPlans({ listener, workspaces, usage, guard, planLimits, log });
      const recovered = await volume.recover(isLive);
      log.info({ event: "worker_recovered", killedProcesses, ...recovered }, "removed what a crash had left");
      await gateway.start();
      await queues.start();
      await dispatcher.start();
      await tools.start();
      await consumer.start();
      tools.announced(); // the record says where it is
      backups.start();
    },
    checks: {
      consumer: () => consumer.check(),
      tools: async () => tools.check(),
      gateway: async () => gateway.check(),
    },
    close: [
      { name: "tool server", close: () => tools.close() },
      { name: "backups", close: () => backups.close() },
      { name: "consumer", close: () => consumer.close() },
      { name: "dispatcher", close: () => dispatcher.close() },
      { name: "queues", close: () => queues.close() },
      { name: "events", close: () => bus.close() },
      { name: "cache", close: async () => cache?.close() },
      { name: "gateway", close: () => gateway.close() },
      { name: "left folders", close: async () => stopWatching() },
      { name: "plans", close: () => stopWatchingPlans() },
      { name: "volume", close: () => volume.close() },
      { name: "usage", close: () => usage.close() },
      { name: "locks", close: () => locks.close() },
      { name: "listener", close: () => listener.close() },
      { name: "database", close: () => pool.end() },
    ],
  };
}

/** The package indexes of this machine's own configuration, as pip and npm read them from the environment. */
function packageIndexes(env: WorkerEnv): Record<string, string> {
  return {
    ...(env.PIP_INDEX_URL !== undefined && { PIP_INDEX_URL: env.PIP_INDEX_URL }),
    ...(env.NPM_REGISTRY !== undefined && { npm_config_registry: env.NPM_REGISTRY }),
  };
}
