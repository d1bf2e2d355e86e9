import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createWriteStream } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { z } from "zod";
import { LlmConfig, modelAliases } from "../../contracts/llm.ts";
import { TASK_CREDENTIAL_KINDS } from "../../contracts/credential.ts";
import { restrictCredentialKeys } from "../../contracts/credential-keys.ts";
import type { ApiEnv, GatewayEnv, QueueBackend, WorkerEnv } from "../../contracts/service-env.ts";
import type { ToolAdapters, ToolSecrets } from "../../contracts/tool-adapters.ts";
import type { QuotaSetting } from "../../contracts/workspace-quota.ts";
import { freePorts } from "./ports.ts";
import { WORKER_NODE_FLAGS } from "../../components/local/node-flags.ts";
import { migrateDatabase } from "./database.ts";
import { startPostgres, type TestPostgres } from "./postgres.ts";
import { startRedis, type RedisOptions, type TestRedis } from "./redis.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const READY_TIMEOUT_MS = 60_000;

/** A service's variables as text, as a process gets them. */
type Environment<Env> = { readonly [Key in keyof Env]?: string };

/** One process of the platform, which a test may kill and start again with the same settings. */
export interface ServiceProcess {
  readonly name: string;
  readonly healthUrl: string;
  readonly pid: number;
  /** Everything it has logged so far, over all its starts. */
  log(): Promise<string>;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
  /** SIGTERM; resolves to the exit code. */
  terminate(): Promise<number | null>;
  signal(name: NodeJS.Signals): void;
  /** Starts it (again), and waits until it is ready. */
  start(): Promise<void>;
}

/** The services of the local phase as real processes on free ports, with a real PostgreSQL and no Pulumi. */
export interface TestPlatform {
  readonly postgres: TestPostgres;
  /** Of the platform with `queue: "redis"`, and of no other. */
  readonly redis: TestRedis | undefined;
  readonly apiUrl: string;
  readonly adminToken: string;
  readonly workspacesDir: string;
  readonly directory: string;
  /** The first of `apis`. */
  readonly api: ServiceProcess;
  readonly apis: readonly ServiceProcess[];
  readonly gateway: ServiceProcess;
  readonly workers: readonly ServiceProcess[];
  /** Asks the API as an administrator (or with `token`); the body of an answer that is not 2xx is in the error. */
  request<Answer>(method: string, route: string, body?: unknown, token?: string): Promise<Answer>;
  createWorkspace(input?: Record<string, unknown>): Promise<string>;
  /** Ends every process and removes every file. */
  stop(): Promise<void>;
}

export interface PlatformOptions {
  /** What the queues are on; `redis` starts one. @default "postgres" */
  readonly queue?: QueueBackend;
  /** Settings of its Redis, as of redis.conf. @default the pilot's */
  readonly redisSettings?: Readonly<Record<string, string>>;
  /** @default 1 */
  readonly apis?: number;
  readonly workers?: number;
  /** Variables that no schema of a service knows, by the service's name, such as NODE_OPTIONS. */
  readonly processEnv?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly leaseSeconds?: number;
  readonly workerEnv?: Environment<WorkerEnv>;
  readonly gatewayEnv?: Environment<GatewayEnv>;
  readonly apiEnv?: Environment<ApiEnv>;
  readonly planLimits?: Record<string, unknown>;
  /** The address of this machine by which workers, and nobody else, reach the stores. @default 127.0.0.1, as all do */
  readonly storesAddress?: string;
  /** Folder of all workspaces. @default one of the platform's own */
  readonly workspacesDir?: string;
  /** @default "auto" */
  readonly workspaceQuota?: QuotaSetting;
  /** Models of the gateway, and the keys of their providers. @default none */
  readonly llm?: z.input<typeof LlmConfig>;
  readonly llmKeys?: Record<string, string>;
  /** As on machines of their own: the gateway on TCP, the API without the folder of the workspaces. @default false */
  readonly apart?: boolean;
  /** Tools that run at the API, and what they authenticate with. @default those that need no configuration */
  readonly tools?: z.input<typeof ToolAdapters>;
  readonly toolSecrets?: z.input<typeof ToolSecrets>;
}

