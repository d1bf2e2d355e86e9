import pg from "pg";
import { Registry } from "prom-client";
import { ToolAdapters, ToolSecrets } from "../../contracts/tool-adapters.ts";
import { resolvePlanLimits } from "../../contracts/plan.ts";
import { buildApp } from "../../services/api/app.ts";
import { CallGrants } from "../../services/api/calls/call-grants.ts";
import { WorkerClient } from "../../services/api/calls/worker-client.ts";
import { WorkerDirectory } from "../../services/api/calls/worker-directory.ts";
import { WorkerContents } from "../../services/api/contents/worker-contents.ts";
import { createApiDeps } from "../../services/api/create-deps.ts";
import { PostgresEventBus } from "../../services/runner/bus/postgres-event-bus.ts";
import { LocalTaskRunner } from "../../services/runner/local-task-runner.ts";
import { createRunnerMetrics } from "../../services/runner/metrics.ts";
import { openWorkflows } from "../../services/runner/workflows/open-workflows.ts";
import { NotificationListener } from "../../services/runtime/listener.ts";
import { createLogger } from "../../services/runtime/logger.ts";
import { CredentialKeyRing } from "../../services/workspace/credentials/key-ring.ts";
import { createAdapters } from "../../services/tools/create-adapters.ts";
import { ToolService } from "../../services/tools/tool-service.ts";
import { WorkspaceStore } from "../../services/workspace/workspace-store.ts";
import { cell, type JsonSchema, rows } from "./schema-table.ts";

interface Operation {
  readonly summary?: string;
  readonly description?: string;
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly required?: boolean;
    readonly description?: string;
  }[];
  readonly requestBody?: { readonly content?: Readonly<Record<string, { readonly schema?: JsonSchema }>> };
  readonly responses?: Readonly<Record<string, unknown>>;
}

/** Every route of the API as Markdown, from the OpenAPI document that the API itself makes. Nothing is connected to. */
export async function describeHttpApi(): Promise<string> {
  const log = createLogger({ service: "reference", level: "error" });
  const planLimits = resolvePlanLimits({});
  const registry = new Registry();
  const pool = new pg.Pool({ connectionString: "postgres://reference@127.0.0.1:1/reference" });
  const runner = new LocalTaskRunner({
    execute: () => Promise.reject(new Error("the reference runs no task")),
    concurrency: 1,
    planOf: async () => "starter",
    planLimits,
    log,
  });
  const workers = new WorkerClient({ directory: new WorkerDirectory({ pool }), grantKey: new Uint8Array(32) });
  const grants = new CallGrants({ workspaces: new WorkspaceStore({ pool }), planLimits });
  const contents = new WorkerContents({ workers, grants });
  const listener = new NotificationListener({ url: "postgres://127.0.0.1:1", applicationName: "reference", log });
  const bus = new PostgresEventBus({ pool, listener, log });
  const flow = openWorkflows({ pool, listener, bus, runner, planLimits, holder: "reference", log });
  const deps = createApiDeps({
    pool,
    runner,
    flow,
    ...{ contents, workers, grants },
    planLimits,
    registry,
    runnerMetrics: createRunnerMetrics(registry),
    tools: new ToolService({ adapters: createAdapters(noTools(pool, contents)), log, registry }),
    credentialKeys: await CredentialKeyRing.create([]),
    taskTokenKey: new Uint8Array(32),
    log,
  });
  const app = await buildApp(deps, { adminToken: "x".repeat(32), version: "1" });
  await app.ready();
  const document = app.swagger() as unknown as {
    readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  };
  await Promise.all([app.close(), runner.close(), pool.end()]);
  return Object.entries(document.paths)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([route, methods]) =>
      Object.entries(methods).map(([method, operation]) => describe(route, method, operation)),
    )
    .join("\n\n");
}

const noTools = (pool: pg.Pool, contents: WorkerContents) => ({
  config: ToolAdapters.parse({}),
  secrets: ToolSecrets.parse({}),
  pool,
  contents,
});

function describe(route: string, method: string, operation: Operation): string {
  const parameters = (operation.parameters ?? []).map(
    ({ name, in: place, required, description }) =>
      `| \`${name}\` | ${place}${required === true ? ", required" : ""} | ${cell(description ?? "")} |`,
  );
  const schema = operation.requestBody?.content?.["application/json"]?.schema;
  const body = schema === undefined ? [] : rows(schema);
  const answers = Object.keys(operation.responses ?? {});
  return [
    `## \`${method.toUpperCase()} ${route}\``,
    [operation.summary, operation.description].filter(Boolean).join("\n\n"),
    parameters.length === 0 ? "" : ["| parameter | in | meaning |", "|---|---|---|", ...parameters].join("\n"),
    body.length === 0 ? "" : ["| body | type | default | meaning |", "|---|---|---|---|", ...body].join("\n"),
    `Answers: ${answers.join(", ")}.`,
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}
