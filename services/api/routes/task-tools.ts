import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { ToolDeniedError, ToolNeedsApprovalError } from "../../../contracts/errors.ts";
import { TaskToolAnswer, TaskToolCall, TaskToolList } from "../../../contracts/task-tools.ts";
import { ApiToolName, decideTool, TOOLS, type ToolPolicy } from "../../../contracts/tools.ts";
import type { TaskRunner } from "../../runner/task-runner.ts";
import type { ToolService } from "../../tools/tool-service.ts";
import type { WorkspaceStore } from "../../workspace/workspace-store.ts";
import { taskCallerOf, taskOf } from "../access.ts";
import { whileConnected } from "../while-connected.ts";
import { problems, taskParams } from "./shared.ts";

export interface TaskToolRoutesDeps {
  readonly tools: Pick<ToolService, "call" | "missing">;
  readonly workspaces: Pick<WorkspaceStore, "get">;
  readonly runner: Pick<TaskRunner, "approvals">;
}

const tags = ["tasks"];

/**
 * `/api/tasks/{id}/tools`: the tools that run at the API, for the worker of a running task. Its workspace's policy is
 * asked here as well, so that it holds whatever a worker does.
 */
export const taskToolRoutes: FastifyPluginAsyncZod<TaskToolRoutesDeps> = async (app, deps) => {
  const { tools, workspaces } = deps;

  app.get(
    "/api/tasks/:taskId/tools",
    {
      config: { access: "running-task" },
      schema: {
        tags,
        operationId: "listTaskTools",
        summary: "The API's tools, as the calling task has them",
        description: "For workers: takes the token of the task itself.",
        params: taskParams,
        response: { 200: TaskToolList, ...problems(400, 404, 409) },
      },
    },
    async (request) => {
      const { workspaceId } = taskOf(request);
      const { toolPolicy } = await workspaces.get(workspaceId);
      const list = ApiToolName.options.map((name) => ({
        name,
        decision: decideTool(toolPolicy, name),
        configured: tools.missing(name, workspaceId) === null,
      }));
      return { tools: list };
    },
  );

  app.post(
    "/api/tasks/:taskId/tools/:tool",
    {
      config: { access: "running-task", action: "task.tool.call" },
      schema: {
        tags,
        operationId: "callTaskTool",
        summary: "Call one of the API's tools as the calling task",
        description: "For workers: takes the token of the task itself. Ends with the connection that it was called on.",
        params: taskParams.extend({ tool: ApiToolName }),
        body: TaskToolCall,
        response: { 200: TaskToolAnswer, ...problems(400, 403, 404, 409, 413, 415, 422, 429, 501, 502, 504) },
      },
    },
    async (request, reply) => {
      const { tool, taskId } = request.params;
      const { networkAccess, workspaceId } = taskCallerOf(request);
      if (TOOLS[tool].level === "safe") request.audited = true; // the log is of what may do harm
      const { toolPolicy } = await workspaces.get(workspaceId);
      await requireAllowed(deps, { policy: toolPolicy, tool, taskId, callId: request.body.callId });
      const context = { identity: { workspaceId, taskId }, networkAccess, signal: whileConnected(request, reply) };
      return { output: await tools.call(tool, request.body.input, context) };
    },
  );
};

interface Asked {
  readonly policy: ToolPolicy;
  readonly tool: ApiToolName;
  readonly taskId: string;
  readonly callId: string | undefined;
}

/** @throws ToolDeniedError, or ToolNeedsApprovalError where a person must approve this very call and has not */
async function requireAllowed({ runner }: TaskToolRoutesDeps, { policy, tool, taskId, callId }: Asked): Promise<void> {
  const decision = decideTool(policy, tool);
  if (decision === "deny") throw new ToolDeniedError(tool);
  if (decision === "allow") return;
  const approvals = callId === undefined ? [] : await runner.approvals(taskId);
  const approved = approvals.some((one) => one.callId === callId && one.tool === tool && one.status === "approved");
  if (!approved) throw new ToolNeedsApprovalError(tool);
}
