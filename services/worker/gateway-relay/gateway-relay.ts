import { mkdir } from "node:fs/promises";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import path from "node:path";
import type { Endpoint } from "../../../contracts/endpoint.ts";
import type { Logger } from "../../runtime/logger.ts";
import { joinSockets } from "../../runtime/join-sockets.ts";
import { SharedConnections } from "../../runtime/shared-connections.ts";
import { listenOnUnixSocket } from "../../runtime/unix-socket.ts";
import { type Refusal, refuseHttp, GATEWAY_AWAY, TOO_MANY_CONNECTIONS } from "./refuse-http.ts";
import { tokensIn } from "./tokens-in.ts";
import type { GatewayWay } from "./gateway-way.ts";

export interface GatewayRelayDeps {
  /** Folder of this worker alone, in which its socket is made. */
  readonly runtimeDir: string;
  /** Where the gateway's proxy listens. */
  readonly gateway: Endpoint;
  /** The task that a token names; rejects for one that is not good. */
  readonly taskOf: (token: string) => Promise<string>;
  readonly log: Logger;
  readonly limits?: Partial<RelayLimits>;
}

export interface RelayLimits {
  /** Connections of one task, as many as the gateway itself lets it have. @default 64 */
  readonly maxPerTask: number;
  /** Connections without a good token; the oldest goes when one more comes. @default 256 */
  readonly maxUnknown: number;
  /** Time for a client to say something. @default 10000 */
  readonly firstByteMs: number;
  /** Time for the gateway to accept a connection. @default 3000 */
  readonly connectMs: number;
}

const DEFAULT_LIMITS: RelayLimits = { maxPerTask: 64, maxUnknown: 256, firstByteMs: 10_000, connectMs: 3_000 };
/** A gateway whose machine is gone closes nothing: its side is asked for a sign of life after so long. */
const KEEP_ALIVE_MS = 30_000;
/** One line in the log for so long, however many connections find the gateway away. */
const LOG_EVERY_MS = 5_000;

/**
 * The gateway's Unix socket on a machine that the gateway is not on: sandboxes see no difference. It passes bytes on,
 * and decides nothing: the gateway asks each request for its token. That it knows the token too serves to share out
 * connections, so that no task takes them from the others.
 */
export class GatewayRelay implements GatewayWay {
  readonly socketPath: string;
  readonly #deps: GatewayRelayDeps;
  readonly #limits: RelayLimits;
  readonly #connections: SharedConnections;
  readonly #server: Server;
  #loggedAt = -Infinity;

  constructor(deps: GatewayRelayDeps) {
    this.#deps = deps;
    this.#limits = { ...DEFAULT_LIMITS, ...deps.limits };
    this.socketPath = path.join(deps.runtimeDir, "gateway.sock");
    this.#connections = new SharedConnections(this.#limits);
    this.#server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => void this.#serve(client));
  }

  /** Connections that are open now. */
  get open(): number {
    return this.#connections.open;
  }

  /** @throws SocketPathTooLongError, SocketInUseError */
  async start(): Promise<void> {
    await mkdir(this.#deps.runtimeDir, { recursive: true, mode: 0o711 });
    await listenOnUnixSocket(this.#server, this.socketPath);
  }

  /** @throws while nothing can come this way. */
  check(): void {
    if (!this.#server.listening) throw new Error("the relay to the gateway does not listen");
  }

  /** Cuts what is open. Idempotent. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#connections.destroyAll();
    await closed;
  }

  /** Never rejects. */
  async #serve(client: Socket): Promise<void> {
    client.on("error", () => client.destroy());
    this.#connections.add(client);
    // Nobody is connected to the gateway who has nothing to say: an idle connection costs it nothing.
    const first = await firstBytes(client, this.#limits.firstByteMs);
    if (first === undefined) {
      client.destroy();
      return;
    }
    const taskId = await this.#taskOf(first);
    if (taskId !== undefined && !this.#connections.assign(client, taskId)) {
      refuseHttp(client, TOO_MANY_CONNECTIONS);
      return;
    }
    const gateway = await this.#dial(client);
    if (gateway === undefined) {
      this.#refuse(client, GATEWAY_AWAY);
      return;
    }
    gateway.write(first);
    joinSockets(client, gateway);
  }

  async #taskOf(head: Buffer): Promise<string | undefined> {
    for (const token of tokensIn(head)) {
      const taskId = await this.#deps.taskOf(token).catch(() => undefined);
      if (taskId !== undefined) return taskId;
    }
    return undefined;
  }

  async #dial(client: Socket): Promise<Socket | undefined> {
    const { host, port } = this.#deps.gateway;
    const gateway = connect({ host, port, allowHalfOpen: true, noDelay: true });
    gateway.setKeepAlive(true, KEEP_ALIVE_MS);
    const giveUp = () => gateway.destroy();
    client.once("close", giveUp);
    gateway.setTimeout(this.#limits.connectMs, giveUp);
    const isOpen = await new Promise<boolean>((resolve) => {
      gateway.once("connect", () => resolve(true));
      gateway.on("error", () => gateway.destroy()).once("close", () => resolve(false));
    });
    client.off("close", giveUp);
    gateway.setTimeout(0).removeAllListeners("timeout");
    if (!isOpen) return undefined;
    if (!client.destroyed) return gateway;
    gateway.destroy();
    return undefined;
  }

  #refuse(client: Socket, refusal: Refusal): void {
    if (client.destroyed) return;
    const now = performance.now();
    if (now - this.#loggedAt > LOG_EVERY_MS) {
      this.#loggedAt = now;
      this.#deps.log.warn({ event: "gateway_away", ...this.#deps.gateway }, "the gateway cannot be reached");
    }
    refuseHttp(client, refusal);
  }
}

/** What the client sends first; undefined when it sends nothing. It stays paused. */
function firstBytes(client: Socket, withinMs: number): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const done = (bytes: Buffer | undefined) => {
      clearTimeout(timer);
      client.pause();
      client.off("data", done).off("end", nothing).off("close", nothing);
      resolve(bytes);
    };
    const nothing = () => done(undefined);
    const timer = setTimeout(nothing, withinMs);
    client.on("data", done).once("end", nothing).once("close", nothing);
    client.resume();
  });
}
