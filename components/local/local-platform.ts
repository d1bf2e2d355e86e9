import * as pulumi from "@pulumi/pulumi";
import { type LlmConfig, modelAliases } from "../../contracts/llm.ts";
import { TASK_CREDENTIAL_KINDS } from "../../contracts/credential.ts";
import type { PlanLimitOverrides } from "../../contracts/plan.ts";
import type { ApiEnv, GatewayEnv, SandboxKind, WorkerEnv } from "../../contracts/service-env.ts";
import type { QuotaSetting } from "../../contracts/workspace-quota.ts";
import type { ToolAdapters } from "../../contracts/tool-adapters.ts";
import type { BackupConfig } from "../../contracts/backup.ts";
import type { EnvironmentOf } from "../environment-of.ts";
import { credentialKeysFor, type PlatformSecrets, platformSecrets } from "../secrets/platform-secrets.ts";
import { WORKER_NODE_FLAGS } from "./node-flags.ts";
import { LocalMigrations } from "./local-migrations.ts";
import { LocalPostgres } from "./local-postgres.ts";
import { LocalProcess } from "./local-process.ts";
import type { MachineIndexes } from "./machine-indexes.ts";
import { PROJECT_DIR, projectPath } from "./project-folder.ts";
import { sourceHash } from "./source-hash.ts";

export interface LocalPlatformArgs {
  /** TCP ports on 127.0.0.1; the first worker takes `worker`, further ones those after it. */
  readonly ports: {
    readonly api: number;
    readonly worker: number;
    readonly gateway: number;
    readonly postgres: number;
  };
  /** Worker processes, at least one. */
  readonly workers: number;
  /** Tasks that one worker runs at once. */
  readonly workerConcurrency: number;
  /** Seconds after which a silent worker has lost its tasks. */
  readonly leaseSeconds: number;
  /** Destinations that every sandbox may reach, beside the package indexes. */
  readonly egressRules: readonly string[];
  /** The package indexes that sandboxes use and may reach. */
  readonly packageIndexes: Pick<MachineIndexes, "pipIndexUrl" | "npmRegistry" | "egressRules">;
  /** Ids of the keys of credentials: the first encrypts, all decrypt. At least one. */
  readonly credentialKeys: readonly string[];
  /** How workspaces' storage is counted and limited. */
  readonly workspaceQuota: QuotaSetting;
  /** `none` runs commands bare: for development only. */
  readonly sandbox: SandboxKind;
  /** Providers of language models, and the names that tasks use. */
  readonly llm: LlmConfig;
  /** Provider -> its key, as JSON; a secret. */
  readonly llmKeys: pulumi.Input<string>;
  /** The tools that run at the API. */
  readonly tools: ToolAdapters;
  /** JSON: what they authenticate with. */
  readonly toolSecrets: pulumi.Input<string>;
  /** Where backups of workspaces go. @default there are none */
  readonly backup?: BackupConfig | undefined;
  /** JSON: what opens the store of backups, and their keys; needed with `backup`. */
  readonly backupSecrets?: pulumi.Input<string>;
  /** Limits of plans that differ from the defaults. */
  readonly plans: PlanLimitOverrides;
  readonly logLevel: ApiEnv["LOG_LEVEL"];
}

/** Folder of all workspaces, below the project's. */
const WORKSPACES_DIR = ".automatos/workspaces";
/** A Unix socket's path may have 107 bytes; relative to the project's folder, where services run, it always fits. */
const GATEWAY_SOCKET = ".automatos/run/gateway.sock";
const MIGRATE_PROGRAM = "services/migrate/main.ts";
const LOOPBACK = "127.0.0.1";
const WORKER_GRACE_SECONDS = 20;

/** The whole platform as processes of this machine: database, API, gateway, workers. Data lie in `.automatos/`. */
export class LocalPlatform extends pulumi.ComponentResource {
  readonly apiUrl: pulumi.Output<string>;
  readonly apiDocsUrl: pulumi.Output<string>;
  /** Bearer token of the first administrator; a secret. */
  readonly adminToken: pulumi.Output<string>;
  readonly gatewayHealthUrl: pulumi.Output<string>;
  readonly workerHealthUrls: pulumi.Output<string[]>;
  /** Below the project's folder. */
  readonly workspacesDir: string = WORKSPACES_DIR;

