import { modelAliases } from "../../contracts/llm.ts";
import type { ComposeConfig } from "../../contracts/pilot-config.ts";
import type { ApiEnv, GatewayEnv, MigrateEnv, WorkerEnv } from "../../contracts/service-env.ts";
import type { EnvironmentOf } from "../environment-of.ts";
import type { ServiceName } from "./service.ts";

/** What the services' environments hold and nobody else may know; each is complete, so that a file can hold it. */
export interface PilotSecrets<Text> {
  readonly superuserPassword: Text;
  readonly ownerPassword: Text;
  readonly apiPassword: Text;
  readonly workerPassword: Text;
  readonly gatewayPassword: Text;
  readonly redisPassword: Text;
  readonly adminToken: Text;
  readonly taskTokenKey: Text;
  /** CREDENTIAL_KEYS of each service: the API's are of all kinds. */
  readonly apiCredentialKeys: Text;
  readonly workerCredentialKeys: Text;
  readonly gatewayCredentialKeys: Text;
  /** JSON: provider of language models -> its key. */
  readonly llmKeys: Text;
  /** JSON: what the tools authenticate with. */
  readonly toolSecrets: Text;
  /** JSON: what opens the store of backups, and their keys; of use where `backup` is configured. */
  readonly backupSecrets: Text;
}

/** Joins plain text and secrets to one value. */
export type Concat<Text> = (...parts: readonly (string | Text)[]) => Text;

/** What both targets of the pilot configure alike. */
export type EnvironmentConfig = Pick<
  ComposeConfig,
  | "backup"
  | "egressRules"
  | "leaseSeconds"
  | "llm"
  | "logLevel"
  | "packageIndexes"
  | "plans"
  | "tools"
  | "workerConcurrency"
  | "workspaceQuota"
>;

/** Where services listen, and by which names they find each other. */
export interface Places {
  readonly everyAddress: string;
  readonly hostOf: (service: ServiceName) => string;
}
const CONTAINERS: Places = { everyAddress: "0.0.0.0", hostOf: (service) => service };

export interface EnvironmentArgs<Text> {
  readonly config: EnvironmentConfig;
  /** @default containers of one Docker host, whose names are the services' */
  readonly places?: Places;
  readonly secrets: PilotSecrets<Text>;
  readonly concat: Concat<Text>;
}

export const API_PORT = 8080;
export const WORKSPACES_PATH = "/workspaces";
export const RUNTIME_PATH = "/run/automatos";
export const WORKER_GRACE_SECONDS = 20;
export const WORKER_HEALTH_PORT = 8081;
export const GATEWAY_HEALTH_PORT = 8082;
const GATEWAY_PORT = 3128;
const TOOL_PORT = 8083;

const gatewayAddress = ({ hostOf }: Places) => `${hostOf("gateway")}:${GATEWAY_PORT}`;

const databaseUrl = <Text>(
  { concat, places = CONTAINERS }: EnvironmentArgs<Text>,
  role: string,
  password: Text,
  database = "automatos",
) => concat(`postgresql://${role}:`, password, `@${places.hostOf("postgres")}:5432/${database}`);

const redisUrl = <Text>({ concat, secrets, places = CONTAINERS }: EnvironmentArgs<Text>) =>
  concat("redis://:", secrets.redisPassword, `@${places.hostOf("redis")}:6379/0`);

type Environment<Env, Text> = EnvironmentOf<Env, string | Text>;

export function migrateEnv<Text>(args: EnvironmentArgs<Text>): Environment<MigrateEnv, Text> {
  const { secrets, concat, config } = args;
  return {
    ADMIN_DATABASE_URL: databaseUrl(args, "postgres", secrets.superuserPassword, "postgres"),
    DATABASE_URL: databaseUrl(args, "automatos", secrets.ownerPassword),
    // passwords are letters and digits: nothing in them needs an escape
    ROLE_PASSWORDS: concat(
      '{"automatos_api":"',
      secrets.apiPassword,
      '","automatos_worker":"',
      secrets.workerPassword,
      '","automatos_gateway":"',
      secrets.gatewayPassword,
      '"}',
    ),
    LOG_LEVEL: config.logLevel,
  };
}

