import { Socket } from "node:net";
import type { FastifyInstance } from "fastify";
import { answerUnreadableRequest } from "./problem.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** Whether the body is passed on as it comes: it may take any time, as long as something of it does come. */
    streamsBody?: boolean;
  }
}

export interface BodyTimes {
  /** For a body to arrive as a whole. @default 2 min */
  readonly wholeMs?: number;
  /** For the next byte of a body that is passed on as it comes: it is cut off between once and twice this. @default 1 min */
  readonly idleMs?: number;
}

/** A client that was cut off has this long to read why. */
const LINGER_MS = 1_000;

/**
 * Cuts off clients that trickle. Node's own `requestTimeout` knows no routes: it would end an upload of any size, too.
 * It still has the headers' time.
 */
export function limitBodies(app: FastifyInstance, { wholeMs = 120_000, idleMs = 60_000 }: BodyTimes = {}): void {
  app.addHook("onRequest", async ({ raw, routeOptions }, reply) => {
    if (raw.headers["content-length"] === undefined && raw.headers["transfer-encoding"] === undefined) return;
    const { socket } = raw;
    if (!(socket instanceof Socket)) return; // an injected request: there is no connection
    const streams = routeOptions.config.streamsBody === true;
    let seen = socket.bytesRead;
    const check = () => {
      if (raw.complete || socket.destroyed) return;
      // Once it is answered, a body is awaited for nothing but the connection's sake.
      if (streams && !reply.raw.writableEnded && socket.bytesRead > seen) {
        seen = socket.bytesRead;
        timer.refresh();
        return;
      }
      const error = Object.assign(new Error("the body did not arrive in time"), { code: "ERR_HTTP_REQUEST_TIMEOUT" });
      answerUnreadableRequest(error, socket);
      setTimeout(() => socket.destroy(), LINGER_MS).unref();
    };
    const timer = setTimeout(check, streams ? idleMs : wholeMs);
    raw.once("close", () => clearTimeout(timer));
  });
}