  constructor(name: string, args: LocalPlatformArgs, opts?: pulumi.ComponentResourceOptions) {
    const hidden = {
      llmKeys: pulumi.secret(args.llmKeys),
      toolSecrets: pulumi.secret(args.toolSecrets),
      backupSecrets: pulumi.secret(args.backupSecrets),
    };
    super("automatos:local:LocalPlatform", name, { ...args, ...hidden }, opts);
    this.#checkPorts(name, args);
    const child = { parent: this };

    const secrets = platformSecrets(
      name,
      // the database stays when the stack is removed, and what opens its credentials stays with it
      { credentialKeys: args.credentialKeys, credentialKeyFile: (id) => `.automatos/keys/credentials-${id}` },
      child,
    );
    const postgres = new LocalPostgres(
      `${name}-postgres`,
      {
        port: args.ports.postgres,
        portKey: "ports.postgres",
        ownerPassword: secrets.ownerPassword,
        apiPassword: secrets.apiPassword,
        workerPassword: secrets.workerPassword,
        gatewayPassword: secrets.gatewayPassword,
      },
      child,
    );
    // the one program that is given the owner of the database: nothing that reads it starts before this has ended
    const migrations = new LocalMigrations(
      `${name}-migrations`,
      {
        databaseUrl: postgres.ownerUrl,
        program: MIGRATE_PROGRAM,
        sourceHash: sourceHash(PROJECT_DIR, MIGRATE_PROGRAM),
      },
      { ...child, dependsOn: [postgres] },
    );
    const api = this.#service("api", name, args.ports.api, "ports.api", apiEnv(args, postgres, secrets), [migrations]);
    // names are looked up on the thread pool: a slow name server must not hold up the others
    const gatewayVariables = { ...gatewayEnv(args, postgres, secrets), UV_THREADPOOL_SIZE: "64" };
    const gateway = this.#service("gateway", name, args.ports.gateway, "ports.gateway", gatewayVariables, [api]);
    // after the gateway, so that a worker that is stopped can end its tasks with their network in place
    const workers = workerPorts(args).map((port, index) =>
      this.#service(
        "worker",
        name,
        port,
        "ports.worker",
        workerEnv(args, index, postgres, secrets),
        [api, gateway],
        index,
      ),
    );

    this.apiUrl = api.url;
    this.apiDocsUrl = pulumi.interpolate`${api.url}/docs`;
    this.adminToken = secrets.adminToken;
    this.gatewayHealthUrl = pulumi.interpolate`${gateway.url}/readyz`;
    this.workerHealthUrls = pulumi.all(workers.map((worker) => pulumi.interpolate`${worker.url}/readyz`));
    this.registerOutputs({
      apiUrl: this.apiUrl,
      apiDocsUrl: this.apiDocsUrl,
      adminToken: this.adminToken,
      gatewayHealthUrl: this.gatewayHealthUrl,
      workerHealthUrls: this.workerHealthUrls,
      workspacesDir: this.workspacesDir,
    });
  }

  #checkPorts(name: string, args: LocalPlatformArgs): void {
    const { api, gateway, postgres } = args.ports;
    const used = [api, gateway, postgres, ...workerPorts(args)];
    const twice = used.find((port, index) => used.indexOf(port) !== index);
    if (twice !== undefined) {
      const why = args.workers > 1 ? ` (${args.workers} workers take the ports from ${args.ports.worker} on)` : "";
      throw new pulumi.ResourceError(`${name}: port ${twice} is given twice${why}; set another in ports`, this, true);
    }
  }

  #service(
    kind: "api" | "gateway" | "worker",
    platform: string,
    port: number,
    portKey: string,
    env: Readonly<Record<string, pulumi.Input<string> | undefined>>,
    dependsOn: pulumi.Resource[],
    index = 0,
  ): LocalProcess {
    const program = `services/${kind}/main.ts`;
    const name = kind === "worker" ? `worker-${index + 1}` : kind;
    const set = Object.entries(env).flatMap(([key, value]) => (value === undefined ? [] : [[key, value] as const]));
    return new LocalProcess(
      `${platform}-${name}`,
      {
        name,
        program,
        nodeFlags: kind === "worker" ? WORKER_NODE_FLAGS : [],
        port,
        portKey,
        env: Object.fromEntries(set),
        sourceHash: sourceHash(PROJECT_DIR, program),
        stopGraceSeconds: WORKER_GRACE_SECONDS + 10,
      },
      { parent: this, dependsOn },
    );
  }
}

function workerPorts({ ports, workers }: LocalPlatformArgs): number[] {
  return Array.from({ length: workers }, (_, index) => ports.worker + index);
}

