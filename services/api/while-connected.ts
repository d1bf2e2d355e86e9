import type { FastifyReply, FastifyRequest } from "fastify";

/** Fires when the caller has gone away before all of the answer was sent. */
export function whileConnected(request: FastifyRequest, reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  reply.raw.once("close", () => gone.abort());
  if (request.raw.destroyed && !request.raw.complete) gone.abort();
  return gone.signal;
}
