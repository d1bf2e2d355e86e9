import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import type { FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { isTerminal } from "../../../contracts/task.ts";
import type { TaskRunner } from "../../runner/task-runner.ts";
import { taskOf } from "../access.ts";
import { sseEvent, type EventStreams } from "../event-streams.ts";
import { logEntry } from "../task-log.ts";
import type { TaskListing } from "../task-listing.ts";
import { problems, taskParams } from "./shared.ts";
import { encodeEvent, after, eventsQuery, eventStream, resume, tellLag } from "./shared-streams.ts";

export interface TaskStreamRoutesDeps {
  readonly runner: TaskRunner;
  readonly streams: EventStreams;
  readonly tasks: Pick<TaskListing, "lastSequence">;
}

const tags = ["tasks"];
const logsQuery = z.strictObject({
  after,
  follow: z.enum(["true", "false"]).default("true").describe("`false` ends with what is there now."),
});
const ended = z.null().describe("The task has ended and every event was seen: do not come back.");

/** `/api/tasks/{id}/events` and `/logs`: what happens, live, resumable. */
export const taskStreamRoutes: FastifyPluginAsyncZod<TaskStreamRoutesDeps> = async (app, deps) => {
  const { runner, streams } = deps;

  app.get(
    "/api/tasks/:taskId/events",
    {
      config: { access: "task" },
      schema: {
        tags,
        operationId: "followEvents",
        summary: "Events of a task as server-sent events",
        description:
          "Replays from the beginning, or after `Last-Event-ID`, then follows live and ends after `task_ended`. " +
          "`id` is the event's number, `data` the event as JSON. Comments keep the connection open, and say how far behind " +
          "a slow reader is: nothing is left out for him, and `after` skips.",
        params: taskParams,
        querystring: eventsQuery,
        ...resume,
        response: {
          200: { description: "The events.", content: eventStream("TaskEvent") },
          204: ended,
          ...problems(400, 404, 429),
        },
      },
    },
    async (request, reply) => {
      const from = request.headers["last-event-id"] ?? request.query.after ?? 0;
      if (await nothingFollows(runner, request, from)) return reply.code(204).send(null);
      return streams.send(request, reply, {
        mediaType: "text/event-stream",
        open: (signal, comment) =>
          runner.events(request.params.taskId, { after: from, signal, onBehind: tellLag(comment) }),
        encode: encodeEvent,
      });
    },
  );

  app.get(
    "/api/tasks/:taskId/logs",
    {
      config: { access: "task" },
      schema: {
        tags,
        operationId: "readLogs",
        summary: "The log of a task",
        description:
          "With `Accept: text/event-stream`: entries as server-sent events. Else: plain text as it is written.",
        params: taskParams,
        querystring: logsQuery,
        ...resume,
        response: {
          200: {
            description: "The log.",
            content: { ...eventStream("LogEntry"), "text/plain; charset=utf-8": { schema: z.string() } },
          },
          204: ended,
          ...problems(400, 404, 429),
        },
      },
    },
    async (request, reply) => {
      const from = request.headers["last-event-id"] ?? request.query.after ?? 0;
      const asEvents = accepts(request, "text/event-stream");
      if (asEvents && (await nothingFollows(runner, request, from))) return reply.code(204).send(null);
      return sendLog({ ...deps, request, reply, asEvents, from, follow: request.query.follow === "true" });
    },
  );
};

interface LogRequest extends TaskStreamRoutesDeps {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly asEvents: boolean;
  readonly from: number;
  readonly follow: boolean;
}

function sendLog(log: LogRequest): Promise<FastifyReply> {
  const { runner, streams, request, reply, asEvents, from, follow } = log;
  const { taskId } = taskOf(request);
  return streams.send(request, reply, {
    mediaType: asEvents ? "text/event-stream" : "text/plain; charset=utf-8",
    open: (signal, comment) =>
      follow
        ? runner.events(taskId, { after: from, signal, onBehind: tellLag(comment) })
        : presentEvents(log, taskId, from, signal),
    encode: (event) => {
      const entry = logEntry(event);
      if (entry === undefined) return "";
      return asEvents ? sseEvent(entry.sequence, entry) : entry.text;
    },
  });
}

/** The events up to now; a task that has none yet ends at once. */
async function* presentEvents({ runner, tasks }: LogRequest, taskId: string, after: number, signal: AbortSignal) {
  const last = await tasks.lastSequence(taskId);
  if (last <= after) return;
  for await (const event of runner.events(taskId, { after, signal })) {
    yield event;
    if (event.sequence >= last) return;
  }
}

/** Whether the client asked for this media type by name; a bare `*` means plain text, which people read. */
const accepts = (request: FastifyRequest, mediaType: string): boolean =>
  (request.headers.accept ?? "").split(",").some((range) => range.split(";", 1)[0]?.trim().toLowerCase() === mediaType);

/** Browsers reconnect after the end of a stream until they are answered with 204. */
async function nothingFollows(runner: TaskRunner, request: FastifyRequest, after: number): Promise<boolean> {
  const task = taskOf(request);
  if (after === 0 || !isTerminal(task.status)) return false;
  for await (const event of runner.events(task.taskId, { after, signal: request.signal })) {
    return event.sequence <= after;
  }
  return true;
}
