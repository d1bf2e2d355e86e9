import { randomUUID } from "node:crypto";
import websocket from "@fastify/websocket";
import fastify, { LogController, type FastifyBaseLogger, type FastifyInstance } from "fastify";
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from "fastify-type-provider-zod";
import { Gauge, type Registry } from "prom-client";
import { TERMINAL_PROTOCOL } from "../../contracts/terminal.ts";
import type { RunnerMetrics } from "../runner/metrics.ts";
import type { TaskRunner } from "../runner/task-runner.ts";
import type { ToolService } from "../tools/tool-service.ts";
import { actorOf, guardRoutes, type AccessDeps } from "./access.ts";
import { auditMutations } from "./audit-mutations.ts";
import type { AuditLog } from "./audit-log.ts";
import type { TicketStore } from "./calls/ticket-store.ts";
import type { ToolCalls } from "./calls/tool-calls.ts";
import { EventStreams, type EventStreamsOptions } from "./event-streams.ts";
import { PrometheusMetrics } from "./metrics.ts";
import { serveOpenApi } from "./openapi.ts";
import { limitBodies, type BodyTimes } from "./body-deadlines.ts";
import { closeConnectionsGracefully } from "./graceful-close.ts";
import type { Operations } from "./operations.ts";
import { answerFrameworkError, answerProblems, answerUnreadableRequest } from "./problem.ts";
import { adminRoutes } from "./routes/admin.ts";
import { approvalRoutes, type ApprovalRoutesDeps } from "./routes/approvals.ts";
import { backupRoutes, type BackupRoutesDeps } from "./routes/backups.ts";
import { credentialRoutes, type CredentialRoutesDeps } from "./routes/credentials.ts";
import { deadLetterRoutes, type DeadLetterRoutesDeps } from "./routes/dead-letters.ts";
import { egressRoutes, type EgressRoutesDeps } from "./routes/egress.ts";
import { fileRoutes } from "./routes/files.ts";
import { llmRoutes, type LlmRoutesDeps } from "./routes/llm.ts";
import { moveRoutes, type MoveRoutesDeps } from "./routes/moves.ts";
import { scheduleRoutes, type ScheduleRoutesDeps } from "./routes/schedules.ts";
import { serviceRoutes, type ServiceRoutesDeps } from "./routes/service.ts";
import { taskStreamRoutes } from "./routes/task-streams.ts";
import { taskRoutes } from "./routes/tasks.ts";
import { taskToolRoutes } from "./routes/task-tools.ts";
import { terminalRoutes } from "./routes/terminal.ts";
import { tokenRoutes } from "./routes/tokens.ts";
import { toolCallRoutes } from "./routes/tool-calls.ts";
import { workflowExecutionRoutes, type WorkflowExecutionRoutesDeps } from "./routes/workflow-executions.ts";
import { workflowRoutes, type WorkflowRoutesDeps } from "./routes/workflows.ts";
import { workspaceFileRoutes, type WorkspaceFileRoutesDeps } from "./routes/workspace-files.ts";
import { workspaceRoutes, type WorkspaceRoutesDeps } from "./routes/workspaces.ts";
import { refuseUnstorableText } from "./storable-requests.ts";
import type { TaskListing } from "./task-listing.ts";
import { hashToken, type TokenStore } from "./token-store.ts";

/** What the API needs from the rest of the system. `createApiDeps` makes it from a database and a folder. */
export interface ApiDeps extends WorkspaceRoutesDeps, WorkspaceFileRoutesDeps, EgressRoutesDeps, LlmRoutesDeps {
  readonly tools: ToolService;
  readonly moves: MoveRoutesDeps["moves"];
  readonly moveRecords: MoveRoutesDeps["moveRecords"];
  /** Tool calls and terminals without a task. */
  readonly calls: ToolCalls;
  readonly tickets: TicketStore;
  readonly credentials: CredentialRoutesDeps["credentials"];
  /** Who holds a task's token for the API; rejects for one that is not good. */
  readonly verifyTaskToken: AccessDeps["verifyTaskToken"];
  readonly workspaces: WorkspaceRoutesDeps["workspaces"] & EgressRoutesDeps["workspaces"];
  readonly runner: TaskRunner;
  readonly tasks: TaskListing;
  readonly tokens: TokenStore;
  readonly audit: AuditLog;
  readonly listApprovals: ApprovalRoutesDeps["listApprovals"];
  readonly deadLetters: DeadLetterRoutesDeps["deadLetters"];
  readonly backups: BackupRoutesDeps["backups"];
  readonly schedules: ScheduleRoutesDeps["schedules"];
  readonly runSchedule: ScheduleRoutesDeps["runSchedule"];
  readonly workflows: WorkflowRoutesDeps["workflows"];
  readonly executions: WorkflowRoutesDeps["executions"];
  readonly executionEvents: WorkflowExecutionRoutesDeps["executionEvents"];
  readonly operations: Operations;
  readonly readiness: ServiceRoutesDeps["readiness"];
  /** Rendered at /metrics. */
  readonly registry: Registry;
  readonly runnerMetrics: RunnerMetrics;
  readonly log: FastifyBaseLogger;
}

