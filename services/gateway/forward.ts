import { type ClientRequest, type IncomingMessage, request as httpRequest, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { type AdmissionDeps, admit } from "./admission.ts";
import type { Exchange } from "./exchange.ts";
import { endToEndHeaders } from "./headers.ts";
import { asRefusal } from "./internal-error.ts";
import { problemBody, problemHeaders, titleOf } from "./refusals.ts";
import { relay } from "./relay.ts";
import { type EgressTarget, formatTarget, InvalidTargetError, parseAbsoluteUrl, parseAuthority } from "./target.ts";

export interface ForwardDeps extends AdmissionDeps {
  /** A request in which nothing moves for so long is given up. */
  readonly idleTimeoutMs: number;
}

const VIA = "1.1 automatos-gateway";
const MAX_UPSTREAM_HEADER_BYTES = 65_536;

/** Passes a plain HTTP request with an absolute URL on, over a connection of its own. Never rejects. */
export async function forward(
  deps: ForwardDeps,
  exchange: Exchange,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  // An answer may come, and the connection end, before all of the request was read.
  response.once("finish", () => {
    if (!request.complete) request.socket.destroySoon();
  });
  try {
    const path = { value: "/" };
    const upstream = await admit(deps, exchange, request, () => {
      const parsed = parseAbsoluteUrl(request.url ?? "");
      requireOneMeaning(request, parsed.target);
      path.value = parsed.path;
      return parsed.target;
    });
    const { target } = exchange;
    if (response.destroyed || target === undefined) upstream.destroy();
    else await exchangeMessages({ deps, request, response, upstream, target, path: path.value });
  } catch (error) {
    exchange.refused(error);
    refuse(response, error);
  }
}

/** What another server could read otherwise: a second name in the Host header, a body framed in a rare way. */
function requireOneMeaning(request: IncomingMessage, target: EgressTarget): void {
  const { host, "transfer-encoding": coding } = request.headers;
  if (coding !== undefined && coding.toLowerCase() !== "chunked") {
    throw new InvalidTargetError("the request's transfer coding is not chunked");
  }
  if (host === undefined) return; // HTTP/1.0; the parser refuses it in 1.1
  if (formatTarget(parseAuthority(host, 80)) !== formatTarget(target)) {
    throw new InvalidTargetError("the Host header names another host than the request's URL");
  }
}

/** Settles when both messages have passed; rejects when no answer of the server was passed on yet. */
function exchangeMessages(exchange: {
  readonly deps: ForwardDeps;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly upstream: Socket;
  readonly target: EgressTarget;
  readonly path: string;
}): Promise<void> {
  const { deps, request, response, upstream, target, path } = exchange;
  return new Promise((resolve, reject) => {
    const outgoing: ClientRequest = httpRequest({
      method: request.method,
      path,
      headers: [
        ...endToEndHeaders(request.rawHeaders, { drop: ["host", "expect"] }),
        ...["Host", formatTarget(target, 80), "Via", VIA, "Connection", "close"],
        // Without it a GET with a chunked body would be written with no frame at all.
        ...(request.headers["transfer-encoding"] === undefined ? [] : ["Transfer-Encoding", "chunked"]),
      ],
      maxHeaderSize: MAX_UPSTREAM_HEADER_BYTES,
      createConnection: () => upstream,
    });
    const fail = (error: Error) => {
      upstream.destroy();
      if (!response.headersSent) reject(error);
      else response.destroy();
      resolve();
    };
    const begin = (incoming: IncomingMessage) => {
      response.sendDate = false;
      const headers = [...endToEndHeaders(incoming.rawHeaders, { drop: [] }), "Via", VIA];
      response.writeHead(incoming.statusCode ?? 502, incoming.statusMessage ?? "", headers);
      return undefined;
    };
    const { idleTimeoutMs } = deps;
    relay({ request, response, outgoing, upstream, target, idleTimeoutMs, begin, fail, done: resolve });
  });
}

function refuse(response: ServerResponse, error: unknown): void {
  if (response.destroyed) return;
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const refusal = asRefusal(error);
  const body = problemBody(refusal);
  response.writeHead(refusal.status, titleOf(refusal.status), problemHeaders(refusal, body)).end(body);
}
