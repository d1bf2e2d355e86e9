import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import type { Registry } from "prom-client";
import type { Logger } from "./logger.ts";

export interface HealthServerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly log: Logger;
  /** What `/readyz` asks, by name: a check that throws, or takes more than 2 s, makes the answer 503. */
  readonly checks: Readonly<Record<string, () => Promise<unknown>>>;
  /** Shown by `/readyz` beside the checks: how this process works on this machine. @default nothing */
  readonly details?: Readonly<Record<string, unknown>>;
  /** Served at `/metrics`. @default none: 404 */
  readonly registry?: Registry;
}

export interface HealthServer {
  readonly port: number;
  close(): Promise<void>;
}

const CHECK_TIMEOUT_MS = 2_000;

/**
 * Tells whoever watches this process how it is: `/healthz` 200 while it runs at all, `/readyz` 200 or 503 with each
 * check's answer as JSON, `/metrics` in Prometheus' format.
 */
export async function startHealthServer(options: HealthServerOptions): Promise<HealthServer> {
  const server = createServer((request, response) => {
    answer(options, request, response).catch((error: unknown) => {
      options.log.error({ event: "health_request_failed", err: error }, "health request failed");
      response.destroy();
    });
  });
  server.listen(options.port, options.host);
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function answer(options: HealthServerOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = request.url?.split("?")[0];
  if (path === "/healthz") {
    sendJson(response, 200, { status: "ok" });
  } else if (path === "/readyz") {
    const checks = await runChecks(options.checks);
    const ready = Object.values(checks).every((state) => state === "ok");
    sendJson(response, ready ? 200 : 503, {
      status: ready ? "ok" : "unavailable",
      checks,
      ...(options.details === undefined ? {} : { details: options.details }),
    });
  } else if (path === "/metrics" && options.registry !== undefined) {
    const metrics = await options.registry.metrics();
    response.writeHead(200, { "content-type": options.registry.contentType }).end(metrics);
  } else {
    sendJson(response, 404, { status: "not found" });
  }
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

/** `ok` or what is wrong, by the check's name. */
async function runChecks(checks: HealthServerOptions["checks"]): Promise<Record<string, string>> {
  const states = await Promise.all(
    Object.entries(checks).map(async ([name, check]): Promise<[string, string]> => {
      const timeout = Promise.withResolvers<never>();
      const timer = setTimeout(
        () => timeout.reject(new Error(`no answer within ${CHECK_TIMEOUT_MS} ms`)),
        CHECK_TIMEOUT_MS,
      );
      try {
        await Promise.race([check(), timeout.promise]);
        return [name, "ok"];
      } catch (error) {
        return [name, error instanceof Error ? error.message : String(error)];
      } finally {
        clearTimeout(timer);
      }
    }),
  );
  return Object.fromEntries(states);
}
