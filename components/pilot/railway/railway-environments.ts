import * as pulumi from "@pulumi/pulumi";
import { modelAliases } from "../../../contracts/llm.ts";
import type { RailwayConfig } from "../../../contracts/railway-config.ts";
import type { ApiEnv, GatewayEnv, MigrateEnv, WorkerEnv } from "../../../contracts/service-env.ts";
import type { EnvironmentOf } from "../../environment-of.ts";
import { privateHost, reference } from "./references.ts";

/** What a service's variables hold and nobody else may know. */
export interface RailwaySecrets {
  readonly superuserPassword: pulumi.Input<string>;
  readonly redisPassword: pulumi.Input<string>;
  readonly ownerPassword: pulumi.Input<string>;
  readonly apiPassword: pulumi.Input<string>;
  readonly workerPassword: pulumi.Input<string>;
  readonly gatewayPassword: pulumi.Input<string>;
  readonly adminToken: pulumi.Input<string>;
  readonly taskTokenKey: pulumi.Input<string>;
  /** CREDENTIAL_KEYS of each service: the API's are of all kinds. */
  readonly apiCredentialKeys: pulumi.Input<string>;
  readonly workerCredentialKeys: pulumi.Input<string>;
  readonly gatewayCredentialKeys: pulumi.Input<string>;
  /** JSON: provider of language models -> its key. */
  readonly llmKeys: pulumi.Input<string>;
  /** JSON: what the tools authenticate with. */
  readonly toolSecrets: pulumi.Input<string>;
}

/** A service's name is how others refer to its variables, and its host in the private network. */
export type ServiceName = "postgres" | "redis" | "migrate" | "api" | "gateway" | "worker";
const host = (service: ServiceName) => privateHost(service);
const variableOf = (service: ServiceName, variable: string) => reference(service, variable);

export const API_PORT = 8080;
export const WORKER_HEALTH_PORT = 8081;
export const GATEWAY_HEALTH_PORT = 8082;
export const WORKER_GRACE_SECONDS = 20;
export const WORKSPACES_DIR = "/workspaces";
const GATEWAY_PORT = 3128;
const TOOL_PORT = 8083;
/** Both families: environments from before October 2025 have IPv6 alone in the private network. */
const EVERY_ADDRESS = "::";
const GATEWAY_ADDRESS = `${host("gateway")}:${GATEWAY_PORT}`;

type Args = RailwayConfig & { readonly secrets: RailwaySecrets };

const databaseUrl = (role: string, password: pulumi.Input<string>, database = "automatos") =>
  pulumi.interpolate`postgresql://${role}:${password}@${host("postgres")}:5432/${database}`;
/** Redis alone knows its password; the others refer to it. */
const REDIS_URL = `redis://:${variableOf("redis", "REDIS_PASSWORD")}@${host("redis")}:6379/0`;

/** The port on which Railway asks after a service's health. */
const healthPort = (port: number) => ({ PORT: String(port) });
/** The start of a container as root, by which a volume that root owns is given to the service's user. */
const AS_ROOT = { RAILWAY_RUN_UID: "0" };

export const postgresVariables = ({ secrets }: Args) => ({
  POSTGRES_USER: "postgres",
  POSTGRES_PASSWORD: secrets.superuserPassword,
  POSTGRES_INITDB_ARGS: "--auth-host=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8",
  // below the volume: its root holds lost+found, and where the image puts data depends on its version
  PGDATA: "/var/lib/postgresql/automatos",
  ...AS_ROOT,
});

export const redisVariables = ({ secrets }: Args) => ({ REDIS_PASSWORD: secrets.redisPassword, ...AS_ROOT });

export const migrateVariables = ({ secrets, logLevel }: Args): EnvironmentOf<MigrateEnv> => ({
  ADMIN_DATABASE_URL: databaseUrl("postgres", variableOf("postgres", "POSTGRES_PASSWORD"), "postgres"),
  DATABASE_URL: databaseUrl("automatos", secrets.ownerPassword),
  ROLE_PASSWORDS: pulumi.jsonStringify({
    automatos_api: secrets.apiPassword,
    automatos_worker: secrets.workerPassword,
    automatos_gateway: secrets.gatewayPassword,
  }),
  LOG_LEVEL: logLevel,
});

