import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import * as api from "../../../contracts/schedule.ts";
import type { ScheduleStore } from "../../runner/schedules/schedule-store.ts";
import { actorOf } from "../access.ts";
import { pathOf } from "../problem.ts";
import { problems, workspaceParams } from "./shared.ts";

export interface ScheduleRoutesDeps {
  readonly schedules: ScheduleStore;
  /** Submits a schedule's task now. */
  readonly runSchedule: (
    schedule: api.Schedule,
    request: { readonly runId: string | undefined; readonly by: string },
  ) => Promise<api.ScheduleRun>;
}

const tags = ["workspaces"];
const params = workspaceParams.extend({ scheduleId: z.uuid().toLowerCase() });
const BASE = "/api/workspaces/:workspaceId/schedules";
const ONE = `${BASE}/:scheduleId`;

/** Tasks that are made again and again. */
export const scheduleRoutes: FastifyPluginAsyncZod<ScheduleRoutesDeps> = async (app, { schedules, runSchedule }) => {
  app.get(
    BASE,
    {
      config: { access: "workspace" },
      schema: {
        tags,
        operationId: "listSchedules",
        summary: "The workspace's schedules, by name",
        params: workspaceParams,
        response: { 200: api.ScheduleList, ...problems(400, 404) },
      },
    },
    async (request) => ({ items: await schedules.list(request.params.workspaceId) }),
  );

  app.post(
    BASE,
    {
      config: { access: "workspace", action: "schedule.create" },
      schema: {
        tags,
        operationId: "createSchedule",
        summary: "Submit a task again and again, by the clock",
        description:
          "Its submissions are held to the workspace's limits: a time at which one is refused is left out, and the list of runs says why.",
        params: workspaceParams,
        body: api.ScheduleCreation,
        response: { 201: api.Schedule, ...problems(400, 404, 409, 413, 415, 422) },
      },
    },
    async (request, reply) => {
      const schedule = await schedules.create(request.params.workspaceId, request.body);
      return reply
        .code(201)
        .header("location", `${pathOf(request)}/${schedule.scheduleId}`)
        .send(schedule);
    },
  );

  app.get(
    ONE,
    {
      config: { access: "workspace" },
      schema: {
        tags,
        operationId: "readSchedule",
        summary: "A schedule, its next time and what became of the last",
        params,
        response: { 200: api.Schedule, ...problems(400, 404) },
      },
    },
    async (request) => schedules.get(request.params.workspaceId, request.params.scheduleId),
  );

  app.put(
    ONE,
    {
      config: { access: "workspace", action: "schedule.change" },
      schema: {
        tags,
        operationId: "replaceSchedule",
        summary: "Change a schedule; its next time is found anew",
        params,
        body: api.ScheduleDefinition,
        response: { 200: api.Schedule, ...problems(400, 404, 409, 413, 415, 422) },
      },
    },
    async (request) => schedules.replace(request.params.workspaceId, request.params.scheduleId, request.body),
  );

  app.delete(
    ONE,
    {
      config: { access: "workspace", action: "schedule.remove" },
      schema: {
        tags,
        operationId: "removeSchedule",
        summary: "Remove a schedule; the tasks that it has submitted stay",
        params,
        response: { 204: z.null(), ...problems(400, 404) },
      },
    },
    async (request, reply) => {
      await schedules.remove(request.params.workspaceId, request.params.scheduleId);
      return reply.code(204).send(null);
    },
  );

  for (const [verb, paused, summary] of [
    ["pause", true, "Stop a schedule"],
    ["resume", false, "Have a schedule go on with its next time; those that passed meanwhile are not made up for"],
  ] as const) {
    app.post(
      `${ONE}/${verb}`,
      {
        config: { access: "workspace", action: `schedule.${verb}` },
        schema: {
          tags,
          operationId: `${verb}Schedule`,
          summary,
          params,
          response: { 200: api.Schedule, ...problems(400, 404) },
        },
      },
      async (request) => schedules.setPaused(request.params.workspaceId, request.params.scheduleId, paused),
    );
  }

  app.post(
    `${ONE}/run`,
    {
      config: { access: "workspace", action: "schedule.run" },
      schema: {
        tags,
        operationId: "runSchedule",
        summary: "Submit its task now, also while another one runs or it is paused",
        params,
        body: api.ScheduleRunRequest.nullish(),
        response: { 202: api.ScheduleRun, ...problems(400, 404, 409, 413, 415, 422, 429) },
      },
    },
    async (request, reply) => {
      const { workspaceId, scheduleId } = request.params;
      const { caller } = request;
      if (caller === undefined) throw new Error("a route with access `workspace` has a caller");
      const schedule = await schedules.get(workspaceId, scheduleId);
      const run = await runSchedule(schedule, { runId: request.body?.runId, by: actorOf(caller) });
      return reply.code(202).header("location", `/api/tasks/${run.runId}`).send(run);
    },
  );

  app.get(
    `${ONE}/runs`,
    {
      config: { access: "workspace" },
      schema: {
        tags,
        operationId: "listScheduleRuns",
        summary: "What became of its times, the newest first",
        params,
        querystring: api.ScheduleRunQuery,
        response: { 200: api.ScheduleRunPage, ...problems(400, 404) },
      },
    },
    async (request) => schedules.runs(request.params.workspaceId, request.params.scheduleId, request.query),
  );
};
