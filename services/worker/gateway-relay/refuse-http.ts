import type { Socket } from "node:net";

/** What a client is told whose request goes no further; it is an HTTP client, as all that speak to the gateway are. */
export interface Refusal {
  readonly status: number;
  readonly title: string;
  readonly code: string;
  readonly detail: string;
  readonly remedy: string;
}

export const GATEWAY_AWAY: Refusal = {
  status: 502,
  title: "Bad gateway",
  code: "GATEWAY_UNREACHABLE",
  detail: "the egress gateway cannot be reached",
  remedy: "Try again in some seconds; if it lasts, have an operator look at the gateway's health.",
};

export const TOO_MANY_CONNECTIONS: Refusal = {
  status: 429,
  title: "Too many connections",
  code: "EGRESS_TOO_MANY_CONNECTIONS",
  detail: "the task has as many connections open as it may have",
  remedy: "Close connections that are no longer needed, or use fewer at once.",
};

/** A client that goes on sending without reading the answer is not waited for longer. */
const LINGER_MS = 1_000;

/** Answers as the gateway itself would, with a problem document, and closes. */
export function refuseHttp(client: Socket, { status, title, ...problem }: Refusal): void {
  const body = `${JSON.stringify({ type: "about:blank", title, status, ...problem })}\n`;
  client.end(
    `HTTP/1.1 ${status} ${title}\r\nContent-Type: application/problem+json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nRetry-After: 1\r\nConnection: close\r\n\r\n${body}`,
  );
  const linger = setTimeout(() => client.destroy(), LINGER_MS);
  client.once("close", () => clearTimeout(linger));
  // The answer is lost with a connection that is closed while something is unread.
  client.resume();
}
