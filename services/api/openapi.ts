import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import type { FastifyInstance } from "fastify";
import { jsonSchemaTransform, jsonSchemaTransformObject } from "fastify-type-provider-zod";
import { z } from "zod";
import * as api from "../../contracts/http-api.ts";
import { PlanLimits, PlanTier } from "../../contracts/plan.ts";
import { TaskError, TaskResult, TaskState, TaskStatus } from "../../contracts/task.ts";
import { TaskEvent } from "../../contracts/task-event.ts";
import { WorkflowExecution, WorkflowExecutionDetails } from "../../contracts/workflow.ts";
import { WorkflowEvent } from "../../contracts/workflow-event.ts";
import { WorkflowStep } from "../../contracts/workflow-recipe.ts";
import { CallResources, ToolCallAnswer, ToolCallEvent } from "../../contracts/tool-call.ts";
import { TaskStep, ToolPolicy } from "../../contracts/tools.ts";
import { Artifact, CachedRepository, Workspace, WorkspaceUsage } from "../../contracts/workspace.ts";

/** Schemas that are components of the document; others stand where they are used. */
const COMPONENTS = {
  JsonValue: TaskResult.shape.result.unwrap(), // refers to itself, so it must have a name
  Problem: api.Problem,
  TaskSubmission: api.TaskSubmission,
  TaskStep,
  TaskStatus,
  TaskState,
  TaskResult,
  TaskError,
  TaskEvent,
  WorkflowStep,
  WorkflowExecution,
  WorkflowExecutionDetails,
  WorkflowEvent,
  ToolCallAnswer,
  ToolCallEvent,
  CallResources,
  TaskList: api.TaskList,
  TaskCancellation: api.TaskCancellation,
  LogEntry: api.LogEntry,
  Workspace,
  WorkspaceCreation: api.WorkspaceCreation,
  WorkspaceUsage,
  WorkspacePlan: api.WorkspacePlan,
  WorkspaceTools: api.WorkspaceTools,
  PlanTier,
  PlanLimits,
  ToolPolicy,
  EgressRules: api.EgressRules,
  CachedRepository,
  Artifact,
  ApiToken: api.ApiToken,
  CreatedToken: api.CreatedToken,
  Caller: api.Caller,
  WorkerInfo: api.WorkerInfo,
  QueueDepth: api.QueueDepth,
  AuditEntry: api.AuditEntry,
};

/** The page loads nothing from elsewhere, so that it also works where there is no network. */
const DOCS_CSP =
  "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'self'; frame-ancestors 'none'";

/** Serves the document at /openapi.json and a page to read and try it at /docs. Register before the routes. */
export async function serveOpenApi(app: FastifyInstance, version: string): Promise<void> {
  for (const [id, schema] of Object.entries(COMPONENTS)) {
    z.globalRegistry.add(schema, { ...z.globalRegistry.get(schema), id });
  }

  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Automatos compute",
        version,
        description:
          "Runs AI agents' tasks in isolated, persistent workspaces. Every error is a problem document (RFC 9457) " +
          "whose `code` is stable and whose `remedy` names the next step.",
      },
      components: { securitySchemes: { token: { type: "http", scheme: "bearer" } } },
      security: [{ token: [] }],
      tags: [
        { name: "tasks", description: "Submit, follow, cancel and repeat tasks." },
        { name: "workflows", description: "Tasks that depend on one another, as one execution." },
        { name: "workspaces", description: "A tenant's place to work: limits, files, rules, tokens." },
        {
          name: "tools",
          description: "Tools, commands, files and terminals without a task, for agents that live elsewhere.",
        },
        { name: "moves", description: "Carry a workspace to another installation; admin tokens only." },
        { name: "backups", description: "Backups of a workspace's files, restores, and checks of backups." },
        { name: "admin", description: "For operators; admin tokens only." },
        { name: "service", description: "Health, metrics and who a token speaks for." },
      ],
    },
    transform: jsonSchemaTransform,
    transformObject: (document) => withoutUnusedComponents(jsonSchemaTransformObject(document)),
  });
  app.get("/openapi.json", { config: { access: "public" }, schema: { hide: true } }, async () => app.swagger());
  await app.register(swaggerUi, {
    routePrefix: "/docs",
    staticCSP: DOCS_CSP,
    uiConfig: { persistAuthorization: false, tryItOutEnabled: true, validatorUrl: null },
  });
}

const COMPONENT_REFERENCE = /"\$ref":"#\/components\/schemas\/([^"]+)"/g;

/** Each schema is made for requests and for answers; most are used for one of them. */
function withoutUnusedComponents<Document extends object>(document: Document): Document {
  const { components, paths } = document as { components?: { schemas?: Record<string, unknown> }; paths?: unknown };
  const schemas = components?.schemas ?? {};
  const used = new Set<string>();
  const visit = (value: unknown): void => {
    for (const [, name = ""] of JSON.stringify(value ?? null).matchAll(COMPONENT_REFERENCE)) {
      if (used.has(name)) continue;
      used.add(name);
      visit(schemas[name]);
    }
  };
  visit(paths);
  const kept = Object.fromEntries(Object.entries(schemas).filter(([name]) => used.has(name)));
  return { ...document, components: { ...components, schemas: kept } };
}
