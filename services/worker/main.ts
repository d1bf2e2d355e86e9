import { hostname } from "node:os";
import { collectDefaultMetrics, Registry } from "prom-client";
import { PlatformError } from "../../contracts/errors.ts";
import { WorkerEnv } from "../../contracts/service-env.ts";
import { startHealthServer } from "../runtime/health.ts";
import { createLogger } from "../runtime/logger.ts";
import { parseEnv } from "../runtime/parse-env.ts";
import { onShutdown } from "../runtime/shutdown.ts";
import { createSandbox } from "../sandbox/create-sandbox.ts";
import { createUsageMeter } from "../workspace/usage/create-usage-meter.ts";
import { CredentialKeyRing } from "../workspace/credentials/key-ring.ts";
import { buildWorker } from "./app.ts";

/** Beside the grace that running tasks get: closing connections and recording what was handed back. */
const SHUTDOWN_SLACK_SECONDS = 10;

const env = parseEnv("worker", WorkerEnv, process.env);
const workerId = env.WORKER_ID ?? `${hostname()}-${process.pid}`;
const log = createLogger({ service: "worker", level: env.LOG_LEVEL });
const registry = new Registry();
collectDefaultMetrics({ register: registry });

const sandbox = createSandbox(env.AUTOMATOS_SANDBOX, { runtimeDir: env.RUNTIME_DIR });
const { problem } = sandbox.status;
if (sandbox.kind === "none") log.warn({ event: "sandbox_none" }, "commands run bare: AUTOMATOS_SANDBOX is none");
else if (problem !== null) log.warn({ event: "sandbox_unavailable", ...problem }, "commands are refused");
else log.info({ event: "sandbox_ready", ...sandbox.status }, "sandbox ready");
/** Why this worker takes no tasks: it may not work without the sandbox that it cannot make. */
const refusal = env.SANDBOX_REQUIRED === true ? problem : null;

const usage = await createUsageMeter({
  rootDir: env.WORKSPACES_DIR,
  setting: env.WORKSPACE_QUOTA,
  logger: log,
}).catch((error: unknown) => {
  const remedy = error instanceof PlatformError ? error.remedy : undefined;
  log.fatal({ event: "start_failed", err: error, remedy }, "the worker cannot start");
  process.exit(1);
});

const credentialKeys = await CredentialKeyRing.create(env.CREDENTIAL_KEYS);
const worker = buildWorker({ env, workerId, sandbox, credentialKeys, usage, log, registry });
const health = await startHealthServer({
  host: env.HEALTH_HOST,
  port: env.HEALTH_PORT,
  registry,
  checks: refusal === null ? worker.checks : { sandbox: () => Promise.reject(new Error(refusal.message)) },
  details: { quota: usage.status },
  log,
});
onShutdown({
  log,
  deadlineMs: (env.SHUTDOWN_GRACE_SECONDS + SHUTDOWN_SLACK_SECONDS) * 1_000,
  close: [...worker.close, { name: "health", close: () => health.close() }],
});
if (refusal === null) await worker.start();
else log.error({ event: "sandbox_required", ...refusal }, "this worker takes no tasks: SANDBOX_REQUIRED is true");
