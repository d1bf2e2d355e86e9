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
  #sending = Promise.resolve(true);
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
    if (!(await this.#send("SELECT 1"))) throw new Error("notifications cannot be heard at present");
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
      const channels = [...this.#handlers.keys()].map((channel) => `LISTEN ${pg.escapeIdentifier(channel)}`);
      if (!(await this.#send(["SELECT 1", ...channels].join("; ")))) throw new Error("connection lost");
    } catch (error) {
      if (this.#client === client) this.#client = undefined;
      client.end().catch(() => undefined);
      throw error;
    }
  }

  /** One after the other. Resolves to false when it failed, which it does with its connection alone. */
  #send(statement: string): Promise<boolean> {
    const sent = this.#sending.then(async () => {
      if (this.#client === undefined) return false;
      return this.#client.query(statement).then(
        () => true,
        () => false,
      );
    });
    this.#sending = sent;
    return sent;
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
