import { setTimeout as delay } from "node:timers/promises";
import type { Redis } from "ioredis";
import { EVENTS_PATTERN, taskEventsChannel, taskOfEventsChannel } from "../../../contracts/queue-names.ts";
import type { Logger } from "../../runtime/logger.ts";
import { connectRedis } from "../../runtime/redis.ts";
import type { EventBus, HearNews, TaskNews } from "./event-bus.ts";

const ENDED = "ended";
/** How often it is found out that the subscriber's connection was cut without a word. */
const PING_MS = 2_000;
/** A service does not wait longer for its first connection: Redis may be away at its start. */
const START_MS = 1_000;

/**
 * The channels `task:<id>:events` of a Redis. What is written by others than running tasks (a submission, a cancel) is
 * told by the record as ever, so `record` is heard as well; and it is told there while Redis is away.
 */
export class RedisEventBus implements EventBus {
  readonly needsWriters = true;
  readonly #record: EventBus;
  readonly #deps: { readonly url: string; readonly log: Logger };
  readonly #publisher: Redis;
  #subscriber: Redis | undefined;
  readonly #handlers = new Set<HearNews>();
  readonly #gapHandlers = new Set<() => void>();
  #pinging: NodeJS.Timeout | undefined;

  constructor(deps: { readonly url: string; readonly record: EventBus; readonly log: Logger }) {
    this.#record = deps.record;
    this.#deps = deps;
    this.#publisher = connectRedis({ ...deps, name: "automatos-events" });
  }

  async start(): Promise<void> {
    const subscriber = connectRedis({ ...this.#deps, name: "automatos-followers" });
    this.#subscriber = subscriber;
    subscriber.on("pmessage", (_pattern: string, channel: string, message: string) => {
      const taskId = taskOfEventsChannel(channel);
      for (const hear of this.#handlers) hear({ taskId, ended: message === ENDED });
    });
    const listening = new Promise<void>((resolve) => {
      subscriber.on("ready", () => void this.#listen(subscriber).then(resolve));
    });
    // No answer is noticed by the connection's own limit on silence, which makes a new one.
    this.#pinging = setInterval(() => {
      if (subscriber.status === "ready") subscriber.ping().catch(() => undefined);
    }, PING_MS);
    await Promise.race([listening, delay(START_MS, undefined, { ref: false })]);
  }

  async publish(news: readonly TaskNews[]): Promise<void> {
    const pipeline = this.#publisher.pipeline();
    for (const { taskId, ended } of news) pipeline.publish(taskEventsChannel(taskId), ended ? ENDED : "");
    try {
      const answers = await pipeline.exec();
      const failure = answers?.find(([error]) => error !== null)?.[0];
      if (failure) throw failure;
    } catch {
      await this.#record.publish(news);
    }
  }

  subscribe(hear: HearNews): () => void {
    this.#handlers.add(hear);
    const unsubscribe = this.#record.subscribe(hear);
    return () => {
      this.#handlers.delete(hear);
      unsubscribe();
    };
  }

  onGap(handler: () => void): () => void {
    this.#gapHandlers.add(handler);
    const unsubscribe = this.#record.onGap(handler);
    return () => {
      this.#gapHandlers.delete(handler);
      unsubscribe();
    };
  }

  async close(): Promise<void> {
    clearInterval(this.#pinging);
    this.#publisher.disconnect();
    this.#subscriber?.disconnect();
    await this.#record.close();
  }

  /** Hears again, and says that something may have been missed. */
  async #listen(subscriber: Redis): Promise<void> {
    try {
      await subscriber.psubscribe(EVENTS_PATTERN);
      for (const handler of this.#gapHandlers) handler();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#deps.log.warn({ event: "news_unheard", reason }, "events are not heard of at present");
      if (subscriber.status === "ready") subscriber.disconnect(true);
    }
  }
}
