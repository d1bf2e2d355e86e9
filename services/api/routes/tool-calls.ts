import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import {
  CALL_SLACK_SECONDS,
  Exec,
  GitCall,
  ToolCall,
  ToolCallAnswer,
  ToolCallEvent,
} from "../../../contracts/tool-call.ts";
import { ToolName } from "../../../contracts/tools.ts";
import type { ToolCalls } from "../calls/tool-calls.ts";
import { problems, workspaceParams } from "./shared.ts";

export interface ToolCallRoutesDeps {
  readonly calls: ToolCalls;
}

const tags = ["tools"];
const HOW =
  "One JSON document when it has ended; with `Accept: text/event-stream` or `application/x-ndjson` a stream of its whole " +
  "output as it comes, whose last event is `result` or `error`. The call ends with the connection that it was made on, " +
  "and everything that it started with it.";
const response = {
  200: {
    description: "How it ended, or what happens until then.",
    content: {
      "application/json": { schema: ToolCallAnswer },
      "application/x-ndjson": { schema: ToolCallEvent },
      "text/event-stream": {
        schema: z.strictObject({
          data: z.string().meta({
            contentMediaType: "application/json",
            contentSchema: { $ref: "#/components/schemas/ToolCallEvent" },
          }),
        }),
      },
    },
  },
  ...problems(400, 403, 404, 409, 413, 415, 422, 429, 501, 502, 504, 507),
};

/** `/api/workspaces/{id}/tools/{tool}`, `/exec` and `/git`: tool calls without a task, for agents that live elsewhere. */
export const toolCallRoutes: FastifyPluginAsyncZod<ToolCallRoutesDeps> = async (app, { calls }) => {
  app.post(
    "/api/workspaces/:workspaceId/tools/:tool",
    {
      config: { access: "workspace", action: "tool.call" },
      schema: {
        tags,
        operationId: "callTool",
        summary: "Call a tool and wait for its answer",
        description: HOW,
        params: workspaceParams.extend({ tool: ToolName }),
        body: ToolCall,
        response,
      },
    },
    async (request, reply) => (await calls.answer(request, reply, request.params.tool, request.body)) as never,
  );

  app.post(
    "/api/workspaces/:workspaceId/exec",
    {
      config: { access: "workspace", action: "tool.exec" },
      schema: {
        tags,
        operationId: "exec",
        summary: "Run a command in the workspace's sandbox, as execute_command does",
        description: HOW,
        params: workspaceParams,
        body: Exec,
        response,
      },
    },
    async (request, reply) => {
      const { resources, ...input } = request.body;
      const call = { input, resources, timeoutSeconds: withSlack(input.timeoutSeconds) };
      return (await calls.answer(request, reply, "execute_command", call)) as never;
    },
  );

  app.post(
    "/api/workspaces/:workspaceId/git",
    {
      config: { access: "workspace", action: "tool.git" },
      schema: {
        tags,
        operationId: "git",
        summary: "Run git in a repository of the workspace, as execute_command does",
        description: HOW,
        params: workspaceParams,
        body: GitCall,
        response,
      },
    },
    async (request, reply) => {
      const { args, repository, resources, timeoutSeconds, stdin } = request.body;
      const cwd = repository === undefined ? "repos" : `repos/${repository}`;
      const input = { argv: ["git", ...args], cwd, timeoutSeconds, ...(stdin === undefined ? {} : { stdin }) };
      const call = { input, resources, timeoutSeconds: withSlack(timeoutSeconds) };
      return (await calls.answer(request, reply, "execute_command", call)) as never;
    },
  );
};

const withSlack = (seconds: number): number => seconds + CALL_SLACK_SECONDS;
