import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { Approval } from "../../../contracts/approval.ts";
import * as api from "../../../contracts/approval-api.ts";
import type { ApprovalFilter } from "../../runner/pauses/list-approvals.ts";
import type { TaskRunner } from "../../runner/task-runner.ts";
import { actorOf, scopedWorkspace } from "../access.ts";
import { approverOf } from "../approvers.ts";
import { problems, taskParams } from "./shared.ts";

export interface ApprovalRoutesDeps {
  readonly runner: Pick<TaskRunner, "approvals" | "answer">;
  readonly listApprovals: (filter: ApprovalFilter) => Promise<api.ApprovalPage>;
}

const tags = ["tasks"];

/** What tasks ask people before they go on, and the answers. */
export const approvalRoutes: FastifyPluginAsyncZod<ApprovalRoutesDeps> = async (app, { runner, listApprovals }) => {
  app.get(
    "/api/approvals",
    {
      config: { access: "caller" },
      schema: {
        tags,
        operationId: "listApprovals",
        summary: "Questions of tasks, the newest first",
        querystring: api.ApprovalListQuery,
        response: { 200: api.ApprovalPage, ...problems(400, 404) },
      },
    },
    async (request) => {
      const { workspaceId: named, ...query } = request.query;
      return listApprovals({ ...query, workspaceId: scopedWorkspace(request, named) });
    },
  );

  app.get(
    "/api/tasks/:taskId/approvals",
    {
      config: { access: "task" },
      schema: {
        tags,
        operationId: "listTaskApprovals",
        summary: "What a task has asked, the first question first",
        params: taskParams,
        response: { 200: api.TaskApprovals, ...problems(400, 404) },
      },
    },
    async (request) => ({ items: await runner.approvals(request.params.taskId) }),
  );

  app.post(
    "/api/tasks/:taskId/approvals/:callId",
    {
      config: { access: "task", action: "approval.answer" },
      schema: {
        tags,
        operationId: "answerApproval",
        summary: "Allow or deny a tool call that a task waits for",
        description:
          "With an admin token, or a workspace's token that was made with `mayApprove`. The same decision again changes " +
          "nothing and is answered like the first; another one is refused with 409, and so is an answer that comes too late.",
        params: api.ApprovalParams,
        body: api.ApprovalAnswerRequest,
        response: { 200: Approval, ...problems(400, 403, 404, 409, 413, 415) },
      },
    },
    async (request) => {
      const { taskId, callId } = request.params;
      const { decision, comment = null } = request.body;
      return runner.answer(taskId, callId, { decision, comment, by: actorOf(approverOf(request)) });
    },
  );
};
