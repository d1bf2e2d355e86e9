import { randomUUID } from "node:crypto";
import type { FastifyRequest } from "fastify";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import type { JsonValue } from "../../../contracts/json.ts";
import * as api from "../../../contracts/workflow.ts";
import { WorkflowRecipe } from "../../../contracts/workflow-recipe.ts";
import type { ExecutionStore } from "../../runner/workflows/execution-store.ts";
import type { WorkflowStore } from "../../runner/workflows/workflow-store.ts";
import { scopedWorkspace } from "../access.ts";
import { WorkspaceRequiredError } from "../errors.ts";
import { problems } from "./shared.ts";

export interface WorkflowRoutesDeps {
  readonly workflows: WorkflowStore;
  readonly executions: ExecutionStore;
}

const tags = ["workflows"];
const params = z.strictObject({ workflowId: api.WorkflowId });
const ONE = "/api/workflows/:workflowId";

/** The workspace that a request names, or its token's. @throws WorkspaceRequiredError */
function workspaceOf(request: FastifyRequest, named: string | undefined): string {
  const workspaceId = scopedWorkspace(request, named);
  if (workspaceId === undefined) throw new WorkspaceRequiredError();
  return workspaceId;
}

/** `/api/workflows`: recipes of the caller's workspace, stored under names, and their execution. */
export const workflowRoutes: FastifyPluginAsyncZod<WorkflowRoutesDeps> = async (app, { workflows, executions }) => {
  app.get(
    "/api/workflows",
    {
      config: { access: "caller" },
      schema: {
        tags,
        operationId: "listWorkflows",
        summary: "The workspace's stored recipes, by name",
        querystring: api.WorkflowQuery,
        response: { 200: api.WorkflowList, ...problems(400, 404) },
      },
    },
    async (request) => ({ items: await workflows.list(workspaceOf(request, request.query.workspaceId)) }),
  );

  app.put(
    ONE,
    {
      config: { access: "caller", action: "workflow.put" },
      schema: {
        tags,
        operationId: "putWorkflow",
        summary: "Store a recipe under a name",
        description:
          "Each change is a new version; earlier ones stay, and what runs goes on with the one that it began with. The same " +
          "contents again are no new version.",
        params,
        querystring: api.WorkflowQuery,
        body: WorkflowRecipe,
        response: { 200: api.WorkflowDetails, ...problems(400, 404, 409, 413, 415, 422) },
      },
    },
    async (request) =>
      workflows.put(workspaceOf(request, request.query.workspaceId), request.params.workflowId, request.body),
  );

  app.get(
    ONE,
    {
      config: { access: "caller" },
      schema: {
        tags,
        operationId: "readWorkflow",
        summary: "A stored recipe, in its newest or in a named version",
        params,
        querystring: api.WorkflowReadQuery,
        response: { 200: api.WorkflowDetails, ...problems(400, 404) },
      },
    },
    async (request) => {
      const { workspaceId, version } = request.query;
      return workflows.get(workspaceOf(request, workspaceId), request.params.workflowId, version);
    },
  );

  app.delete(
    ONE,
    {
      config: { access: "caller", action: "workflow.remove" },
      schema: {
        tags,
        operationId: "removeWorkflow",
        summary: "Remove a stored recipe; its executions go on",
        params,
        querystring: api.WorkflowQuery,
        response: { 204: z.null(), ...problems(400, 404, 409) },
      },
    },
    async (request, reply) => {
      await workflows.remove(workspaceOf(request, request.query.workspaceId), request.params.workflowId);
      return reply.code(204).send(null);
    },
  );

  app.post(
    `${ONE}/execute`,
    {
      config: { access: "caller", action: "workflow.execute" },
      schema: {
        tags,
        operationId: "executeWorkflow",
        summary: "Execute a workflow: the stored recipe, or the one in the request",
        description:
          "Answered when the execution is recorded; from then on it survives every process. Each step is a task, submitted " +
          "when those that it depends on have ended, under the limits that hold for every submission: one that they " +
          "refuse waits. The same executionId with the same contents is the same execution.",
        params,
        body: api.WorkflowExecutionRequest,
        response: { 202: api.WorkflowExecutionDetails, ...problems(400, 404, 409, 413, 415, 422, 429) },
      },
    },
    async (request, reply) => {
      const { executionId = randomUUID(), version, recipe, correlationId, input, ...named } = request.body;
      const workspaceId = workspaceOf(request, named.workspaceId);
      const { workflowId } = request.params;
      const execution = await executions.start({
        ...{ executionId, workspaceId, workflowId, version, recipe, correlationId },
        input: input as JsonValue,
      });
      return reply.code(202).header("location", `/api/workflow-executions/${executionId}`).send(execution);
    },
  );
};
