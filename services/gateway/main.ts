import { collectDefaultMetrics, Registry } from "prom-client";
import { modelAliases } from "../../contracts/llm.ts";
import { GatewayEnv } from "../../contracts/service-env.ts";
import { createPool } from "../runtime/database.ts";
import { startHealthServer } from "../runtime/health.ts";
import { createLogger } from "../runtime/logger.ts";
import { parseEnv } from "../runtime/parse-env.ts";
import { onShutdown } from "../runtime/shutdown.ts";
import { taskTokenKey, verifyTaskToken } from "../runtime/task-token.ts";
import { buildGateway } from "./app.ts";
import { CredentialReader } from "../workspace/credentials/credential-reader.ts";
import { CredentialKeyRing } from "../workspace/credentials/key-ring.ts";
import { GitGateway } from "./git/git-gateway.ts";
import { LlmGateway } from "./llm/llm-gateway.ts";
import { PostgresTokenLedger } from "./llm/postgres-token-ledger.ts";
import { CachedEgressRuleStore } from "./egress-rule-store.ts";
import { resolveBySystem } from "./name-resolver.ts";
import { PostgresEgressRuleStore } from "./postgres-egress-rule-store.ts";
import { databaseEndpoint, ProtectedEndpoints } from "./protected-endpoints.ts";

/** Tunnels that are open when the gateway is told to stop may go on for so long. */
const SHUTDOWN_GRACE_MS = 5_000;
const LEDGER_TIMEOUT_MS = 5_000;
const LOOPBACK = "127.0.0.1";

const env = parseEnv("gateway", GatewayEnv, process.env);
const log = createLogger({ service: "gateway", level: env.LOG_LEVEL });
const registry = new Registry();
collectDefaultMetrics({ register: registry });

const pool = createPool({ url: env.DATABASE_URL, applicationName: "automatos-gateway", log, max: 4 });
const rules = new PostgresEgressRuleStore({ pool });
const key = taskTokenKey(env.TASK_TOKEN_KEY);

// Apart from the other pool: calls that wait for one another's reservations must not hold up the proxy.
const ledgerPool = createPool({
  ...{ url: env.DATABASE_URL, applicationName: "automatos-gateway llm", log, max: 4 },
  statementTimeoutMs: LEDGER_TIMEOUT_MS,
});
const ledger = new PostgresTokenLedger({ pool: ledgerPool, planLimits: env.PLAN_LIMITS, log });
const llm = new LlmGateway({ config: env.LLM_PROVIDERS, keys: env.LLM_PROVIDER_KEYS, ledger, log, registry });
const credentials = new CredentialReader({ pool, keys: await CredentialKeyRing.create(env.CREDENTIAL_KEYS) });
const closed = new ProtectedEndpoints([databaseEndpoint(env.DATABASE_URL), ...env.PROTECTED_ENDPOINTS], (name) =>
  resolveBySystem(name, { signal: AbortSignal.timeout(5_000) }),
);
closed.start();
const gateway = buildGateway({
  verifyToken: (token) => verifyTaskToken(token, key),
  rules: new CachedEgressRuleStore({ store: rules }),
  defaultRules: env.DEFAULT_EGRESS_RULES.split(",")
    .map((rule) => rule.trim())
    .filter((rule) => rule !== ""),
  log,
  registry,
  own: [llm, new GitGateway({ credentials })],
  isProtected: (address, toPort) => closed.isProtected(address, toPort),
});

if (modelAliases(env.LLM_PROVIDERS).length > 0) ledger.start();
const { SOCKET_PATH: socketPath, LISTEN_HOST: host = LOOPBACK, LISTEN_PORT: port } = env;
if (socketPath !== undefined) await gateway.listen(socketPath);
const listening = port === undefined ? undefined : await gateway.listenOnTcp({ host, port });
const health = await startHealthServer({
  host: env.HEALTH_HOST,
  port: env.HEALTH_PORT,
  registry,
  checks: { proxy: () => gateway.check(), database: () => rules.check() },
  log,
});
log.info({ event: "gateway_started", socketPath, ...listening, healthPort: health.port }, "gateway started");

onShutdown({
  log,
  deadlineMs: SHUTDOWN_GRACE_MS * 2,
  close: [
    { name: "proxy", close: () => gateway.close({ graceMs: SHUTDOWN_GRACE_MS }) },
    { name: "protected endpoints", close: async () => closed.close() },
    { name: "providers", close: () => llm.close() },
    { name: "tokens", close: () => ledger.close() },
    { name: "health", close: () => health.close() },
    { name: "database", close: () => Promise.all([pool.end(), ledgerPool.end()]) },
  ],
});
