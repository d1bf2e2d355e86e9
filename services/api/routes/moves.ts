import { PassThrough, Readable } from "node:stream";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import * as move from "../../../contracts/workspace-move.ts";
import type { MoveStore } from "../../workspace/move/move-store.ts";
import type { ToolCalls } from "../calls/tool-calls.ts";
import { whileConnected } from "../while-connected.ts";
import { problems, workspaceParams } from "./shared.ts";

export interface MoveRoutesDeps {
  readonly moves: MoveStore;
  /** The record of a workspace as lines, and back. */
  readonly moveRecords: {
    readonly read: (workspaceId: string) => AsyncIterable<string>;
    readonly write: (at: { workspaceId: string; moveId: string }, lines: Readable) => Promise<number>;
  };
  readonly calls: ToolCalls;
}

const tags = ["moves"];
const params = workspaceParams;
const bytes = z.custom<Readable>().meta({ type: "string", format: "binary" });
const content = (type: string, description: string) => ({ description, content: { [type]: { schema: bytes } } });
const access = "workspace-admin" as const;
const streamed = [400, 403, 404, 409, 413, 415, 422, 429, 502, 504, 507] as const;

/**
 * `/api/workspaces/{id}/move`: carries a workspace to another installation. Whoever carries it takes the steps on both
 * sides (docs/decisions/0038-moving.md); each may be taken again.
 */
