import { z } from "zod";
import { BackupConfig, BackupSecrets } from "./backup.ts";
import { LlmConfig, LlmKeys } from "./llm.ts";
import { CredentialKeysText } from "./credential-keys.ts";
import { EndpointText } from "./endpoint.ts";
import { PlanLimitOverrides, resolvePlanLimits } from "./plan.ts";
import { TaskPriority } from "./task.ts";
import { ToolAdapters, ToolSecrets } from "./tool-adapters.ts";
import { QuotaSetting } from "./workspace-quota.ts";

const port = z.coerce.number().int().min(1).max(65_535);
const logLevel = z.enum(["trace", "debug", "info", "warn", "error"]).default("info");
const databaseUrl = z.url({ protocol: /^postgres(ql)?$/ });
const key32 = z.base64().refine((text) => Buffer.from(text, "base64").length === 32, "must be 32 bytes in base64");

/** A variable that holds JSON text. */
const jsonText = (absent: string) =>
  z
    .string()
    .default(absent)
    .transform((text, context): unknown => {
      try {
        return JSON.parse(text);
      } catch {
        context.addIssue({ code: "custom", message: "is not JSON" }); // the parser's own words repeat the text: it may be secret
        return z.NEVER;
      }
    });
/** E.g. `{"pro": {"maxRunningTasks": 5}}`; parsed to the limits of every plan. */
const planLimits = jsonText("{}")
  .pipe(PlanLimitOverrides.transform(resolvePlanLimits))
  .describe("JSON: plan -> limits that differ from the defaults.");
const priorities = z
  .string()
  .default(TaskPriority.options.join(","))
  .transform((text) => text.split(",").map((name) => name.trim()))
  .pipe(z.array(TaskPriority).min(1))
  .describe("Priorities that this worker takes, comma-separated.");

/** Without those of a kind, a service can neither seal nor open credentials of that kind. */
const credentialKeys = CredentialKeysText.describe(
  "Keys of credentials, `<id>:<32 bytes in base64>`, comma-separated: the first encrypts, all decrypt. `<id>/<kind>:...` is of one kind alone.",
);

/** Parsed where it is set; a secret's text is not repeated. */
const optionalJson = z
  .string()
  .optional()
  .transform((text, context): unknown => {
    try {
      return text === undefined ? undefined : JSON.parse(text);
    } catch {
      context.addIssue({ code: "custom", message: "is not JSON" });
      return z.NEVER;
    }
  });
const backup = optionalJson
  .pipe(BackupConfig.optional())
  .describe("JSON: `backup` of the stack. Without it backups are not configured.");

const password = z.string().min(16).max(200);
/** The passwords of the services' roles of the database. */
const rolePasswords = optionalJson
  .pipe(z.strictObject({ automatos_api: password, automatos_worker: password, automatos_gateway: password }).optional())
  .describe("JSON: role of a service -> its password. A secret; with ADMIN_DATABASE_URL.");

const MigrateVariables = z.object({
  DATABASE_URL: databaseUrl.describe("The record, as the owner of the database. No other program is given it."),
  ADMIN_DATABASE_URL: databaseUrl
    .optional()
    .describe(
      "The same server as one who may make roles and databases, in another database. With it the owner, the database and " +
        "the services' roles are made, or get their passwords anew. Without it they are there already.",
    ),
  ROLE_PASSWORDS: rolePasswords,
  LOG_LEVEL: logLevel,
});
/** The environment of the program that applies the migrations, and ends. */
export const MigrateEnv = MigrateVariables.refine(
  (env) => (env.ADMIN_DATABASE_URL === undefined) === (env.ROLE_PASSWORDS === undefined),
  { path: ["ROLE_PASSWORDS"], message: "give ADMIN_DATABASE_URL and ROLE_PASSWORDS, or neither" },
);
export type MigrateEnv = z.infer<typeof MigrateEnv>;

const workspaceQuota = QuotaSetting.default("auto").describe(
  "How workspaces' storage is counted and limited; one that the volume cannot do is an error at start.",
);

/** The two ways to the gateway's proxy: its Unix socket on the same machine, its TCP address from another. */
const gatewaySocket = z.string().min(1).optional().describe("Unix socket of the gateway's proxy, on this machine.");
const gatewayAddress = EndpointText.optional().describe(
  "`host:port` of the gateway's proxy, where it is on another machine or in another container. Instead of GATEWAY_SOCKET.",
);
interface GatewayWay {
  readonly GATEWAY_SOCKET?: unknown;
  readonly GATEWAY_ADDRESS?: unknown;
}
const notBothWays = (env: GatewayWay) => env.GATEWAY_SOCKET === undefined || env.GATEWAY_ADDRESS === undefined;
const oneWay = (env: GatewayWay) => (env.GATEWAY_SOCKET === undefined) !== (env.GATEWAY_ADDRESS === undefined);

