import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import * as api from "../../../contracts/dead-letter-api.ts";
import { DeadLetterList, TaskRetryRequest } from "../../../contracts/http-api.ts";
import { TaskStatus } from "../../../contracts/task.ts";
import type { DeadLetters } from "../dead-letters.ts";
import { problems, taskParams } from "./shared.ts";

export interface DeadLetterRoutesDeps {
  readonly deadLetters: DeadLetters;
}

const tags = ["admin"];
const BASE = "/api/admin/dead-letters";

/** Tasks that failed for good: list, try again, drop; one by one, or all that a filter selects. */
export const deadLetterRoutes: FastifyPluginAsyncZod<DeadLetterRoutesDeps> = async (app, { deadLetters }) => {
  app.get(
    BASE,
    {
      config: { access: "admin" },
      schema: {
        tags,
        operationId: "listDeadLetters",
        summary: "Tasks that failed for good, the newest first",
        querystring: api.DeadLetterQuery,
        response: { 200: DeadLetterList, ...problems(400, 403) },
      },
    },
    async (request) => deadLetters.list(request.query),
  );

  app.post(
    `${BASE}/retry`,
    {
      config: { access: "admin", action: "dead_letter.retry_all" },
      schema: {
        tags,
        operationId: "retryDeadLetters",
        summary: "Submit those that are selected again, and take them off the list",
        description:
          "A hundred at most, the oldest first. Each is held to its workspace's limits; what is refused stays on the list. " +
          "The new ids are the same each time, so a call whose answer was lost can be made again.",
        body: api.DeadLetterSelection,
        response: { 202: api.DeadLetterRetries, ...problems(400, 403, 413, 415) },
      },
    },
    async (request, reply) => reply.code(202).send(await deadLetters.retryAll(request.body)),
  );

  app.post(
    `${BASE}/drop`,
    {
      config: { access: "admin", action: "dead_letter.drop_all" },
      schema: {
        tags,
        operationId: "dropDeadLetters",
        summary: "Take those that are selected off the list; the record keeps them",
        description: "Those of a workspace that is being moved, or lives elsewhere, stay on the list.",
        body: api.DeadLetterSelection,
        response: { 200: api.DeadLettersDropped, ...problems(400, 403, 413, 415) },
      },
    },
    async (request) => ({ dropped: await deadLetters.dropAll(request.body) }),
  );

  app.post(
    `${BASE}/:taskId/retry`,
    {
      config: { access: "admin", action: "dead_letter.retry" },
      schema: {
        tags,
        operationId: "retryDeadLetter",
        summary: "Submit it again under a new id, and take it off the list",
        params: taskParams,
        body: TaskRetryRequest.nullish(),
        response: { 202: TaskStatus, ...problems(400, 403, 404, 409, 413, 415, 429) },
      },
    },
    async (request, reply) => {
      const status = await deadLetters.retry(request.params.taskId, request.body?.newTaskId);
      return reply.code(202).header("location", `/api/tasks/${status.taskId}`).send(status);
    },
  );

  app.delete(
    `${BASE}/:taskId`,
    {
      config: { access: "admin", action: "dead_letter.drop" },
      schema: {
        tags,
        operationId: "dropDeadLetter",
        summary: "Take it off the list; the record keeps it",
        params: taskParams,
        response: { 204: z.null(), ...problems(400, 403, 404, 409) },
      },
    },
    async (request, reply) => {
      await deadLetters.drop(request.params.taskId);
      return reply.code(204).send(null);
    },
  );
};