export const moveRoutes: FastifyPluginAsyncZod<MoveRoutesDeps> = async (app, { moves, moveRecords, calls }) => {
  // Not read here: the one goes on to the record, the other to a worker, as it comes.
  app.addContentTypeParser("application/octet-stream", (_request, _payload, done) => done(null));

  app.get(
    "/api/workspaces/:workspaceId/move",
    {
      config: { access },
      schema: {
        tags,
        operationId: "readMove",
        summary: "Where the workspace stands in a move",
        params,
        response: { 200: move.MoveState, ...problems(400, 403, 404) },
      },
    },
    async (request) => moves.state(request.params.workspaceId),
  );

  app.post(
    "/api/workspaces/:workspaceId/move/leave",
    {
      config: { access, action: "workspace.move.leave", whileMoving: true },
      schema: {
        tags,
        operationId: "leave",
        summary: "Begin to leave: nothing is submitted or changed any more, what is under way ends",
        params,
        body: move.MoveDeparture,
        response: { 200: move.MoveState, ...problems(400, 403, 404, 409, 413, 415) },
      },
    },
    async (request) => moves.leave(request.params.workspaceId, request.body.moveId, request.body.to),
  );

  app.post(
    "/api/workspaces/:workspaceId/move/arrive",
    {
      config: { access, action: "workspace.move.arrive", whileMoving: true },
      schema: {
        tags,
        operationId: "arrive",
        summary: "Make room for a workspace that comes, or comes back; what an earlier try brought is forgotten",
        params,
        body: move.MoveArrival,
        response: { 200: move.MoveState, ...problems(400, 403, 404, 409, 413, 415) },
      },
    },
    async (request) => moves.arrive(request.params.workspaceId, request.body.moveId, request.body),
  );

  const step = (name: "settle" | "open" | "finish" | "reopen", summary: string) =>
    app.post(
      `/api/workspaces/:workspaceId/move/${name}`,
      {
        config: { access, action: `workspace.move.${name}`, whileMoving: true },
        schema: {
          tags,
          operationId: `${name}Move`,
          summary,
          params,
          body: move.MoveStep,
          response: { 200: move.MoveState, ...problems(400, 403, 404, 409, 413, 415) },
        },
      },
      async (request) => moves[name](request.params.workspaceId, request.body.moveId),
    );
  step("settle", "The workspace lives elsewhere from now on");
  step("open", "The workspace lives here from now on");
  step("finish", "It is known that the workspace is open there: it can only come back from there");
  step("reopen", "End a move on the side that was left; discard it on the other side before");

  app.post(
    "/api/workspaces/:workspaceId/move/discard",
    {
      config: { access, action: "workspace.move.discard", whileMoving: true },
      schema: {
        tags,
        operationId: "discardMove",
        summary: "Forget what has arrived, and let nothing arrive by this move any more",
        params,
        body: move.MoveStep,
        response: { 200: move.MoveDiscarded, ...problems(400, 403, 404, 409, 413, 415, 422, 429, 502, 504, 507) },
      },
    },
    async (request, reply) => {
      const { workspaceId } = request.params;
      const { moveId } = request.body;
      if (await moves.isArriving(workspaceId, moveId)) {
        // Before its row, by which alone the files are known.
        const signal = whileConnected(request, reply);
        const grant = await calls.grant(workspaceId, request.id);
        const answer = await calls.workers.request(grant, { method: "DELETE", path: "/v1/tree", signal });
        await answer.body.dump();
      }
      return { had: await moves.discard(workspaceId, moveId) };
    },
  );

  app.get(
    "/api/workspaces/:workspaceId/move/sums",
    {
      config: { access },
      schema: {
        tags,
        operationId: "sumRecord",
        summary: "Rows of the workspace's record and a sum over them, by which both sides are compared",
        params,
        response: { 200: move.MoveSums, ...problems(400, 403, 404) },
      },
    },
    async (request) => ({ tables: await moves.sums(request.params.workspaceId) }),
  );

  app.get(
    "/api/workspaces/:workspaceId/move/record",
    {
      config: { access, action: "workspace.move.record.read" },
      schema: {
        tags,
        operationId: "readRecord",
        summary: "The record of a workspace that is leaving, a row a line",
        params,
        response: { 200: content("application/x-ndjson", "Rows, then the end."), ...problems(400, 403, 404, 409) },
      },
    },
    async (request, reply) => {
      const { workspaceId } = request.params;
      await moves.requireLeaving(workspaceId);
      return reply.type("application/x-ndjson").send(Readable.from(moveRecords.read(workspaceId)));
    },
  );

  app.put(
    "/api/workspaces/:workspaceId/move/record",
    {
      config: { access, action: "workspace.move.record.write", whileMoving: true, streamsBody: true },
      schema: {
        tags,
        operationId: "writeRecord",
        summary: "Take the record of a workspace that is arriving, whole",
        params,
        querystring: move.MoveStep,
        consumes: ["application/octet-stream"],
        body: bytes,
        response: { 200: move.MoveLoaded, ...problems(...streamed) },
      },
    },
    async (request) => {
      const { workspaceId } = request.params;
      const { moveId } = request.query;
      await moves.requireArriving(workspaceId, moveId);
      const rows = await moveRecords.write({ workspaceId, moveId }, request.raw);
      await moves.loaded(workspaceId, moveId);
      return { rows };
    },
  );

  const fromWorker = (path: string) => async (request: FastifyRequest, reply: FastifyReply) => {
    const { workspaceId } = request.params as z.infer<typeof params>;
    const grant = await calls.grant(workspaceId, request.id);
    const signal = whileConnected(request, reply);
    const answer = await calls.workers.request(grant, { method: "GET", path, signal });
    return reply.type(path === "/v1/tree" ? "application/x-tar" : "application/octet-stream").send(answer.body);
  };

  app.get(
    "/api/workspaces/:workspaceId/move/files",
    {
      config: { access, action: "workspace.move.files.read" },
      schema: {
        tags,
        operationId: "readFiles",
        summary: "The files of a workspace that is leaving, as a tar",
        params,
        response: { 200: content("application/x-tar", "The files."), ...problems(...streamed) },
      },
    },
    async (request, reply) => {
      await moves.requireLeaving(request.params.workspaceId);
      return fromWorker("/v1/tree")(request, reply);
    },
  );

  app.get(
    "/api/workspaces/:workspaceId/move/manifest",
    {
      config: { access },
      schema: {
        tags,
        operationId: "readManifest",
        summary: "Every file with its kind, permissions, time, size and SHA-256, sorted; each entry ends with NUL",
        params,
        response: { 200: content("application/octet-stream", "The entries."), ...problems(...streamed) },
      },
    },
    fromWorker("/v1/tree/manifest"),
  );

  app.put(
    "/api/workspaces/:workspaceId/move/files",
    {
      config: { access, action: "workspace.move.files.write", whileMoving: true, streamsBody: true },
      schema: {
        tags,
        operationId: "writeFiles",
        summary: "Replace the files of a workspace that is arriving by those of a tar",
        params,
        querystring: move.MoveStep,
        consumes: ["application/octet-stream"],
        body: bytes,
        response: { 204: z.null(), ...problems(...streamed) },
      },
    },
    async (request, reply) => {
      const { workspaceId } = request.params;
      await moves.requireArriving(workspaceId, request.query.moveId);
      const answer = await calls.workers.request(await calls.grant(workspaceId, request.id), {
        method: "PUT",
        path: "/v1/tree",
        body: request.raw.pipe(new PassThrough()),
        signal: whileConnected(request, reply),
      });
      await answer.body.dump();
      return reply.code(204).send(null);
    },
  );
};
