import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import type { Endpoint } from "../../contracts/endpoint.ts";
import { SharedConnections } from "../runtime/shared-connections.ts";
import type { TaskIdentity } from "../runtime/task-token.ts";
import { listenOnUnixSocket } from "../runtime/unix-socket.ts";
import { assignTo, authenticateOwn, connectTo } from "./admission.ts";
import { type Dial, dialTcp } from "./dial.ts";
import { EgressPolicy } from "./egress-policy.ts";
import type { EgressRuleStore } from "./egress-rule-store.ts";
import { Exchange } from "./exchange.ts";
import { forward } from "./forward.ts";
import { createGatewayMetrics } from "./metrics.ts";
import { FairResolver, resolveBySystem, type ResolveName } from "./name-resolver.ts";
import { type OwnRoutes, ownPath } from "./own-routes.ts";
import { tunnel } from "./tunnel.ts";

export interface GatewayDeps {
  /** Who a token belongs to; rejects for a token that is not good. */
  readonly verifyToken: (token: string) => Promise<TaskIdentity>;
  readonly rules: EgressRuleStore;
  /** Rules of every workspace. */
  readonly defaultRules: readonly string[];
  readonly log: Logger;
  readonly registry: Registry;
  /** @default the system's resolver */
  readonly resolve?: ResolveName;
  /** @default TCP */
  readonly dial?: Dial;
  /** Endpoints of the platform itself, closed whatever is listed. @default none */
  readonly isProtected?: (address: string, port: number) => boolean;
  /** What the gateway serves itself. @default nothing */
  readonly own?: readonly OwnRoutes[];
}

export interface GatewayLimits {
  /** Connections that one task may have open. @default 64 */
  readonly maxConnectionsPerTask: number;
  /** Connections that have shown no token yet; when one more comes, one of the peer that has most goes. @default 512 */
  readonly maxUnknownConnections: number;
  /** Time for a client to send its request's headers. @default 10000 */
  readonly headersTimeoutMs: number;
  /** @default 16384 */
  readonly maxHeaderBytes: number;
  /** @default 10000 */
  readonly connectTimeoutMs: number;
  /** Time in which something must move. @default 300000 */
  readonly idleTimeoutMs: number;
  /** The same in a tunnel of which one side has ended. @default 30000 */
  readonly halfClosedTimeoutMs: number;
}

const DEFAULT_LIMITS: GatewayLimits = {
  maxConnectionsPerTask: 64,
  maxUnknownConnections: 512,
  headersTimeoutMs: 10_000,
  maxHeaderBytes: 16_384,
  connectTimeoutMs: 10_000,
  idleTimeoutMs: 300_000,
  halfClosedTimeoutMs: 30_000,
};

/** The gateway's server: the proxy, and what it serves itself, the same on each of its ways. */
export interface Gateway {
  /** Starts to listen on a Unix socket. @throws SocketPathTooLongError, SocketInUseError */
  listen(socketPath: string): Promise<void>;
  /** Starts to listen on TCP; port 0 takes a free one. Resolves to where. Rejects when the address cannot be had. */
  listenOnTcp(endpoint: Endpoint): Promise<Endpoint>;
  /** Rejects when the proxy does not listen on each of the ways on which it was told to. */
  check(): Promise<void>;
  /** Takes nothing new, lets what runs end for at most `graceMs`, then cuts it. Idempotent. @default 0 ms */
  close(options?: { readonly graceMs?: number }): Promise<void>;
}