function apiEnv(args: LocalPlatformArgs, postgres: LocalPostgres, secrets: PlatformSecrets): EnvironmentOf<ApiEnv> {
  return {
    HOST: LOOPBACK,
    PORT: String(args.ports.api),
    DATABASE_URL: postgres.apiUrl,
    TASK_RUNNER_BACKEND: "queued",
    QUEUE_BACKEND: "postgres",
    ADMIN_TOKEN: secrets.adminToken,
    TASK_TOKEN_KEY: secrets.taskTokenKey,
    GATEWAY_SOCKET: projectPath(GATEWAY_SOCKET),
    TOOL_ADAPTERS: JSON.stringify(args.tools),
    TOOL_SECRETS: args.toolSecrets,
    ...(args.backup === undefined ? {} : { BACKUP: JSON.stringify(args.backup) }),
    WORKSPACES_DIR: projectPath(WORKSPACES_DIR),
    WORKSPACE_QUOTA: args.workspaceQuota,
    PLAN_LIMITS: JSON.stringify(args.plans),
    CREDENTIAL_KEYS: secrets.credentialKeys,
    LOG_LEVEL: args.logLevel,
  };
}

function gatewayEnv(
  args: LocalPlatformArgs,
  postgres: LocalPostgres,
  secrets: PlatformSecrets,
): EnvironmentOf<GatewayEnv> {
  return {
    SOCKET_PATH: GATEWAY_SOCKET,
    HEALTH_HOST: LOOPBACK,
    HEALTH_PORT: String(args.ports.gateway),
    DATABASE_URL: postgres.gatewayUrl,
    TASK_TOKEN_KEY: secrets.taskTokenKey,
    CREDENTIAL_KEYS: credentialKeysFor(secrets, ["git_https"]),
    DEFAULT_EGRESS_RULES: [...args.egressRules, ...args.packageIndexes.egressRules].join(","),
    PROTECTED_ENDPOINTS: [args.ports.gateway, ...workerPorts(args)].map((port) => `${LOOPBACK}:${port}`).join(","),
    PLAN_LIMITS: JSON.stringify(args.plans),
    LLM_PROVIDERS: JSON.stringify(args.llm),
    LLM_PROVIDER_KEYS: args.llmKeys,
    LOG_LEVEL: args.logLevel,
  };
}

function workerEnv(
  args: LocalPlatformArgs,
  index: number,
  postgres: LocalPostgres,
  secrets: PlatformSecrets,
): EnvironmentOf<WorkerEnv> {
  const { pipIndexUrl, npmRegistry } = args.packageIndexes;
  return {
    HEALTH_HOST: LOOPBACK,
    HEALTH_PORT: String(args.ports.worker + index),
    TOOL_HOST: LOOPBACK,
    TOOL_PORT: "0", // the record says which
    TOOL_CONCURRENCY: "64",
    DATABASE_URL: postgres.workerUrl,
    QUEUE_BACKEND: "postgres",
    WORKSPACES_DIR: projectPath(WORKSPACES_DIR),
    WORKSPACE_QUOTA: args.workspaceQuota,
    WORKER_ID: `worker-${index + 1}`,
    WORKER_CONCURRENCY: String(args.workerConcurrency),
    WORKER_QUEUES: "critical,high,normal,low",
    LEASE_SECONDS: String(args.leaseSeconds),
    SHUTDOWN_GRACE_SECONDS: String(WORKER_GRACE_SECONDS),
    AUTOMATOS_SANDBOX: args.sandbox,
    RUNTIME_DIR: projectPath(`.automatos/run/sandbox-${index + 1}`),
    GATEWAY_SOCKET: projectPath(GATEWAY_SOCKET),
    TASK_TOKEN_KEY: secrets.taskTokenKey,
    CREDENTIAL_KEYS: credentialKeysFor(secrets, TASK_CREDENTIAL_KINDS),
    ...(args.backup === undefined
      ? {}
      : { BACKUP: JSON.stringify(args.backup), BACKUP_SECRETS: args.backupSecrets ?? "{}" }),
    PLAN_LIMITS: JSON.stringify(args.plans),
    ...(pipIndexUrl === undefined ? {} : { PIP_INDEX_URL: pipIndexUrl }),
    ...(npmRegistry === undefined ? {} : { NPM_REGISTRY: npmRegistry }),
    LLM_MODELS: modelAliases(args.llm).join(","),
    API_URL: `http://${LOOPBACK}:${args.ports.api}`,
    LOG_LEVEL: args.logLevel,
  };
}
