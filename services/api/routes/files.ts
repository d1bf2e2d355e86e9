import { PassThrough, type Readable } from "node:stream";
import type { FastifyRequest } from "fastify";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { FileList, ToolCall, WrittenFile } from "../../../contracts/tool-call.ts";
import { ToolInputs, WorkspacePath } from "../../../contracts/tool-inputs.ts";
import { requireAllowed } from "../../../contracts/tool-call-errors.ts";
import type { ToolCalls } from "../calls/tool-calls.ts";
import { whileConnected } from "../while-connected.ts";
import { problems, workspaceParams } from "./shared.ts";

export interface FileRoutesDeps {
  readonly calls: ToolCalls;
}

const tags = ["tools"];
const fileParams = workspaceParams.extend({ "*": WorkspacePath.describe("Path below the workspace.") });
const bytes = z.custom<Readable>().meta({ type: "string", format: "binary" });
const file = { description: "The bytes.", content: { "application/octet-stream": { schema: bytes } } };
const { recursive, maxEntries, path } = ToolInputs.list_directory.shape;
const list = z.strictObject({
  path,
  recursive: z
    .enum(["true", "false"])
    .default("false")
    .describe(recursive.description ?? ""),
  maxEntries: z.coerce.number().pipe(maxEntries.unwrap()).default(1_000),
});
/** Of a file's headers, those that its reader is told. */
const PASSED_ON = ["content-length", "content-range", "accept-ranges", "last-modified", "etag"] as const;

/** `/api/workspaces/{id}/files`: the workspace's files, of any size, under the policy of the tools that do the same. */
export const fileRoutes: FastifyPluginAsyncZod<FileRoutesDeps> = async (app, { calls }) => {
  // Not read here: it goes on to the worker as it comes. Anything else is refused.
  app.removeContentTypeParser("application/json");
  app.addContentTypeParser("application/octet-stream", (_request, _payload, done) => done(null));

  const address = ({ params }: FastifyRequest): string =>
    `/v1/file?${new URLSearchParams({ path: (params as { "*": string })["*"] }).toString()}`;

  app.get(
    "/api/workspaces/:workspaceId/files",
    {
      config: { access: "workspace" },
      schema: {
        tags,
        operationId: "listFiles",
        summary: "List a directory, as list_directory does",
        params: workspaceParams,
        querystring: list,
        response: { 200: FileList, ...problems(400, 403, 404, 422, 429, 502, 504, 507) },
      },
    },
    async (request, reply) => {
      const input = { ...request.query, recursive: request.query.recursive === "true" };
      const call = ToolCall.parse({ input, timeoutSeconds: 60 });
      return FileList.parse((await calls.run(request, reply, "list_directory", call)).output);
    },
  );

  app.get(
    "/api/workspaces/:workspaceId/files/*",
    {
      config: { access: "workspace", action: "file.read" },
      schema: {
        tags,
        operationId: "downloadFile",
        summary: "Download a file, or with `Range: bytes=` a part of it",
        description: "Allowed where `read_file` is.",
        params: fileParams,
        headers: z.looseObject({ range: z.string().max(100).optional() }),
        response: { 200: file, 206: file, ...problems(400, 403, 404, 416, 422, 429, 502, 504, 507) },
      },
    },
    async (request, reply) => {
      const { range } = request.headers;
      const grant = await calls.grant(request.params.workspaceId, request.id);
      requireAllowed(grant, "read_file");
      const signal = whileConnected(request, reply);
      const answer = await calls.workers.request(grant, {
        method: "GET",
        path: address(request),
        headers: range === undefined ? {} : { range },
        signal,
      });
      for (const name of PASSED_ON) {
        const value = answer.headers[name];
        if (value !== undefined) void reply.header(name, value);
      }
      // A tenant wrote the file, so no browser may take it for a page: always bytes, always a download.
      return reply
        .code(answer.statusCode === 206 ? 206 : 200)
        .header("content-disposition", "attachment")
        .type("application/octet-stream")
        .send(answer.body);
    },
  );

  app.put(
    "/api/workspaces/:workspaceId/files/*",
    {
      config: { access: "workspace", action: "file.write", streamsBody: true },
      schema: {
        tags,
        operationId: "uploadFile",
        summary: "Write a file, whole; directories on the way are made",
        description:
          "Allowed where `write_file` is. The body is the content, as `application/octet-stream`, of any size that the " +
          "workspace's quota has room for: its readers see the old file or the new one, never a part.",
        params: fileParams,
        consumes: ["application/octet-stream"],
        body: bytes,
        response: { 200: WrittenFile, ...problems(400, 403, 404, 409, 413, 415, 422, 429, 502, 504, 507) },
      },
    },
    async (request, reply) => {
      const grant = await calls.grant(request.params.workspaceId, request.id);
      requireAllowed(grant, "write_file");
      const length = request.headers["content-length"];
      const answer = await calls.workers.request(grant, {
        method: "PUT",
        path: address(request),
        headers: length === undefined ? {} : { "content-length": length },
        body: length === "0" ? "" : request.raw.pipe(new PassThrough()),
        signal: whileConnected(request, reply),
      });
      return WrittenFile.parse(await answer.body.json());
    },
  );

  app.delete(
    "/api/workspaces/:workspaceId/files/*",
    {
      config: { access: "workspace", action: "file.remove" },
      schema: {
        tags,
        operationId: "removeFile",
        summary: "Remove a file, or a directory with all below it",
        description: "Allowed where `write_file` is. What is not there is removed already.",
        params: fileParams,
        response: { 204: z.null(), ...problems(400, 403, 404, 409, 422, 429, 502, 504, 507) },
      },
    },
    async (request, reply) => {
      const grant = await calls.grant(request.params.workspaceId, request.id);
      requireAllowed(grant, "write_file");
      const signal = whileConnected(request, reply);
      const answer = await calls.workers.request(grant, { method: "DELETE", path: address(request), signal });
      await answer.body.dump();
      return reply.code(204).send(null);
    },
  );
};