export interface ApiOptions {
  /** Bearer token of the first administrator. */
  readonly adminToken: string;
  /** Of the product; shown in the OpenAPI document. */
  readonly version: string;
  /**
   * Largest request body in bytes: a `write_file` step may carry 10 MiB.
   * @default 16 MiB
   */
  readonly bodyLimitBytes?: number;
  readonly streams?: EventStreamsOptions;
  readonly bodyTimes?: BodyTimes;
}

const BODY_LIMIT_BYTES = 16 * 1_024 * 1_024;
/** Of a terminal: what is typed or pasted at once. */
const MAX_MESSAGE_BYTES = 1_024 * 1_024;

/** On every answer. The docs page replaces the content policy with its own. */
const SECURITY_HEADERS = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};

/** Builds the API; the caller listens, or injects. `close()` ends open streams and waits for running requests. */
export async function buildApp(deps: ApiDeps, options: ApiOptions): Promise<FastifyInstance> {
  const app = fastify({
    loggerInstance: deps.log,
    genReqId: () => randomUUID(),
    // Fastify's own two lines per request hold the query, and in it what may be private.
    logController: new LogController({ requestIdLogLabel: "requestId", disableRequestLogging: true }),
    frameworkErrors: answerFrameworkError,
    clientErrorHandler: answerUnreadableRequest,
    bodyLimit: options.bodyLimitBytes ?? BODY_LIMIT_BYTES,
    requestTimeout: 0, // bodies have their times by route; headers have Node's 60 s
    exposeHeadRoutes: false,
    return503OnClosing: false, // who still has a connection is served; it is closed with the answer
    routerOptions: { maxParamLength: 500 },
  }).withTypeProvider<ZodTypeProvider>();
  app.removeContentTypeParser("text/plain"); // JSON is all that any route takes
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);

  const streams = new EventStreams(options.streams);
  countStreams(deps.registry, streams);
  const metrics = new PrometheusMetrics({ ...deps, runner: deps.runnerMetrics });
  app.addHook("onRequest", async (request, reply) => {
    void reply.headers({ ...SECURITY_HEADERS, "x-request-id": request.id });
  });
  app.addHook("preClose", async () => streams.close());
  app.addHook("onClose", () => deps.calls.workers.close());
  closeConnectionsGracefully(app);
  limitBodies(app, options.bodyTimes);
  guardRoutes(app, {
    adminTokenHash: hashToken(options.adminToken),
    tokens: deps.tokens,
    taskStatus: (taskId) => deps.runner.status(taskId),
    verifyTaskToken: deps.verifyTaskToken,
    requireOpen: (workspaceId) => deps.moves.requireOpen(workspaceId),
    takeTicket: (ticket) => deps.tickets.take(ticket),
  });
  answerProblems(app);
  refuseUnstorableText(app);
  auditMutations(app, deps);
  metrics.observe(app);
  logRequests(app);

  await serveOpenApi(app, options.version);
  await app.register(websocket, {
    options: {
      maxPayload: MAX_MESSAGE_BYTES,
      perMessageDeflate: false,
      // A browser must be answered one of those that it offered, and the ticket is none.
      handleProtocols: (offered) => (offered.has(TERMINAL_PROTOCOL) ? TERMINAL_PROTOCOL : false),
    },
  });
  await app.register(serviceRoutes, { version: options.version, metrics, readiness: deps.readiness });
  await app.register(taskRoutes, { ...deps, closing: streams.closing });
  await app.register(taskToolRoutes, deps);
  await app.register(approvalRoutes, deps);
  await app.register(taskStreamRoutes, { ...deps, streams });
  await app.register(workspaceRoutes, deps);
  await app.register(egressRoutes, deps);
  await app.register(moveRoutes, deps);
  await app.register(backupRoutes, deps);
  await app.register(scheduleRoutes, deps);
  await app.register(workflowRoutes, deps);
  await app.register(workflowExecutionRoutes, { ...deps, streams });
  await app.register(workspaceFileRoutes, deps);
  await app.register(llmRoutes, deps);
  await app.register(toolCallRoutes, deps);
  await app.register(fileRoutes, deps);
  await app.register(terminalRoutes, deps);
  await app.register(tokenRoutes, deps);
  await app.register(credentialRoutes, deps);
  await app.register(adminRoutes, deps);
  await app.register(deadLetterRoutes, deps);
  return app;
}

function countStreams(registry: Registry, streams: EventStreams): void {
  new Gauge({
    name: "automatos_event_streams",
    help: "Event and log streams that this process serves.",
    registers: [registry],
    collect() {
      this.set(streams.count);
    },
  });
}

/** One line per request, when it has been answered. */
function logRequests(app: FastifyInstance): void {
  app.addHook("onResponse", async (request, reply) => {
    const { method, routeOptions, caller, params, problemCode } = request;
    request.log.info(
      {
        event: "request_served",
        ...(params as object),
        actor: caller === undefined ? undefined : actorOf(caller),
        method,
        route: routeOptions.url,
        status: reply.statusCode,
        code: problemCode,
        durationMs: Math.round(reply.elapsedTime),
      },
      "request served",
    );
  });
}
