import { randomUUID } from "node:crypto";
import type { ContentsCaller } from "../../workspace/contents/workspace-contents.ts";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import * as api from "../../../contracts/http-api.ts";
import type { PlanLimits, PlanTier } from "../../../contracts/plan.ts";
import { ApiToolName, decideTool, ToolName, ToolPolicy, TOOLS } from "../../../contracts/tools.ts";
import { Workspace, WorkspaceUsage } from "../../../contracts/workspace.ts";
import type { ToolService } from "../../tools/tool-service.ts";
import type { WorkspaceStore } from "../../workspace/workspace-store.ts";
import { scopeOf } from "../access.ts";
import { callerOf } from "../contents/caller-of.ts";
import { problems, workspaceParams } from "./shared.ts";

/** The workspaces of the record. */
export type WorkspaceRecords = Pick<WorkspaceStore, "create" | "get" | "list" | "updatePlan" | "updateToolPolicy">;

export interface WorkspaceRoutesDeps {
  readonly workspaces: WorkspaceRecords;
  readonly planLimits: Readonly<Record<PlanTier, PlanLimits>>;
  readonly usage: (workspace: Workspace, caller: ContentsCaller) => Promise<WorkspaceUsage>;
  readonly tools: Pick<ToolService, "missing">;
}

const tags = ["workspaces"];
const params = workspaceParams;

/** `/api/workspaces`: a tenant's limits and rules. What loosens them takes an admin token. */
export const workspaceRoutes: FastifyPluginAsyncZod<WorkspaceRoutesDeps> = async (app, deps) => {
  const { workspaces, planLimits, usage, tools } = deps;
  const planOf = ({ plan }: Workspace): api.WorkspacePlan => ({ plan, limits: planLimits[plan] });
  const toolsOf = ({ toolPolicy, workspaceId }: Workspace): api.WorkspaceTools => ({
    policy: toolPolicy,
    tools: ToolName.options.map((name) => {
      const { side, level } = TOOLS[name];
      const { data: apiTool } = ApiToolName.safeParse(name);
      const key = apiTool === undefined ? null : tools.missing(apiTool, workspaceId);
      const notConfigured = key === null ? null : `not configured: ${key}`;
      return { name, side, level, decision: decideTool(toolPolicy, name), configured: key === null, notConfigured };
    }),
  });

  app.post(
    "/api/workspaces",
    {
      config: { access: "admin", action: "workspace.create" },
      schema: {
        tags,
        operationId: "createWorkspace",
        summary: "Create a workspace",
        body: api.WorkspaceCreation,
        response: { 201: Workspace, ...problems(400, 403, 409, 413, 415) },
      },
    },
    async (request, reply) => {
      const { workspaceId = randomUUID(), ...contents } = request.body;
      const workspace = await workspaces.create({ ...contents, workspaceId });
      return reply.code(201).header("location", `/api/workspaces/${workspaceId}`).send(workspace);
    },
  );

  app.get(
    "/api/workspaces",
    {
      config: { access: "caller" },
      schema: {
        tags,
        operationId: "listWorkspaces",
        summary: "The workspaces that the token may see",
        querystring: api.PageQuery,
        response: { 200: api.WorkspaceList, ...problems(400) },
      },
    },
    async (request) => {
      const scope = scopeOf(request);
      if (scope !== undefined) return { items: [await workspaces.get(scope)], nextCursor: null };
      const { limit, cursor } = request.query;
      const page = await workspaces.list({ limit, ...(cursor === undefined ? {} : { cursor }) });
      return { items: page.workspaces, nextCursor: page.nextCursor };
    },
  );

  app.get(
    "/api/workspaces/:workspaceId",
    {
      config: { access: "workspace" },
      schema: {
        tags,
        operationId: "readWorkspace",
        summary: "A workspace",
        params,
        response: { 200: Workspace, ...problems(400, 404) },
      },
    },
    async (request) => workspaces.get(request.params.workspaceId),
  );

  app.get(
    "/api/workspaces/:workspaceId/plan",
    {
      config: { access: "workspace" },
      schema: {
        tags,
        operationId: "readPlan",
        summary: "The plan and its limits",
        params,
        response: { 200: api.WorkspacePlan, ...problems(400, 404) },
      },
    },
    async (request) => planOf(await workspaces.get(request.params.workspaceId)),
  );

  app.put(
    "/api/workspaces/:workspaceId/plan",
    {
      config: { access: "workspace-admin", action: "workspace.plan.set" },
      schema: {
        tags,
        operationId: "setPlan",
        summary: "Move the workspace to another plan",
        params,
        body: api.WorkspacePlanChange,
        response: { 200: api.WorkspacePlan, ...problems(400, 403, 404, 413, 415) },
      },
    },
    async (request) => planOf(await workspaces.updatePlan(request.params.workspaceId, request.body.plan)),
  );

  app.get(
    "/api/workspaces/:workspaceId/usage",
    {
      config: { access: "workspace" },
      schema: {
        tags,
        operationId: "readUsage",
        summary: "What the workspace uses of its limits",
        params,
        response: { 200: WorkspaceUsage, ...problems(400, 404, 429, 502) },
      },
    },
    async (request, reply) => usage(await workspaces.get(request.params.workspaceId), callerOf(request, reply)),
  );

  app.get(
    "/api/workspaces/:workspaceId/tools",
    {
      config: { access: "workspace" },
      schema: {
        tags,
        operationId: "readToolPolicy",
        summary: "What the workspace lets its agents do",
        params,
        response: { 200: api.WorkspaceTools, ...problems(400, 404) },
      },
    },
    async (request) => toolsOf(await workspaces.get(request.params.workspaceId)),
  );

  app.put(
    "/api/workspaces/:workspaceId/tools",
    {
      config: { access: "workspace-admin", action: "workspace.tools.set" },
      schema: {
        tags,
        operationId: "setToolPolicy",
        summary: "Replace the tool policy",
        params,
        body: ToolPolicy,
        response: { 200: api.WorkspaceTools, ...problems(400, 403, 404, 413, 415) },
      },
    },
    async (request) => toolsOf(await workspaces.updateToolPolicy(request.params.workspaceId, request.body)),
  );
};