/** Where others reach what listens on every address. */
const advertised = (ofWhat: string) =>
  z
    .string()
    .min(1)
    .max(255)
    .optional()
    .describe(`Host name by which others reach ${ofWhat}; where that is every address, default: this machine's name.`);

/** What carries admitted tasks to the workers and news of tasks to who follows them. The record is Postgres in any case. */
export const QueueBackend = z.enum(["postgres", "redis"]);
export type QueueBackend = z.infer<typeof QueueBackend>;

const queueVariables = {
  QUEUE_BACKEND: QueueBackend.default("postgres").describe("What the queues are on: the one value that chooses."),
  REDIS_URL: z
    .url({ protocol: /^rediss?$/ })
    .optional()
    .describe(
      "`redis://` or, with TLS, `rediss://`, with `user:password@` where it asks for one. A secret. For QUEUE_BACKEND=redis.",
    ),
};
interface QueueChoice {
  readonly QUEUE_BACKEND: QueueBackend;
  readonly REDIS_URL?: string | undefined;
}
const redisIsNamed = (env: QueueChoice) => env.QUEUE_BACKEND !== "redis" || env.REDIS_URL !== undefined;
const redisIsNotNamed = { path: ["REDIS_URL"], message: "QUEUE_BACKEND=redis needs REDIS_URL" };

/** Backends of TaskRunner. */
export const RunnerBackend = z.enum(["local", "queued", "kubernetes"]);
export type RunnerBackend = z.infer<typeof RunnerBackend>;

const ApiVariables = z.object({
  HOST: z.string().default("127.0.0.1"),
  PORT: port.default(8080),
  DATABASE_URL: databaseUrl.describe("The record, as the role `automatos_api`."),
  TASK_RUNNER_BACKEND: RunnerBackend.default("queued"),
  ...queueVariables,
  ADMIN_TOKEN: z.string().min(32).describe("Bearer token of the first administrator."),
  TASK_TOKEN_KEY: key32.describe("Verifies the tokens of tasks that call tools here, and signs those for the gateway."),
  GATEWAY_SOCKET: gatewaySocket,
  GATEWAY_ADDRESS: gatewayAddress,
  TOOL_ADAPTERS: jsonText("{}").pipe(ToolAdapters).describe("JSON: the tools that run here, as `tools` of the stack."),
  TOOL_SECRETS: jsonText("{}").pipe(ToolSecrets).describe("JSON: what they authenticate with. A secret."),
  WORKSPACES_DIR: z
    .string()
    .min(1)
    .optional()
    .describe("Folder of all workspaces, where the API has it too. Without it a worker is asked for what lies there."),
  WORKSPACE_QUOTA: workspaceQuota,
  PLAN_LIMITS: planLimits,
  BACKUP: backup,
  CREDENTIAL_KEYS: credentialKeys,
  LOG_LEVEL: logLevel,
});
/** The API's environment. Without a way to the gateway http_request is not configured. `main.ts` alone parses it. */
export const ApiEnv = ApiVariables.refine(notBothWays, {
  path: ["GATEWAY_ADDRESS"],
  message: "give GATEWAY_SOCKET or GATEWAY_ADDRESS, not both",
}).refine(redisIsNamed, redisIsNotNamed);
export type ApiEnv = z.infer<typeof ApiEnv>;

/** Kinds of sandbox. `none` runs commands bare: for development only, shown at every start. */
export const SandboxKind = z.enum(["bubblewrap", "none"]);
export type SandboxKind = z.infer<typeof SandboxKind>;

