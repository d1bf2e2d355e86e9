import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { WebSocket, WebSocketServer } from "ws";
import type { PlatformError } from "../../../contracts/errors.ts";
import { CallerLeftError } from "./errors.ts";

/** A connection that is to become a WebSocket. */
export interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
  /** Fires when the connection has closed. */
  readonly gone: AbortSignal;
}

/**
 * Makes the connection a WebSocket. The server itself says nothing of a connection that closes before.
 *
 * @throws CallerLeftError
 */
export function shakeHands(server: WebSocketServer, { request, socket, head, gone }: Upgrade): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const leave = () => reject(new CallerLeftError());
    if (gone.aborted) {
      leave();
      return;
    }
    gone.addEventListener("abort", leave, { once: true });
    server.handleUpgrade(request, socket, head, (opened) => {
      gone.removeEventListener("abort", leave);
      resolve(opened);
    });
  });
}

/** Answers with the error instead. */
export function refuseUpgrade(socket: Duplex, error: PlatformError): void {
  if (!socket.writable) return;
  const { code, message, remedy, status, retryAfterSeconds } = error;
  const body = JSON.stringify({ code, message, remedy, status, retryAfterSeconds });
  socket.end(
    `HTTP/1.1 ${status} Refused\r\nconnection: close\r\ncontent-type: application/json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
