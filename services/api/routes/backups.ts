import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import * as api from "../../../contracts/backup.ts";
import type { BackupStore } from "../../workspace/backup/backup-store.ts";
import { actorOf } from "../access.ts";
import { problems, workspaceParams } from "./shared.ts";
import type { WorkspaceStore } from "../../workspace/workspace-store.ts";

export interface BackupRoutesDeps {
  readonly backups: BackupStore;
  readonly workspaces: Pick<WorkspaceStore, "get">;
}

const tags = ["backups"];
const BASE = "/api/workspaces/:workspaceId";
const params = workspaceParams.extend({ runId: z.uuid().toLowerCase() });

/** Backups of a workspace, and back. */
export const backupRoutes: FastifyPluginAsyncZod<BackupRoutesDeps> = async (app, { backups, workspaces }) => {
  app.get(
    `${BASE}/backups`,
    {
      config: { access: "workspace" },
      schema: {
        tags,
        operationId: "listBackups",
        summary: "Backups, restores and checks, the newest first",
        params: workspaceParams,
        querystring: api.BackupRunQuery,
        response: { 200: api.BackupRunPage, ...problems(400, 404) },
      },
    },
    async (request) => {
      await workspaces.get(request.params.workspaceId);
      return backups.list(request.params.workspaceId, request.query);
    },
  );

  app.get(
    `${BASE}/backups/:runId`,
    {
      config: { access: "workspace" },
      schema: {
        tags,
        operationId: "readBackup",
        summary: "A backup, restore or check, and how far it is",
        params,
        response: { 200: api.BackupRun, ...problems(400, 404) },
      },
    },
    async (request) => backups.get(request.params.workspaceId, request.params.runId),
  );

  for (const [path, action, operationId, summary, ask] of [
    ["restores", "backup.restore", "restoreWorkspace", "Replace all files by those of a backup", "requestRestore"],
    [
      "backup-checks",
      "backup.check",
      "checkBackup",
      "Restore a backup to a scratch folder and compare",
      "requestCheck",
    ],
  ] as const) {
    app.post(
      `${BASE}/${path}`,
      {
        config: { access: "workspace", action },
        schema: {
          tags,
          operationId,
          summary,
          params: workspaceParams,
          body: api.RestoreRequest,
          response: { 202: api.BackupRun, ...problems(400, 404, 409, 413, 415, 422, 501) },
        },
      },
      async (request, reply) => {
        const { workspaceId } = request.params;
        await workspaces.get(workspaceId);
        const run = await backups[ask](workspaceId, request.body, actor(request.caller));
        return reply.code(202).header("location", `/api/workspaces/${workspaceId}/backups/${run.runId}`).send(run);
      },
    );
  }

  app.post(
    `${BASE}/backups`,
    {
      config: { access: "workspace", action: "backup.create" },
      schema: {
        tags,
        operationId: "createBackup",
        summary: "Back up all files now",
        description:
          "What waits or runs already is answered as it is. Tasks go on meanwhile: `tasksRan` says whether some did.",
        params: workspaceParams,
        body: api.BackupRequest,
        response: { 202: api.BackupRun, ...problems(400, 404, 409, 413, 415, 422, 501) },
      },
    },
    async (request, reply) => {
      const { workspaceId } = request.params;
      await workspaces.get(workspaceId);
      const run = await backups.requestBackup(workspaceId, request.body, actor(request.caller));
      return reply.code(202).header("location", `/api/workspaces/${workspaceId}/backups/${run.runId}`).send(run);
    },
  );

  app.get(
    `${BASE}/backup-settings`,
    {
      config: { access: "workspace" },
      schema: {
        tags,
        operationId: "readBackupSettings",
        summary: "Whether the stack's schedules cover it",
        params: workspaceParams,
        response: { 200: api.BackupSettings, ...problems(400, 404) },
      },
    },
    async (request) => {
      await workspaces.get(request.params.workspaceId);
      return backups.settings(request.params.workspaceId);
    },
  );

  app.put(
    `${BASE}/backup-settings`,
    {
      config: { access: "workspace", action: "backup.settings" },
      schema: {
        tags,
        operationId: "replaceBackupSettings",
        summary: "Have the stack's schedules cover it, or not",
        params: workspaceParams,
        body: api.BackupSettings,
        response: { 200: api.BackupSettings, ...problems(400, 404, 413, 415) },
      },
    },
    async (request) => {
      await workspaces.get(request.params.workspaceId);
      return backups.changeSettings(request.params.workspaceId, request.body);
    },
  );
};

function actor(caller: Parameters<typeof actorOf>[0] | undefined): string {
  if (caller === undefined) throw new Error("a route with access `workspace` has a caller");
  return actorOf(caller);
}
