import type { FastifyReply, FastifyRequest } from "fastify";
import type { ContentsCaller } from "../../workspace/contents/workspace-contents.ts";
import { whileConnected } from "../while-connected.ts";

/** A request, as whoever looks into a workspace for it knows it. */
export const callerOf = (request: FastifyRequest, reply: FastifyReply): ContentsCaller => ({
  callId: request.id,
  signal: whileConnected(request, reply),
});
