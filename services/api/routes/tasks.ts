import { randomUUID } from "node:crypto";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import * as api from "../../../contracts/http-api.ts";
import { TaskResult, TaskStatus } from "../../../contracts/task.ts";
import { checkRunnable } from "../../runner/submission.ts";
import type { TaskRunner } from "../../runner/task-runner.ts";
import { scopedWorkspace, taskOf } from "../access.ts";
import { WorkspaceRequiredError } from "../errors.ts";
import type { TaskListing } from "../task-listing.ts";
import { problems, taskParams } from "./shared.ts";

export interface TaskRoutesDeps {
  readonly runner: TaskRunner;
  readonly tasks: TaskListing;
  /** Fires when the process stops: ends the waiting for results. */
  readonly closing: AbortSignal;
}

const tags = ["tasks"];
const taskPath = (taskId: string): string => `/api/tasks/${taskId}`;
const waitQuery = z.strictObject({
  wait: z.coerce
    .number()
    .min(0)
    .max(api.MAX_WAIT_SECONDS)
    .default(0)
    .describe("Seconds to wait for the end; the answer comes as soon as it is there."),
});

/** `/api/tasks`: submit, list, read, cancel, wait for and repeat tasks of the caller's workspace. */
export const taskRoutes: FastifyPluginAsyncZod<TaskRoutesDeps> = async (app, deps) => {
  const { runner, tasks, closing } = deps;

  app.post(
    "/api/tasks",
    {
      config: { access: "caller", action: "task.submit" },
      schema: {
        tags,
        operationId: "submitTask",
        summary: "Submit a task",
        description:
          "Answered when the task is recorded. The same id with the same contents is the same task. A task has a prompt " +
          "for a model, steps, or both: then the steps come first and the model sees what they brought.",
        body: api.TaskSubmission,
        response: { 202: TaskStatus, ...problems(400, 404, 409, 413, 415, 422, 429) },
      },
    },
    async (request, reply) => {
      const workspaceId = scopedWorkspace(request, request.body.workspaceId);
      if (workspaceId === undefined) throw new WorkspaceRequiredError();
      const taskId = request.body.taskId ?? randomUUID();
      const task = { ...request.body, taskId, workspaceId };
      checkRunnable(task);
      const status = await runner.submit(task);
      return reply.code(202).header("location", taskPath(taskId)).send(status);
    },
  );

  app.get(
    "/api/tasks",
    {
      config: { access: "caller" },
      schema: {
        tags,
        operationId: "listTasks",
        summary: "List tasks, the newest first",
        querystring: api.TaskListQuery,
        response: { 200: api.TaskList, ...problems(400, 404) },
      },
    },
    async (request) => {
      const workspaceId = scopedWorkspace(request, request.query.workspaceId);
      return tasks.list({ ...request.query, workspaceId });
    },
  );

  app.get(
    "/api/tasks/:taskId",
    {
      config: { access: "task" },
      schema: {
        tags,
        operationId: "readTask",
        summary: "Where a task stands, and what was submitted",
        params: taskParams,
        response: { 200: api.TaskDetails, ...problems(400, 404) },
      },
    },
    async (request) => {
      const { taskId } = request.params;
      const [task, waiting] = await Promise.all([tasks.definition(taskId), runner.waiting(taskId)]);
      return { ...taskOf(request), task, waiting };
    },
  );

  app.post(
    "/api/tasks/:taskId/cancel",
    {
      config: { access: "task", action: "task.cancel" },
      schema: {
        tags,
        operationId: "cancelTask",
        summary: "Ask a task to stop",
        description: "202: it will stop, within 2 s when it runs. 200: it had already ended, nothing changed.",
        params: taskParams,
        response: { 200: api.TaskCancellation, 202: api.TaskCancellation, ...problems(400, 404) },
      },
    },
    async (request, reply) => {
      const { taskId } = request.params;
      const accepted = await runner.cancel(taskId);
      return reply.code(accepted ? 202 : 200).send({ accepted, task: await runner.status(taskId) });
    },
  );

  app.get(
    "/api/tasks/:taskId/result",
    {
      config: { access: "task" },
      schema: {
        tags,
        operationId: "readResult",
        summary: "The result of a task",
        description:
          "200: the result. 202: it has not ended yet; the body says where it stands, Retry-After when to ask.",
        params: taskParams,
        querystring: waitQuery,
        response: { 200: TaskResult, 202: TaskStatus, ...problems(400, 404) },
      },
    },
    async (request, reply) => {
      const { taskId } = request.params;
      const signal = AbortSignal.any([closing, request.signal]);
      const result = await runner.result(taskId, { waitMs: request.query.wait * 1_000, signal });
      if (result !== null) return result;
      return reply
        .code(202)
        .header("retry-after", 1)
        .send(await runner.status(taskId));
    },
  );

  app.post(
    "/api/tasks/:taskId/retry",
    {
      config: { access: "task", action: "task.retry" },
      schema: {
        tags,
        operationId: "retryTask",
        summary: "Submit a task that did not complete again, under a new id",
        params: taskParams,
        body: api.TaskRetryRequest.nullish(),
        response: { 202: TaskStatus, ...problems(400, 404, 409, 413, 415, 429) },
      },
    },
    async (request, reply) => {
      const status = await runner.retry(request.params.taskId, request.body?.newTaskId ?? randomUUID());
      return reply.code(202).header("location", taskPath(status.taskId)).send(status);
    },
  );
};
