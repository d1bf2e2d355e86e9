import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import type { Logger } from "./logger.ts";

type Handler = (payload: string) => void;

const FIRST_RETRY_MS = 50;
const LAST_RETRY_MS = 2_000;

export interface NotificationListenerOptions {
  readonly url: string;
  readonly applicationName: string;
  readonly log: Logger;
}

/**
 * The process' one LISTEN connection, shared by all who wait for a NOTIFY. What is sent while it is down is lost:
 * whoever must miss nothing looks for himself when `onReconnect` fires.
 */
export class NotificationListener {
  readonly #options: NotificationListenerOptions;
  readonly #handlers = new Map<string, Set<Handler>>();
  readonly #reconnectHandlers = new Set<() => void>();
  readonly #closing = new AbortController();
  #client: pg.Client | undefined;
  #reconnecting: Promise<void> | undefined;

  constructor(options: NotificationListenerOptions) {
    this.#options = options;
  }

  /** Connects. @throws the driver's error when the server cannot be reached; later losses are repaired in silence. */
  async start(): Promise<void> {
    await this.#connect();
  }

  /** Calls `handler` for each notification from when LISTEN has taken effect. Returns the way to end it. */
  subscribe(channel: string, handler: Handler): () => void {
    const handlers = this.#handlers.get(channel) ?? new Set<Handler>();
    handlers.add(handler);
    if (handlers.size === 1) {
      this.#handlers.set(channel, handlers);
      void this.#send(`LISTEN ${pg.escapeIdentifier(channel)}`);
    }
    return () => {
      if (!handlers.delete(handler) || handlers.size > 0) return;
      this.#handlers.delete(channel);
      void this.#send(`UNLISTEN ${pg.escapeIdentifier(channel)}`);
    };
  }

  /** Calls `handler` after each loss of the connection, once all channels are heard again. */
  onReconnect(handler: () => void): () => void {
    this.#reconnectHandlers.add(handler);
    return () => this.#reconnectHandlers.delete(handler);
  }

  /** @throws when notifications cannot be heard at present. */
  async check(): Promise<void> {
    if (this.#client === undefined) throw new Error("not connected");
    await this.#client.query("SELECT 1");
  }

  /** Resolves when every LISTEN sent so far has taken effect. */
  async ready(): Promise<void> {
    await this.#send("SELECT 1");
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#reconnecting;
    const client = this.#client;
    this.#client = undefined;
    await client?.end();
  }

  async #connect(): Promise<void> {
    const { url, applicationName } = this.#options;
    const client = new pg.Client({
      connectionString: url,
      application_name: `${applicationName}-listener`,
      keepAlive: true,
      connectionTimeoutMillis: 5_000,
    });
    client.on("error", () => this.#lost(client));
    client.on("end", () => this.#lost(client));
    client.on("notification", ({ channel, payload }) => {
      for (const handler of this.#handlers.get(channel) ?? []) handler(payload ?? "");
    });
    try {
      await client.connect();
      this.#client = client;
      for (const channel of this.#handlers.keys()) await client.query(`LISTEN ${pg.escapeIdentifier(channel)}`);
    } catch (error) {
      if (this.#client === client) this.#client = undefined;
      client.end().catch(() => undefined);
      throw error;
    }
  }

  /** A statement that fails here fails with its connection, and the next one listens to all channels anew. */
  async #send(statement: string): Promise<void> {
    await this.#client?.query(statement).catch(() => undefined);
  }

  #lost(client: pg.Client): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    if (this.#closing.signal.aborted) return;
    this.#options.log.warn({ event: "listener_lost" }, "notification connection lost");
    this.#reconnecting ??= this.#reconnect().finally(() => {
      this.#reconnecting = undefined;
    });
  }

  async #reconnect(): Promise<void> {
    const { signal } = this.#closing;
    for (let waitMs = FIRST_RETRY_MS; !signal.aborted; waitMs = Math.min(waitMs * 2, LAST_RETRY_MS)) {
      try {
        await this.#connect();
        this.#options.log.info({ event: "listener_reconnected" }, "notification connection is back");
        for (const handler of this.#reconnectHandlers) handler();
        return;
      } catch {
        await delay(waitMs, undefined, { signal }).catch(() => undefined);
      }
    }
  }
}
