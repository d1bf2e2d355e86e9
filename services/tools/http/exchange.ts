import { once } from "node:events";
import { request as sendHttp, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import { isIP } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls, rootCertificates, type TLSSocket } from "node:tls";
import { PlatformError } from "../../../contracts/errors.ts";
import type { TaskIdentity } from "../../runtime/task-token.ts";
import { openTunnel, type GatewayRoute } from "../gateway/tunnel.ts";
import { HttpRequestFailedError } from "./http-errors.ts";

export interface ExchangeRequest {
  readonly method: string;
  readonly url: URL;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | undefined;
}

export interface ExchangeOptions {
  readonly gateway: GatewayRoute;
  readonly identity: TaskIdentity;
  /** Of the answer's body; what comes after is not read. */
  readonly maxBytes: number;
  readonly signal: AbortSignal;
  readonly trustedCertificates?: string;
}

export interface ExchangeResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly truncated: boolean;
}

const USER_AGENT = "automatos-http-request";

/** One request and its answer on a connection of its own, which ends with it. */
export async function exchange(request: ExchangeRequest, options: ExchangeOptions): Promise<ExchangeResponse> {
  const { url } = request;
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const secure = url.protocol === "https:";
  const port = url.port === "" ? (secure ? 443 : 80) : Number(url.port);
  const tunnel = await openTunnel(options.gateway, options.identity, { host, port }, options.signal);
  try {
    options.signal.throwIfAborted();
    const connection = secure ? await overTls(tunnel, host, options) : tunnel;
    return await receive(await send(request, connection, options), options.maxBytes);
  } catch (error) {
    if (options.signal.aborted || error instanceof PlatformError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new HttpRequestFailedError(`${url.origin}${url.pathname}`, `gave no answer: ${reason}`, error);
  } finally {
    tunnel.destroy();
  }
}

async function overTls(tunnel: Duplex, host: string, options: ExchangeOptions): Promise<TLSSocket> {
  const socket = connectTls({
    socket: tunnel,
    host, // whose name the certificate must hold
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ALPNProtocols: ["http/1.1"],
    ...(options.trustedCertificates === undefined ? {} : { ca: [...rootCertificates, options.trustedCertificates] }),
  });
  tunnel.once("close", () => socket.destroy());
  socket.on("error", () => undefined); // after the answer nobody else listens
  await once(socket, "secureConnect");
  return socket;
}

function send(request: ExchangeRequest, connection: Duplex, { signal }: ExchangeOptions): Promise<IncomingMessage> {
  const { method, url, headers, body } = request;
  return new Promise((resolve, reject) => {
    const sending = sendHttp({
      // Only without an agent (`agent: false` makes one) is this the connection that is used.
      createConnection: () => connection,
      method,
      path: `${url.pathname}${url.search}`,
      headers: {
        "user-agent": USER_AGENT,
        accept: "*/*",
        "accept-encoding": "identity",
        ...headers,
        host: url.host,
        connection: "close",
        ...(body === undefined ? {} : { "content-length": String(body.length) }),
      },
      signal,
    });
    sending.once("response", resolve);
    sending.on("error", reject);
    sending.on("upgrade", () => reject(new Error("the server switches protocols")));
    sending.end(body);
  });
}

async function receive(response: IncomingMessage, maxBytes: number): Promise<ExchangeResponse> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > maxBytes) break; // which ends the connection
  }
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    body: Buffer.concat(chunks).subarray(0, maxBytes),
    truncated: bytes > maxBytes,
  };
}
