import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { FastifyInstance } from "fastify";

const IDLE_SWEEP_MS = 50;

/**
 * Lets `app.close()` wait for answers and for nothing else. Node alone closes only the connections that are idle when
 * it stops listening: one that is answered later is kept alive for a minute, and so is one on which no request ever
 * came, as browsers and connection pools open ahead.
 */
export function closeConnectionsGracefully(app: FastifyInstance): void {
  const { server } = app;
  const unused = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    unused.add(socket);
    socket.once("close", () => unused.delete(socket));
  });
  server.on("request", (request: IncomingMessage) => unused.delete(request.socket));
  app.addHook("preClose", async () => {
    if (!server.listening) return;
    const sweep = setInterval(() => {
      server.closeIdleConnections();
      for (const socket of unused) socket.destroy();
    }, IDLE_SWEEP_MS);
    server.once("close", () => clearInterval(sweep));
  });
}
