import type { Queryable } from "../../runtime/database.ts";
import type { NotificationListener } from "../../runtime/listener.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { EventBus, HearNews, TaskNews } from "./event-bus.ts";

/** As the migrations' triggers send it: `<task id>`, or `<task id> ended`. */
const CHANNEL = "automatos_events";

/** LISTEN and NOTIFY on the record's own server, which tells of every event that is written there. */
export class PostgresEventBus implements EventBus {
  readonly needsWriters = false;
  readonly #pool: Queryable;
  readonly #listener: NotificationListener;
  readonly #log: Logger;

  /** `listener` is started and closed by its owner. */
  constructor(deps: { readonly pool: Queryable; readonly listener: NotificationListener; readonly log: Logger }) {
    this.#pool = deps.pool;
    this.#listener = deps.listener;
    this.#log = deps.log;
  }

  async start(): Promise<void> {
    return undefined;
  }

  async publish(news: readonly TaskNews[]): Promise<void> {
    const payloads = news.map(({ taskId, ended }) => (ended ? `${taskId} ended` : taskId));
    try {
      await this.#pool.query("SELECT pg_notify($1, payload) FROM unnest($2::text[]) AS payload", [CHANNEL, payloads]);
    } catch (error) {
      this.#log.warn({ event: "news_lost", tasks: news.length, err: error }, "followers were not told of events");
    }
  }

  subscribe(hear: HearNews): () => void {
    return this.#listener.subscribe(CHANNEL, (payload) => {
      const [taskId = "", ended] = payload.split(" ");
      hear({ taskId, ended: ended === "ended" });
    });
  }

  onGap(handler: () => void): () => void {
    return this.#listener.onReconnect(handler);
  }

  async close(): Promise<void> {
    return undefined;
  }
}