const WorkerVariables = z.object({
  HEALTH_HOST: z.string().default("127.0.0.1"),
  HEALTH_PORT: port.default(8081),
  HEALTH_ADVERTISE_HOST: advertised("HEALTH_HOST"),
  TOOL_HOST: z.string().default("127.0.0.1").describe("Where it listens for tool calls of the API."),
  TOOL_ADVERTISE_HOST: advertised("TOOL_HOST"),
  TOOL_PORT: z.coerce
    .number()
    .int()
    .min(0)
    .max(65_535)
    .default(0)
    .describe("Its port; 0: any free one, as the API finds it in the record."),
  TOOL_CONCURRENCY: z.coerce
    .number()
    .int()
    .min(1)
    .max(10_000)
    .default(64)
    .describe("Tool calls without a task, and terminals, that this worker has under way at once."),
  DATABASE_URL: databaseUrl.describe("The record, as the role `automatos_worker`."),
  ...queueVariables,
  WORKSPACES_DIR: z.string().min(1),
  WORKSPACE_QUOTA: workspaceQuota,
  WORKER_ID: z.string().min(1).max(100).optional().describe("Default: host name and process id."),
  WORKER_CONCURRENCY: z.coerce.number().int().min(1).max(1_000).default(3),
  WORKER_QUEUES: priorities,
  LEASE_SECONDS: z.coerce
    .number()
    .min(1)
    .max(60)
    .default(12)
    .describe("A worker silent for so long has lost its tasks."),
  SHUTDOWN_GRACE_SECONDS: z.coerce.number().min(0).max(3_600).default(20),
  AUTOMATOS_SANDBOX: SandboxKind.default("bubblewrap"),
  SANDBOX_REQUIRED: z
    .stringbool({ truthy: ["true"], falsy: ["false"] })
    .optional()
    .describe(
      "`true`: a worker that cannot make its sandbox takes no tasks, and is not ready. Default: `false`, it refuses commands and does the rest.",
    ),
  RUNTIME_DIR: z
    .string()
    .min(1)
    .describe("Folder of this worker alone, for what its sandboxes see of the system; made anew at each start."),
  GATEWAY_SOCKET: gatewaySocket,
  GATEWAY_ADDRESS: gatewayAddress,
  TASK_TOKEN_KEY: key32.describe("Signs the tokens by which the gateway and the API know a task."),
  API_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe("Where the API is. Without it the tools that run there are not configured for tasks."),
  BACKUP: backup,
  BACKUP_SECRETS: optionalJson
    .pipe(BackupSecrets.optional())
    .describe("JSON: what opens the store of BACKUP, and the keys of backups. A secret; needed with BACKUP."),
  CREDENTIAL_KEYS: credentialKeys,
  PLAN_LIMITS: planLimits,
  PIP_INDEX_URL: z.string().optional().describe("Package index that sandboxes use; the gateway must allow its host."),
  NPM_REGISTRY: z.string().optional(),
  LLM_MODELS: z
    .string()
    .default("")
    .transform((text) => text.split(",").filter((alias) => alias !== ""))
    .describe("Models that the gateway serves, comma-separated, the default one first; empty: no LLM is configured."),
  LOG_LEVEL: logLevel,
});
/** The worker's environment. The gateway is the only network of its sandboxes. */
export const WorkerEnv = WorkerVariables.refine(oneWay, {
  path: ["GATEWAY_ADDRESS"],
  message: "give GATEWAY_SOCKET or GATEWAY_ADDRESS: exactly one",
})
  .refine(redisIsNamed, redisIsNotNamed)
  .refine((env) => env.BACKUP === undefined || env.BACKUP_SECRETS !== undefined, {
    path: ["BACKUP_SECRETS"],
    message: "BACKUP needs the secrets that open its store",
  });
export type WorkerEnv = z.infer<typeof WorkerEnv>;

const GatewayVariables = z.object({
  SOCKET_PATH: z.string().min(1).optional().describe("Unix socket on which the proxy listens, for this machine."),
  LISTEN_HOST: z.string().min(1).optional().describe("Address on which LISTEN_PORT is opened. Default: 127.0.0.1."),
  LISTEN_PORT: z.coerce
    .number()
    .int()
    .min(1)
    .max(65_535)
    .optional()
    .describe("TCP port on which the proxy listens, for other machines. Either this or SOCKET_PATH, or both."),
  HEALTH_HOST: z.string().default("127.0.0.1"),
  HEALTH_PORT: port.default(8082),
  DATABASE_URL: databaseUrl.describe(
    "A role that may read the egress rules of workspaces, record tokens, and nothing else.",
  ),
  TASK_TOKEN_KEY: key32,
  CREDENTIAL_KEYS: credentialKeys,
  DEFAULT_EGRESS_RULES: z
    .string()
    .default("")
    .describe(
      "Comma-separated rules for every workspace: the code host and the package indexes of the machine's configuration.",
    ),
  PROTECTED_ENDPOINTS: z
    .string()
    .optional()
    .transform((text) => (text ?? "").split(",").map((endpoint) => endpoint.trim()))
    .transform((endpoints) => endpoints.filter((endpoint) => endpoint !== ""))
    .pipe(z.array(EndpointText))
    .describe(
      "Comma-separated `host:port` of the platform's own servers, closed to tasks whatever a rule lists, as the database is: Redis, the API, the workers.",
    ),
  PLAN_LIMITS: planLimits,
  LLM_PROVIDERS: jsonText("{}")
    .pipe(LlmConfig)
    .describe("JSON: the stack's `llm`, providers and models. Default: none, and calls of models are refused."),
  LLM_PROVIDER_KEYS: jsonText("{}").pipe(LlmKeys).describe("JSON: provider -> key. A secret."),
  LOG_LEVEL: logLevel,
});
/** The gateway's environment. */
export const GatewayEnv = GatewayVariables.refine(
  (env) => env.SOCKET_PATH !== undefined || env.LISTEN_PORT !== undefined,
  {
    path: ["SOCKET_PATH"],
    message: "give SOCKET_PATH or LISTEN_PORT: the proxy must listen somewhere",
  },
).refine((env) => env.LISTEN_HOST === undefined || env.LISTEN_PORT !== undefined, {
  path: ["LISTEN_PORT"],
  message: "LISTEN_HOST is of no use without LISTEN_PORT",
});
export type GatewayEnv = z.infer<typeof GatewayEnv>;
