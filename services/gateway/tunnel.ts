import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { joinSockets } from "../runtime/join-sockets.ts";
import { type AdmissionDeps, admit } from "./admission.ts";
import type { Exchange } from "./exchange.ts";
import { asRefusal } from "./internal-error.ts";
import { problemBody, problemHeaders, titleOf } from "./refusals.ts";
import { parseAuthority } from "./target.ts";

export interface TunnelDeps extends AdmissionDeps {
  /** A tunnel in which nothing moves for so long is closed. */
  readonly idleTimeoutMs: number;
  /** The same once one side has ended: from here, a client that went away looks like one that only listens on. */
  readonly halfClosedTimeoutMs: number;
}

/** Answers `CONNECT host:port`, and then passes bytes both ways without looking at them. Never rejects. */
export async function tunnel(
  deps: TunnelDeps,
  exchange: Exchange,
  request: IncomingMessage,
  client: Duplex,
  head: Buffer,
): Promise<void> {
  client.on("error", () => client.destroy());
  try {
    const upstream = await admit(deps, exchange, request, () => parseAuthority(request.url ?? "", undefined));
    if (client.destroyed) {
      upstream.destroy();
      return;
    }
    client.write("HTTP/1.1 200 Connection established\r\n\r\n");
    if (head.length > 0) upstream.write(head);
    join(request.socket, upstream, deps);
  } catch (error) {
    exchange.refused(error);
    const refusal = asRefusal(error);
    const body = problemBody(refusal);
    const headers = Object.entries(problemHeaders(refusal, body)).map(([name, value]) => `${name}: ${value}\r\n`);
    client.end(`HTTP/1.1 ${refusal.status} ${titleOf(refusal.status)}\r\n${headers.join("")}\r\n${body}`);
    // A client that goes on sending without reading the answer is not waited for.
    request.socket.setTimeout(1_000, () => client.destroy());
    client.resume();
  }
}

/** Passes bytes both ways; long silence on one side ends both. */
function join(client: Socket, upstream: Socket, timeouts: TunnelDeps): void {
  joinSockets(client, upstream);
  for (const [from, to] of [
    [client, upstream],
    [upstream, client],
  ] as const) {
    from.on("end", () => to.setTimeout(timeouts.halfClosedTimeoutMs));
    from.setTimeout(timeouts.idleTimeoutMs);
    from.on("timeout", () => {
      from.destroy();
      to.destroy();
    });
  }
}
