import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, request, type Server } from "node:http";
import { type AddressInfo, connect, createServer as createTcpServer, type Server as TcpServer, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { Registry } from "prom-client";
import { buildGateway, type Gateway, type GatewayDeps, type GatewayLimits } from "../../../services/gateway/app.ts";
import type { Endpoint } from "../../../contracts/endpoint.ts";
import { GatewayRelay, type RelayLimits } from "../../../services/worker/gateway-relay/gateway-relay.ts";
import { signTaskToken, verifyTaskToken } from "../../../services/runtime/task-token.ts";

export const WORKSPACE = "5b0c1a52-0c5e-4d54-9a0c-7c3ad9a20001";
export const TASK = "0b7a64a2-9a52-4b5e-8f7c-1c2d3e4f0001";
export const KEY = new Uint8Array(32).fill(7);

export interface TestGateway extends AsyncDisposable {
  readonly gateway: Gateway;
  readonly socketPath: string;
  readonly registry: Registry;
  /** Lines of the log so far. */
  readonly log: Record<string, unknown>[];
  /** `Proxy-Authorization` of a task of WORKSPACE. */
  readonly authorization: string;
}

export type StartGateway = (
  rules: readonly string[],
  deps?: Partial<GatewayDeps>,
  limits?: Partial<GatewayLimits>,
) => Promise<TestGateway>;

/** A gateway on a socket of its own, whose workspace WORKSPACE has `rules`. */
export const startGateway: StartGateway = (...args) => start("socket", ...args);
/** The same on TCP, and before it the relay of a worker, whose socket `socketPath` is. */
export const startRelayedGateway: StartGateway = (...args) => start("tcp", ...args);
/** Each way to a gateway, which a client sees no difference of. */
export const WAYS: readonly (readonly [string, StartGateway])[] = [
  ["on its Unix socket", startGateway],
  ["on TCP, through a worker's relay", startRelayedGateway],
];

async function start(
  way: "socket" | "tcp",
  rules: readonly string[],
  deps: Partial<GatewayDeps> = {},
  limits: Partial<GatewayLimits> = {},
): Promise<TestGateway> {
  const folder = await mkdtemp(join(tmpdir(), "gateway-"));
  let socketPath = join(folder, "proxy.sock");
  let relay: GatewayRelay | undefined;
  const log: Record<string, unknown>[] = [];
  const registry = new Registry();
  const gateway = buildGateway(
    {
      verifyToken: (token) => verifyTaskToken(token, KEY),
      rules: { rulesOf: async (workspaceId) => (workspaceId === WORKSPACE ? rules : undefined) },
      defaultRules: [],
      log: pino({ level: "debug" }, { write: (line) => log.push(JSON.parse(line) as Record<string, unknown>) }),
      registry,
      ...deps,
    },
    limits,
  );
  if (way === "socket") await gateway.listen(socketPath);
  else {
    const endpoint = await gateway.listenOnTcp({ host: "127.0.0.1", port: 0 });
    relay = relayTo(endpoint, folder);
    await relay.start();
    ({ socketPath } = relay);
  }
  return {
    gateway,
    socketPath,
    registry,
    log,
    authorization: await authorizationFor(TASK),
    async [Symbol.asyncDispose]() {
      await relay?.close();
      await gateway.close();
      await rm(folder, { recursive: true });
    },
  };
}

/** A worker's relay to a gateway whose tokens KEY signs. */
export const relayTo = (gateway: Endpoint, runtimeDir: string, limits: Partial<RelayLimits> = {}): GatewayRelay =>
  new GatewayRelay({
    ...{ runtimeDir, gateway, limits, log: pino({ level: "silent" }) },
    taskOf: async (token) => (await verifyTaskToken(token, KEY)).taskId,
  });

export async function authorizationFor(taskId: string, workspaceId = WORKSPACE): Promise<string> {
  const token = await signTaskToken({ workspaceId, taskId, expiresInSeconds: 60 }, KEY);
  return basic(token);
}

export const basic = (token: string): string => `Basic ${Buffer.from(`task:${token}`).toString("base64")}`;

/** Sends bytes to the gateway as they are, and resolves to all that comes back until it closes. */
export function raw(socketPath: string, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    const chunks: Buffer[] = [];
    socket.on("data", (chunk) => chunks.push(chunk));
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(Buffer.concat(chunks).toString("latin1")));
    socket.write(bytes, "latin1");
  });
}

/** A CONNECT; resolves to the status and, when it is 200, the open tunnel. */
export function openTunnel(
  { socketPath, authorization }: Pick<TestGateway, "socketPath" | "authorization">,
  target: string,
): Promise<{ status: number; socket: Socket; body: Record<string, unknown> }> {
  return new Promise((resolve, reject) => {
    const connecting = request({
      socketPath,
      method: "CONNECT",
      path: target,
      headers: { "Proxy-Authorization": authorization },
    });
    connecting.on("error", reject);
    connecting.on("connect", (response, socket, head) => {
      if (!(socket instanceof Socket)) throw new Error("not a socket");
      if (response.statusCode === 200) {
        socket.unshift(head);
        resolve({ status: 200, socket, body: {} });
      } else {
        const chunks: Buffer[] = [head];
        socket.on("data", (chunk) => chunks.push(chunk));
        socket.on("error", reject);
        socket.on("end", () => {
          socket.destroy();
          const body = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>;
          resolve({ status: response.statusCode ?? 0, socket, body });
        });
      }
    });
    connecting.end();
  });
}

/** A plain HTTP request through the gateway. */
export function get(
  { socketPath, authorization }: Pick<TestGateway, "socketPath" | "authorization">,
  url: string,
  options: { readonly method?: string; readonly headers?: Record<string, string>; readonly body?: string } = {},
): Promise<{ status: number; headers: IncomingMessage["headers"]; body: string }> {
  const { host } = new URL(url);
  return new Promise((resolve, reject) => {
    const sending = request({
      socketPath,
      method: options.method ?? "GET",
      path: url,
      headers: { Host: host, "Proxy-Authorization": authorization, ...options.headers },
      agent: false,
    });
    sending.on("error", reject);
    sending.on("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString(),
        });
      });
    });
    sending.end(options.body);
  });
}

export interface TestServer extends AsyncDisposable {
  readonly port: number;
}

/** An HTTP server on a loopback port. */
export async function httpServer(handler: Parameters<typeof createServer>[1]): Promise<TestServer> {
  const server = createServer(handler);
  return listen(server, () => server.closeAllConnections());
}

/** A TCP server on a loopback port. */
export async function tcpServer(handler: (socket: Socket) => void): Promise<TestServer> {
  const sockets = new Set<Socket>();
  const server = createTcpServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    handler(socket);
  });
  return listen(server, () => {
    for (const socket of sockets) socket.destroy();
  });
}

async function listen(server: Server | TcpServer, closeAll: () => void): Promise<TestServer> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      closeAll();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