export async function startPlatform(options: PlatformOptions = {}): Promise<TestPlatform> {
  const directory = await mkdtemp(path.join(tmpdir(), "automatos-platform-"));
  const { storesAddress } = options;
  const postgres = await startPostgres(storesAddress === undefined ? {} : { addresses: `127.0.0.1,${storesAddress}` });
  await migrateDatabase(postgres.url);
  const redis = options.queue === "redis" ? await startRedis(redisOptions(options)) : undefined;
  const queue = redis === undefined ? {} : { QUEUE_BACKEND: "redis", REDIS_URL: redis.url };
  const workerQueue = redis === undefined ? {} : { ...queue, REDIS_URL: reachedAt(storesAddress, redis.url) };
  const adminToken = randomBytes(24).toString("hex");
  const workspacesDir = options.workspacesDir ?? path.join(directory, "workspaces");
  const socket = path.join(directory, "gateway.sock");
  const shared = {
    TASK_TOKEN_KEY: randomBytes(32).toString("base64"),
    PLAN_LIMITS: JSON.stringify(options.planLimits ?? {}),
    CREDENTIAL_KEYS: `test:${randomBytes(32).toString("base64")}`,
    LOG_LEVEL: "info",
  };
  const [apiPort, gatewayPort, proxyPort = 0, ...otherPorts] = await freePorts(
    2 + (options.apis ?? 1) + (options.workers ?? 1),
  );
  const apart = options.apart ?? false;
  const wayToGateway = apart ? { GATEWAY_ADDRESS: `127.0.0.1:${proxyPort}` } : { GATEWAY_SOCKET: socket };
  const workerPorts = otherPorts.splice(0, options.workers ?? 1);
  const service = (name: string, entry: string, port: number | undefined, env: Record<string, string | undefined>) =>
    new Service(
      name,
      path.join(ROOT, "services", entry, "main.ts"),
      port ?? 0,
      { ...env, ...options.processEnv?.[name] },
      path.join(directory, `${name}.log`),
    );

  const apiEnv: Environment<ApiEnv> = {
    PORT: String(apiPort),
    DATABASE_URL: postgres.apiUrl,
    ...queue,
    ADMIN_TOKEN: adminToken,
    TASK_TOKEN_KEY: shared.TASK_TOKEN_KEY,
    ...wayToGateway,
    TOOL_ADAPTERS: JSON.stringify(options.tools ?? {}),
    TOOL_SECRETS: JSON.stringify(options.toolSecrets ?? {}),
    ...(apart ? {} : { WORKSPACES_DIR: workspacesDir }),
    WORKSPACE_QUOTA: options.workspaceQuota ?? "auto",
    PLAN_LIMITS: shared.PLAN_LIMITS,
    CREDENTIAL_KEYS: shared.CREDENTIAL_KEYS,
    LOG_LEVEL: shared.LOG_LEVEL,
    ...options.apiEnv,
  };
  const gatewayEnv: Environment<GatewayEnv> = {
    ...(apart ? { LISTEN_PORT: String(proxyPort) } : { SOCKET_PATH: socket }),
    HEALTH_PORT: String(gatewayPort),
    DATABASE_URL: postgres.gatewayUrl,
    TASK_TOKEN_KEY: shared.TASK_TOKEN_KEY,
    CREDENTIAL_KEYS: await restrictCredentialKeys(shared.CREDENTIAL_KEYS, ["git_https"]),
    PLAN_LIMITS: shared.PLAN_LIMITS,
    LLM_PROVIDERS: JSON.stringify(options.llm ?? {}),
    LLM_PROVIDER_KEYS: JSON.stringify(options.llmKeys ?? {}),
    LOG_LEVEL: shared.LOG_LEVEL,
    ...options.gatewayEnv,
  };
  const workerKeys = await restrictCredentialKeys(shared.CREDENTIAL_KEYS, TASK_CREDENTIAL_KINDS);
  const workerEnv = (port: number, index: number): Environment<WorkerEnv> => ({
    HEALTH_PORT: String(port),
    DATABASE_URL: reachedAt(storesAddress, postgres.workerUrl),
    ...workerQueue,
    WORKSPACES_DIR: workspacesDir,
    WORKSPACE_QUOTA: options.workspaceQuota ?? "auto",
    WORKER_ID: `worker-${index}`,
    LEASE_SECONDS: String(options.leaseSeconds ?? 12),
    RUNTIME_DIR: path.join(directory, `sandbox-${index}`),
    ...wayToGateway,
    LLM_MODELS: modelAliases(LlmConfig.parse(options.llm ?? {})).join(","),
    API_URL: `http://127.0.0.1:${apiPort ?? 0}`,
    ...shared,
    CREDENTIAL_KEYS: workerKeys,
    ...options.workerEnv,
  });
  const api = service("api", "api", apiPort, apiEnv);
  const others = otherPorts.map((port, index) =>
    service(`api-${index + 1}`, "api", port, { ...apiEnv, PORT: String(port) }),
  );
  const apis = [api, ...others];
  const gateway = service("gateway", "gateway", gatewayPort, gatewayEnv);
  const workers = workerPorts.map((port, index) => service(`worker-${index}`, "worker", port, workerEnv(port, index)));

  const platform: TestPlatform = {
    postgres,
    redis,
    apiUrl: `http://127.0.0.1:${apiPort ?? 0}`,
    adminToken,
    workspacesDir,
    directory,
    api,
    apis,
    gateway,
    workers,
    async request(method, route, body, token = adminToken) {
      const response = await fetch(`${platform.apiUrl}${route}`, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`${method} ${route}: ${response.status} ${text}`);
      return (text === "" ? null : JSON.parse(text)) as never;
    },
    async createWorkspace(input = {}) {
      const workspaceId = randomUUID();
      await platform.request("POST", "/api/workspaces", { workspaceId, name: workspaceId, plan: "pro", ...input });
      return workspaceId;
    },
    async stop() {
      await Promise.all([...workers, gateway, ...apis].map((one) => one.terminate()));
      await postgres.stop();
      await redis?.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
  try {
    await api.start();
    await Promise.all([gateway, ...others, ...workers].map((one) => one.start()));
  } catch (error) {
    await platform.stop();
    throw error;
  }
  return platform;
}

const redisOptions = ({ storesAddress, redisSettings }: PlatformOptions): RedisOptions => ({
  ...(storesAddress !== undefined && { addresses: `127.0.0.1 ${storesAddress}` }),
  ...(redisSettings !== undefined && { settings: redisSettings }),
});

function reachedAt(address: string | undefined, url: string): string {
  if (address === undefined) return url;
  const reached = new URL(url);
  reached.hostname = address;
  return reached.href;
}

class Service implements ServiceProcess {
  readonly name: string;
  readonly healthUrl: string;
  readonly #entry: string;
  readonly #nodeFlags: readonly string[];
  readonly #env: Record<string, string | undefined>;
  readonly #logFile: string;
  #child: ChildProcess | undefined;

  constructor(name: string, entry: string, port: number, env: Record<string, string | undefined>, logFile: string) {
    this.name = name;
    this.healthUrl = `http://127.0.0.1:${port}`;
    this.#entry = entry;
    this.#nodeFlags = entry.includes("worker") ? WORKER_NODE_FLAGS : [];
    this.#env = env;
    this.#logFile = logFile;
  }

  get pid(): number {
    if (this.#child?.pid === undefined) throw new Error(`${this.name} does not run`);
    return this.#child.pid;
  }

  log(): Promise<string> {
    return readFile(this.#logFile, "utf8");
  }

  signal(name: NodeJS.Signals): void {
    process.kill(this.pid, name);
  }

  async start(): Promise<void> {
    const child = spawn(process.execPath, [...this.#nodeFlags, this.#entry], {
      cwd: ROOT,
      env: {
        PATH: process.env["PATH"],
        HOME: process.env["HOME"],
        NODE_COMPILE_CACHE: path.join(ROOT, ".automatos", "compile-cache"),
        ...this.#env,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    const log = createWriteStream(this.#logFile, { flags: "a" });
    child.stdout.pipe(log);
    child.stderr.pipe(log);
    const deadline = performance.now() + READY_TIMEOUT_MS;
    for (;;) {
      if (child.exitCode !== null || child.signalCode !== null) {
        throw new Error(`${this.name} ended with ${String(child.exitCode ?? child.signalCode)}:\n${await this.log()}`);
      }
      if (await isReady(this.healthUrl)) return;
      if (performance.now() > deadline) throw new Error(`${this.name} is not ready:\n${await this.log()}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  async terminate(): Promise<number | null> {
    return this.#end("SIGTERM");
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child;
    if (child === undefined) return null;
    if (child.exitCode === null && child.signalCode === null) {
      const exited = once(child, "exit");
      child.kill(signal);
      await exited;
    }
    return child.exitCode;
  }
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/readyz`)).ok;
  } catch {
    return false; // it does not listen yet
  }
}
