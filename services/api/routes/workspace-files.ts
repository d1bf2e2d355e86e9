import type { Readable } from "node:stream";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import * as api from "../../../contracts/http-api.ts";
import type { Artifact } from "../../../contracts/workspace.ts";
import type { WorkspaceContents } from "../../workspace/contents/workspace-contents.ts";
import { callerOf } from "../contents/caller-of.ts";
import { problems, workspaceParams } from "./shared.ts";
import type { WorkspaceRecords } from "./workspaces.ts";

export interface WorkspaceFileRoutesDeps {
  readonly workspaces: Pick<WorkspaceRecords, "get">;
  readonly contents: WorkspaceContents;
}

const tags = ["workspaces"];
const params = workspaceParams;
const repositoryParams = params.extend({ name: z.string().min(1).max(200) });
const artifactParams = params.extend({ "*": z.string().min(1).max(4_096).describe("Path below artifacts/.") });
const nothing = z.null();
const bytes = z.custom<Readable>().meta({ type: "string", format: "binary" });

/** `/api/workspaces/{id}/repos` and `/artifacts`: what a workspace keeps between tasks. */
export const workspaceFileRoutes: FastifyPluginAsyncZod<WorkspaceFileRoutesDeps> = async (app, deps) => {
  const { workspaces, contents } = deps;

  app.get(
    "/api/workspaces/:workspaceId/repos",
    {
      config: { access: "workspace" },
      schema: {
        tags,
        operationId: "listRepositories",
        summary: "Cached repositories with their sizes",
        params,
        response: { 200: api.RepositoryList, ...problems(400, 404, 429, 502) },
      },
    },
    async (request, reply) => {
      const { workspaceId } = await workspaces.get(request.params.workspaceId);
      return { items: await contents.listRepositories(workspaceId, callerOf(request, reply)) };
    },
  );

  app.delete(
    "/api/workspaces/:workspaceId/repos/:name",
    {
      config: { access: "workspace", action: "repository.drop" },
      schema: {
        tags,
        operationId: "dropRepository",
        summary: "Drop a cached repository; the next task that needs it clones again",
        params: repositoryParams,
        response: { 204: nothing, ...problems(400, 404, 409, 429, 502) },
      },
    },
    async (request, reply) => {
      const { workspaceId } = await workspaces.get(request.params.workspaceId);
      await contents.dropRepository(workspaceId, request.params.name, callerOf(request, reply));
      return reply.code(204).send(null);
    },
  );

  app.get(
    "/api/workspaces/:workspaceId/artifacts",
    {
      config: { access: "workspace" },
      schema: {
        tags,
        operationId: "listArtifacts",
        summary: "Artifacts with their sizes",
        params,
        response: { 200: api.ArtifactList, ...problems(400, 404, 429, 502) },
      },
    },
    async (request, reply) => {
      const { workspaceId } = await workspaces.get(request.params.workspaceId);
      return { items: await contents.listArtifacts(workspaceId, callerOf(request, reply)) };
    },
  );

  app.get(
    "/api/workspaces/:workspaceId/artifacts/*",
    {
      config: { access: "workspace" },
      schema: {
        tags,
        operationId: "downloadArtifact",
        summary: "Download an artifact",
        params: artifactParams,
        response: {
          200: { description: "The file.", content: { "application/octet-stream": { schema: bytes } } },
          ...problems(400, 404, 429, 502),
        },
      },
    },
    async (request, reply) => {
      const { workspaceId } = await workspaces.get(request.params.workspaceId);
      const { artifact, stream } = await contents.openArtifact(
        workspaceId,
        request.params["*"],
        callerOf(request, reply),
      );
      return reply.headers(downloadHeaders(artifact)).send(stream);
    },
  );

  app.delete(
    "/api/workspaces/:workspaceId/artifacts/*",
    {
      config: { access: "workspace", action: "artifact.remove" },
      schema: {
        tags,
        operationId: "removeArtifact",
        summary: "Remove an artifact",
        params: artifactParams,
        response: { 204: nothing, ...problems(400, 404, 429, 502) },
      },
    },
    async (request, reply) => {
      const { workspaceId } = await workspaces.get(request.params.workspaceId);
      await contents.removeArtifact(workspaceId, request.params["*"], callerOf(request, reply));
      return reply.code(204).send(null);
    },
  );
};

/** A tenant wrote the file, so no browser may take it for a page: always bytes, always a download. */
function downloadHeaders({ path, sizeBytes, modifiedAt }: Artifact): Record<string, string | number> {
  const name = path.split("/").at(-1) ?? "artifact";
  const plain = name.replaceAll(/[^A-Za-z0-9._-]/g, "_");
  return {
    "content-type": "application/octet-stream",
    "content-length": sizeBytes,
    "content-disposition": `attachment; filename="${plain}"; filename*=UTF-8''${encodeRfc5987(name)}`,
    "last-modified": new Date(modifiedAt).toUTCString(),
  };
}

const encodeRfc5987 = (text: string): string =>
  encodeURIComponent(text.toWellFormed()).replaceAll(
    /['()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
