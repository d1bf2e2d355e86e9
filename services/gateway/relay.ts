import type { ClientRequest, IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { UpstreamFailedError, UpstreamTimeoutError } from "./refusals.ts";
import type { EgressTarget } from "./target.ts";

export interface Relay {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The request as the server is sent it; not ended yet. */
  readonly outgoing: ClientRequest;
  readonly upstream: Socket;
  readonly target: EgressTarget;
  /** A request in which nothing moves for so long is given up. */
  readonly idleTimeoutMs: number;
  /** Writes the answer's head. The error that it gives instead ends the exchange. */
  readonly begin: (incoming: IncomingMessage) => Error | undefined;
  /** Told what went wrong, on either side of the head. */
  readonly fail: (error: Error) => void;
  /** Told when the answer has passed or its reader has left. */
  readonly done: () => void;
}

/** Passes a request's body on to a server, and the server's answer back. */
export function relay({
  request,
  response,
  outgoing,
  upstream,
  target,
  idleTimeoutMs,
  begin,
  fail,
  done,
}: Relay): void {
  outgoing.setTimeout(idleTimeoutMs, () => {
    fail(new UpstreamTimeoutError(target, "did not go on with its answer", idleTimeoutMs));
  });
  outgoing.on("error", (error) => fail(new UpstreamFailedError(target, "gave no valid answer", error)));
  outgoing.on("response", (incoming) => {
    const refused = begin(incoming);
    if (refused !== undefined) {
      incoming.destroy();
      fail(refused);
      return;
    }
    incoming.pipe(response);
    incoming.on("error", fail);
    incoming.on("close", () => {
      if (!incoming.complete) fail(new Error("the answer was cut off"));
    });
  });
  response.once("close", () => {
    outgoing.destroy();
    upstream.destroy();
    done();
  });
  request.on("error", () => outgoing.destroy());
  request.pipe(outgoing);
}
