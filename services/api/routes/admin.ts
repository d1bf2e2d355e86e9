import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import * as api from "../../../contracts/http-api.ts";
import { WorkspaceUsage } from "../../../contracts/workspace.ts";
import type { AuditLog } from "../audit-log.ts";
import { WorkerNotFoundError } from "../errors.ts";
import type { Operations } from "../operations.ts";
import { callerOf } from "../contents/caller-of.ts";
import { problems, workspaceParams } from "./shared.ts";
import type { WorkspaceRoutesDeps } from "./workspaces.ts";

export interface AdminRoutesDeps extends Pick<WorkspaceRoutesDeps, "workspaces" | "usage"> {
  readonly operations: Operations;
  readonly audit: Pick<AuditLog, "list">;
}

const tags = ["admin"];

/** `/api/admin`: workers, queues and the audit log. Admin tokens only. */
export const adminRoutes: FastifyPluginAsyncZod<AdminRoutesDeps> = async (app, deps) => {
  const { operations, audit, workspaces, usage } = deps;

  app.get(
    "/api/admin/workers",
    {
      config: { access: "admin" },
      schema: {
        tags,
        operationId: "listWorkers",
        summary: "Workers and when they were last heard of",
        response: { 200: api.WorkerList, ...problems(403) },
      },
    },
    async () => ({ items: await operations.workers() }),
  );

  app.get(
    "/api/admin/workers/:workerId/health",
    {
      config: { access: "admin" },
      schema: {
        tags,
        operationId: "readWorkerHealth",
        summary: "One worker: its heartbeats, and what its health port answers now",
        params: z.strictObject({ workerId: z.string().min(1).max(200) }),
        response: { 200: api.WorkerHealth, ...problems(400, 403, 404) },
      },
    },
    async (request) => {
      const { workerId } = request.params;
      const worker = (await operations.workers()).find((candidate) => candidate.workerId === workerId);
      if (worker === undefined) throw new WorkerNotFoundError(workerId);
      return { ...worker, readiness: await operations.readinessOf(worker) };
    },
  );

  app.get(
    "/api/admin/queues",
    {
      config: { access: "admin" },
      schema: {
        tags,
        operationId: "listQueues",
        summary: "Depth of each queue",
        response: { 200: api.QueueList, ...problems(403) },
      },
    },
    async () => operations.queues(),
  );

  app.get(
    "/api/admin/workspaces/:workspaceId/usage",
    {
      config: { access: "admin" },
      schema: {
        tags,
        operationId: "readWorkspaceUsage",
        summary: "What a workspace uses of its limits",
        params: workspaceParams,
        response: { 200: WorkspaceUsage, ...problems(400, 403, 404, 429, 502) },
      },
    },
    async (request, reply) => usage(await workspaces.get(request.params.workspaceId), callerOf(request, reply)),
  );

  app.get(
    "/api/admin/audit-log",
    {
      config: { access: "admin" },
      schema: {
        tags,
        operationId: "readAuditLog",
        summary: "Who changed what, the newest first",
        querystring: api.AuditQuery,
        response: { 200: api.AuditList, ...problems(400, 403) },
      },
    },
    async (request) => audit.list(request.query),
  );
};
