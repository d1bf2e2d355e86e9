import { randomUUID } from "node:crypto";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import * as api from "../../../contracts/workflow.ts";
import type { ExecutionEvents } from "../../runner/workflows/execution-events.ts";
import type { ExecutionStore } from "../../runner/workflows/execution-store.ts";
import { scopedWorkspace, scopeOf } from "../access.ts";
import type { EventStreams } from "../event-streams.ts";
import { problems } from "./shared.ts";
import { encodeEvent, eventsQuery, eventStream, resume, tellLag } from "./shared-streams.ts";

export interface WorkflowExecutionRoutesDeps {
  readonly executions: ExecutionStore;
  readonly executionEvents: Pick<ExecutionEvents, "follow" | "isOver">;
  readonly streams: EventStreams;
}

const tags = ["workflows"];
const params = z.strictObject({ executionId: z.uuid().toLowerCase() });
const ALL = "/api/workflow-executions";
const ONE = `${ALL}/:executionId`;

/** `/api/workflow-executions`: list, read, cancel, retry and follow executions of the caller's workspace. */
export const workflowExecutionRoutes: FastifyPluginAsyncZod<WorkflowExecutionRoutesDeps> = async (app, deps) => {
  const { executions, executionEvents, streams } = deps;

  app.get(
    ALL,
    {
      config: { access: "caller" },
      schema: {
        tags,
        operationId: "listWorkflowExecutions",
        summary: "List executions, the newest first",
        querystring: api.WorkflowExecutionQuery,
        response: { 200: api.WorkflowExecutionList, ...problems(400, 404) },
      },
    },
    async (request) =>
      executions.list({ ...request.query, workspaceId: scopedWorkspace(request, request.query.workspaceId) }),
  );

  app.get(
    ONE,
    {
      config: { access: "caller" },
      schema: {
        tags,
        operationId: "readWorkflowExecution",
        summary: "Where an execution and each of its steps stand",
        params,
        response: { 200: api.WorkflowExecutionDetails, ...problems(400, 404) },
      },
    },
    async (request) => executions.get(request.params.executionId, scopeOf(request)),
  );

  app.post(
    `${ONE}/cancel`,
    {
      config: { access: "caller", action: "workflow.cancel" },
      schema: {
        tags,
        operationId: "cancelWorkflowExecution",
        summary: "Ask a whole execution to stop",
        description:
          "202: nothing more is submitted, and what runs is killed within 2 s. 200: it had already ended, nothing changed.",
        params,
        response: { 200: api.WorkflowCancellation, 202: api.WorkflowCancellation, ...problems(400, 404) },
      },
    },
    async (request, reply) => {
      const { executionId } = request.params;
      const accepted = await executions.cancel(executionId, scopeOf(request));
      return reply.code(accepted ? 202 : 200).send({ accepted, execution: await executions.get(executionId) });
    },
  );

  app.post(
    `${ONE}/retry`,
    {
      config: { access: "caller", action: "workflow.retry" },
      schema: {
        tags,
        operationId: "retryWorkflowExecution",
        summary: "Go on with what did not complete, as a new execution that keeps what did",
        params,
        body: api.WorkflowRetryRequest.nullish(),
        response: { 202: api.WorkflowExecutionDetails, ...problems(400, 404, 409, 413, 415, 429) },
      },
    },
    async (request, reply) => {
      const newExecutionId = request.body?.newExecutionId ?? randomUUID();
      const execution = await executions.retry(request.params.executionId, newExecutionId, scopeOf(request));
      return reply.code(202).header("location", `${ALL}/${newExecutionId}`).send(execution);
    },
  );

  app.get(
    `${ONE}/events`,
    {
      config: { access: "caller" },
      schema: {
        tags,
        operationId: "followWorkflowExecution",
        summary: "Events of an execution and of all its tasks, in one order, as server-sent events",
        description:
          "Replays from the beginning, or after `Last-Event-ID`, then follows live and ends after `workflow_ended`. `id` is " +
          "the event's number in the whole, without gaps and the same for all who follow; `data` is the event as JSON.",
        params,
        querystring: eventsQuery,
        ...resume,
        response: {
          200: { description: "The events.", content: eventStream("WorkflowEvent") },
          204: z.null().describe("It has ended and every event was seen: do not come back."),
          ...problems(400, 404, 429),
        },
      },
    },
    async (request, reply) => {
      const from = request.headers["last-event-id"] ?? request.query.after ?? 0;
      const { executionId } = await executions.get(request.params.executionId, scopeOf(request));
      if (from > 0 && (await executionEvents.isOver(executionId, from))) return reply.code(204).send(null);
      return streams.send(request, reply, {
        mediaType: "text/event-stream",
        open: (signal, comment) =>
          executionEvents.follow(executionId, { after: from, signal, onBehind: tellLag(comment) }),
        encode: encodeEvent,
      });
    },
  );
};