/** An HTTP proxy (CONNECT, and absolute URLs for plain HTTP) that asks for a task's token and obeys its workspace's rules. */
export function buildGateway(deps: GatewayDeps, options: Partial<GatewayLimits> = {}): Gateway {
  const limits = { ...DEFAULT_LIMITS, ...options };
  const { log } = deps;
  const connections = new SharedConnections({
    maxPerTask: limits.maxConnectionsPerTask,
    maxUnknown: limits.maxUnknownConnections,
  });
  const metrics = createGatewayMetrics(deps.registry, () => connections.open);
  const policy = new EgressPolicy({
    store: deps.rules,
    defaultRules: deps.defaultRules,
    resolver: new FairResolver({ resolve: deps.resolve ?? resolveBySystem }),
    resolveTimeoutMs: limits.connectTimeoutMs,
    ...(deps.isProtected && { isProtected: deps.isProtected }),
    onInvalidRule: (workspaceId, rule) =>
      log.warn({ event: "egress_rule_invalid", workspaceId, rule }, "egress rule ignored: it does not parse"),
  });
  const handlerDeps = {
    verifyToken: deps.verifyToken,
    policy,
    connections,
    dial: deps.dial ?? dialTcp,
    connectTimeoutMs: limits.connectTimeoutMs,
    idleTimeoutMs: limits.idleTimeoutMs,
    halfClosedTimeoutMs: limits.halfClosedTimeoutMs,
  };

  const serve = (): Server => {
    const server = createServer({
      maxHeaderSize: limits.maxHeaderBytes,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: 0, // an upload may take long: what must not happen is that nothing moves
      connectionsCheckingInterval: Math.min(1_000, limits.headersTimeoutMs),
      keepAliveTimeout: limits.headersTimeoutMs,
      insecureHTTPParser: false,
      requireHostHeader: true,
    });
    server.setTimeout(limits.idleTimeoutMs);
    server.on("connection", (socket: Socket) => connections.add(socket));
    server.on("request", (request, response) => {
      const path = ownPath(request.url ?? "");
      const own = path === undefined ? undefined : deps.own?.find(({ prefix }) => path.startsWith(prefix));
      if (path !== undefined && own !== undefined) {
        const exchange = new Exchange("git", { log, metrics });
        void own.handle({
          ...{ request, response, path, exchange },
          async identify() {
            const identity = await authenticateOwn(deps, request.headers);
            exchange.identity = identity;
            assignTo(connections, request.socket, identity.taskId);
            return identity;
          },
          connect: (identity, target) => connectTo(handlerDeps, exchange, request, identity, target),
        });
        return;
      }
      void forward(handlerDeps, new Exchange("http", { log, metrics }), request, response);
    });
    server.on("connect", (request, socket, head) => {
      void tunnel(handlerDeps, new Exchange("connect", { log, metrics }), request, socket, head);
    });
    server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
      metrics.decisions.inc({ decision: "refuse", reason: "egress_request_malformed" });
      log.debug({ event: "egress_request_malformed", code: error.code }, "request could not be read");
      if (!socket.writable || error.code === "ECONNRESET") socket.destroy();
      else socket.end(`HTTP/1.1 ${malformedStatus(error.code)}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    });
    return server;
  };
  const servers: Server[] = [];

  return {
    async listen(socketPath) {
      const server = serve();
      servers.push(server);
      await listenOnUnixSocket(server, socketPath);
    },
    async listenOnTcp({ host, port }) {
      const server = serve();
      servers.push(server);
      server.listen(port, host);
      await once(server, "listening");
      return { host, port: (server.address() as AddressInfo).port };
    },
    async check() {
      if (servers.length === 0 || !servers.every(({ listening }) => listening))
        throw new Error("the proxy does not listen");
    },
    close: ({ graceMs = 0 } = {}) => closeServers(servers, connections, graceMs),
  };
}

function malformedStatus(code: string | undefined): string {
  if (code === "HPE_HEADER_OVERFLOW") return "431 Request Header Fields Too Large";
  return code === "ERR_HTTP_REQUEST_TIMEOUT" ? "408 Request Timeout" : "400 Bad Request";
}

async function closeServers(
  servers: readonly Server[],
  connections: SharedConnections,
  graceMs: number,
): Promise<void> {
  const closed = servers.filter(({ listening }) => listening).map((server) => once(server.close(), "close"));
  for (const server of servers) server.closeIdleConnections();
  const cut = setTimeout(() => connections.destroyAll(), graceMs);
  await Promise.all(closed);
  clearTimeout(cut);
}
