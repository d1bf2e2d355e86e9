import type { FastifyReply, FastifyRequest } from "fastify";

/** Ends a connection that takes no byte of what is waiting for it; one for which nothing waits is left alone. */
export function cutOffWhenStalled(request: FastifyRequest, reply: FastifyReply, milliseconds: number): void {
  const response = reply.raw;
  response.setTimeout(milliseconds, () => {
    if (response.writableLength === 0) {
      response.setTimeout(milliseconds);
      return;
    }
    request.log.warn({ event: "stream_client_stalled" }, "client that reads nothing was cut off");
    response.destroy();
  });
}
