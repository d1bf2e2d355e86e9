import { request } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { z } from "zod";
import type { Endpoint } from "../../../contracts/endpoint.ts";
import { PlatformError } from "../../../contracts/errors.ts";
import type { TaskIdentity } from "../../runtime/task-token.ts";

/** The way out: where the gateway's proxy listens, and who speaks for a task there. */
export interface GatewayRoute {
  readonly proxy: { readonly socketPath: string } | Endpoint;
  /** A token by which the gateway knows the caller. */
  readonly tokenFor: (identity: TaskIdentity) => Promise<string>;
}

/** Of a refusal of the gateway, which is a problem document. */
const Refusal = z.object({ code: z.string(), detail: z.string(), remedy: z.string() });
const MAX_REFUSAL_BYTES = 64 * 1024;
/** The gateway itself gives up on a name and on a server after 10 s each. */
const SILENCE_MS = 25_000;

/** The gateway does not let the caller go there. Its code, message and remedy are the gateway's. */
class RefusedByGatewayError extends PlatformError {}

export class GatewayUnreachableError extends PlatformError {
  constructor(cause: unknown) {
    super("GATEWAY_UNREACHABLE", "the egress gateway cannot be reached", {
      remedy: "Try again in some seconds; if it lasts, have an operator look at the gateway's health.",
      status: 503,
      cause,
    });
  }
}

/**
 * A connection to `host:port` through the gateway: its allow-list, its look at the address behind a name and its limits
 * are those that hold for the workspace's sandboxes. The caller closes it.
 *
 * @throws PlatformError as the gateway words it; GatewayUnreachableError
 */
export async function openTunnel(
  route: GatewayRoute,
  identity: TaskIdentity,
  target: { readonly host: string; readonly port: number },
  signal: AbortSignal,
): Promise<Duplex> {
  signal.throwIfAborted();
  const authority = `${target.host.includes(":") ? `[${target.host}]` : target.host}:${target.port}`;
  const token = await route.tokenFor(identity);
  return new Promise((resolve, reject) => {
    const connecting = request({
      ...route.proxy,
      method: "CONNECT",
      path: authority,
      headers: {
        host: authority,
        "proxy-authorization": `Basic ${Buffer.from(`task:${token}`).toString("base64")}`,
      },
      agent: false,
      signal,
      timeout: SILENCE_MS,
    });
    connecting.once("timeout", () => connecting.destroy(new Error(`the gateway said nothing for ${SILENCE_MS} ms`)));
    connecting.once("error", (error) => reject(signal.aborted ? error : new GatewayUnreachableError(error)));
    connecting.once("connect", (response, socket, head) => {
      socket.setTimeout(0);
      // Whoever uses it hears of its end as well; without a listener of its own an error would end the process.
      socket.on("error", () => undefined);
      signal.addEventListener("abort", () => socket.destroy(), { once: true });
      if (response.statusCode === 200) {
        if (head.length > 0) socket.unshift(head);
        resolve(socket);
        return;
      }
      readRefusal(socket, head).then(
        (text) => reject(toError(response.statusCode ?? 502, text)),
        (error: unknown) => reject(new GatewayUnreachableError(error)),
      );
    });
    connecting.end();
  });
}

async function readRefusal(socket: Duplex | Socket, head: Buffer): Promise<string> {
  const chunks = [head];
  let bytes = head.length;
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > MAX_REFUSAL_BYTES) break;
  }
  return Buffer.concat(chunks).toString();
}

function toError(status: number, text: string): PlatformError {
  try {
    const { code, detail, remedy } = Refusal.parse(JSON.parse(text));
    return new RefusedByGatewayError(code, detail, { remedy, status: status === 407 ? 503 : status });
  } catch (error) {
    return new GatewayUnreachableError(error);
  }
}