export function apiEnv<Text>(args: EnvironmentArgs<Text>): Environment<ApiEnv, Text> {
  const { secrets, config, places = CONTAINERS } = args;
  return {
    HOST: places.everyAddress,
    PORT: String(API_PORT),
    DATABASE_URL: databaseUrl(args, "automatos_api", secrets.apiPassword),
    QUEUE_BACKEND: "redis",
    REDIS_URL: redisUrl(args),
    TASK_RUNNER_BACKEND: "queued",
    ADMIN_TOKEN: secrets.adminToken,
    TASK_TOKEN_KEY: secrets.taskTokenKey,
    GATEWAY_ADDRESS: gatewayAddress(places),
    TOOL_ADAPTERS: JSON.stringify(config.tools),
    TOOL_SECRETS: secrets.toolSecrets,
    WORKSPACE_QUOTA: config.workspaceQuota,
    PLAN_LIMITS: JSON.stringify(config.plans),
    CREDENTIAL_KEYS: secrets.apiCredentialKeys,
    ...(config.backup === undefined ? {} : { BACKUP: JSON.stringify(config.backup) }),
    LOG_LEVEL: config.logLevel,
  };
}

/** The platform's servers beside the database, which no rule of a workspace opens to its tasks. */
const ownEndpoints = ({ hostOf }: Places): string[] => [
  `${hostOf("redis")}:6379`,
  `${hostOf("api")}:${API_PORT}`,
  `${hostOf("worker")}:${WORKER_HEALTH_PORT}`,
  `${hostOf("worker")}:${TOOL_PORT}`,
  `${hostOf("gateway")}:${GATEWAY_PORT}`,
  `${hostOf("gateway")}:${GATEWAY_HEALTH_PORT}`,
];

export function gatewayEnv<Text>(args: EnvironmentArgs<Text>): Environment<GatewayEnv, Text> {
  const { secrets, config, places = CONTAINERS } = args;
  return {
    LISTEN_HOST: places.everyAddress,
    LISTEN_PORT: String(GATEWAY_PORT),
    HEALTH_HOST: places.everyAddress,
    HEALTH_PORT: String(GATEWAY_HEALTH_PORT),
    DATABASE_URL: databaseUrl(args, "automatos_gateway", secrets.gatewayPassword),
    TASK_TOKEN_KEY: secrets.taskTokenKey,
    CREDENTIAL_KEYS: secrets.gatewayCredentialKeys,
    DEFAULT_EGRESS_RULES: config.egressRules.join(","),
    PROTECTED_ENDPOINTS: ownEndpoints(places).join(","),
    PLAN_LIMITS: JSON.stringify(config.plans),
    LLM_PROVIDERS: JSON.stringify(config.llm),
    LLM_PROVIDER_KEYS: secrets.llmKeys,
    LOG_LEVEL: config.logLevel,
  };
}

/** Of one worker. Each has its own WORKER_ID: its host name and process number, where none is set. */
export function workerEnv<Text>(args: EnvironmentArgs<Text>): Environment<WorkerEnv, Text> {
  const { secrets, config, places = CONTAINERS } = args;
  const { pip, npm } = config.packageIndexes;
  return {
    HEALTH_HOST: places.everyAddress,
    HEALTH_PORT: String(WORKER_HEALTH_PORT),
    TOOL_HOST: places.everyAddress,
    TOOL_PORT: String(TOOL_PORT),
    TOOL_CONCURRENCY: "64",
    DATABASE_URL: databaseUrl(args, "automatos_worker", secrets.workerPassword),
    QUEUE_BACKEND: "redis",
    REDIS_URL: redisUrl(args),
    WORKSPACES_DIR: WORKSPACES_PATH,
    WORKSPACE_QUOTA: config.workspaceQuota,
    WORKER_CONCURRENCY: String(config.workerConcurrency),
    WORKER_QUEUES: "critical,high,normal,low",
    LEASE_SECONDS: String(config.leaseSeconds),
    SHUTDOWN_GRACE_SECONDS: String(WORKER_GRACE_SECONDS),
    AUTOMATOS_SANDBOX: "bubblewrap",
    SANDBOX_REQUIRED: "true", // a host or a platform on which none can be made is found out at the first start
    RUNTIME_DIR: RUNTIME_PATH,
    GATEWAY_ADDRESS: gatewayAddress(places),
    TASK_TOKEN_KEY: secrets.taskTokenKey,
    CREDENTIAL_KEYS: secrets.workerCredentialKeys,
    PLAN_LIMITS: JSON.stringify(config.plans),
    ...(pip === undefined ? {} : { PIP_INDEX_URL: pip }),
    ...(npm === undefined ? {} : { NPM_REGISTRY: npm }),
    ...(config.backup === undefined
      ? {}
      : { BACKUP: JSON.stringify(config.backup), BACKUP_SECRETS: secrets.backupSecrets }),
    LLM_MODELS: modelAliases(config.llm).join(","),
    API_URL: `http://${places.hostOf("api")}:${API_PORT}`,
    LOG_LEVEL: config.logLevel,
  };
}