/** Without WORKSPACES_DIR: the volume is the worker's, and the API asks the worker for what lies there. */
export const apiVariables = (args: Args): EnvironmentOf<ApiEnv> => ({
  HOST: EVERY_ADDRESS,
  ...healthPort(API_PORT),
  DATABASE_URL: databaseUrl("automatos_api", args.secrets.apiPassword),
  QUEUE_BACKEND: "redis",
  REDIS_URL,
  TASK_RUNNER_BACKEND: "queued",
  ADMIN_TOKEN: args.secrets.adminToken,
  TASK_TOKEN_KEY: args.secrets.taskTokenKey,
  GATEWAY_ADDRESS,
  TOOL_ADAPTERS: JSON.stringify(args.tools),
  TOOL_SECRETS: args.secrets.toolSecrets,
  WORKSPACE_QUOTA: args.workspaceQuota,
  PLAN_LIMITS: JSON.stringify(args.plans),
  CREDENTIAL_KEYS: args.secrets.apiCredentialKeys,
  LOG_LEVEL: args.logLevel,
});

export const gatewayVariables = (args: Args): EnvironmentOf<GatewayEnv> => ({
  LISTEN_HOST: EVERY_ADDRESS,
  LISTEN_PORT: String(GATEWAY_PORT),
  HEALTH_HOST: EVERY_ADDRESS,
  HEALTH_PORT: String(GATEWAY_HEALTH_PORT),
  ...healthPort(GATEWAY_HEALTH_PORT),
  DATABASE_URL: databaseUrl("automatos_gateway", args.secrets.gatewayPassword),
  TASK_TOKEN_KEY: args.secrets.taskTokenKey,
  CREDENTIAL_KEYS: args.secrets.gatewayCredentialKeys,
  DEFAULT_EGRESS_RULES: args.egressRules.join(","),
  PLAN_LIMITS: JSON.stringify(args.plans),
  LLM_PROVIDERS: JSON.stringify(args.llm),
  LLM_PROVIDER_KEYS: args.secrets.llmKeys,
  LOG_LEVEL: args.logLevel,
});

export const workerVariables = (args: Args): EnvironmentOf<WorkerEnv> => ({
  HEALTH_HOST: EVERY_ADDRESS,
  HEALTH_PORT: String(WORKER_HEALTH_PORT),
  ...healthPort(WORKER_HEALTH_PORT),
  HEALTH_ADVERTISE_HOST: host("worker"),
  TOOL_HOST: EVERY_ADDRESS,
  TOOL_PORT: String(TOOL_PORT),
  TOOL_ADVERTISE_HOST: host("worker"),
  TOOL_CONCURRENCY: "64",
  DATABASE_URL: databaseUrl("automatos_worker", args.secrets.workerPassword),
  QUEUE_BACKEND: "redis",
  REDIS_URL,
  WORKSPACES_DIR,
  WORKSPACE_QUOTA: args.workspaceQuota,
  WORKER_CONCURRENCY: String(args.workerConcurrency),
  WORKER_QUEUES: "critical,high,normal,low",
  LEASE_SECONDS: String(args.leaseSeconds),
  SHUTDOWN_GRACE_SECONDS: String(WORKER_GRACE_SECONDS),
  AUTOMATOS_SANDBOX: "bubblewrap",
  RUNTIME_DIR: "/run/automatos",
  GATEWAY_ADDRESS,
  TASK_TOKEN_KEY: args.secrets.taskTokenKey,
  CREDENTIAL_KEYS: args.secrets.workerCredentialKeys,
  PLAN_LIMITS: JSON.stringify(args.plans),
  LLM_MODELS: modelAliases(args.llm).join(","),
  API_URL: `http://${host("api")}:${API_PORT}`,
  LOG_LEVEL: args.logLevel,
  ...AS_ROOT,
});
