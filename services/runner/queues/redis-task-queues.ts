import { setTimeout as delay } from "node:timers/promises";
import { createRedisBackend, withBackend } from "bullmq";
import type { Redis } from "ioredis";
import { QUEUE_PREFIX } from "../../../contracts/queue-names.ts";
import type { TaskPriority } from "../../../contracts/task.ts";
import type { Logger } from "../../runtime/logger.ts";
import { connectRedis, REDIS_TIMEOUT_MS } from "../../runtime/redis.ts";
import { QueuesUnreachableError } from "../errors.ts";
import { BullQueues } from "./bull-queues.ts";
import type { Delivery, TaskQueues } from "./task-queues.ts";

/** Is there as long as nothing was lost: a server that came back empty has lost this, too. */
const WHOLE_KEY = `${QUEUE_PREFIX}:whole`;

// Messages are fetched without blocking, so all share one connection. The backend closes none that it was given.
const { Queue, Worker } = withBackend((name: string, options: Parameters<typeof createRedisBackend>[1]) =>
  createRedisBackend(name, options),
);

/** The queues on a Redis, which may be away at any time, and come back with less than it had. */
export class RedisTaskQueues implements TaskQueues {
  readonly #log: Logger;
  readonly #redis: Redis;
  readonly #recovered = new Set<TaskPriority>();
  #opened: Promise<BullQueues> | undefined;
  #closing: Promise<void> | undefined;

  constructor(deps: { readonly url: string; readonly log: Logger }) {
    this.#log = deps.log;
    this.#redis = connectRedis({ ...deps, name: "automatos-queues" });
    this.#redis.setMaxListeners(0); // each of BullMQ's objects has some of its own on the one connection
  }

  /** Does not wait for the server: a worker runs without one, and uses it when it is there. */
  async start(): Promise<void> {
    return undefined;
  }

  async add(priority: TaskPriority, taskIds: readonly string[]): Promise<void> {
    await (await this.#queues()).add(priority, taskIds);
  }

  async addDead(taskIds: readonly string[]): Promise<void> {
    if (taskIds.length > 0) await (await this.#queues()).addDead(taskIds);
  }

  async take(priority: TaskPriority): Promise<Delivery | undefined> {
    return (await this.#queues()).take(priority);
  }

  async startRecovery(priority: TaskPriority): Promise<void> {
    this.#recovered.add(priority);
    await (await this.#opened)?.startRecovery(priority); // else when they are opened
  }

  async refillIfEmptied(refill: () => Promise<void>): Promise<boolean> {
    await this.#queues();
    if ((await this.#redis.exists(WHOLE_KEY)) === 1) return false;
    await refill();
    await this.#redis.set(WHOLE_KEY, "1");
    return true;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const queues = await this.#opened?.catch(() => undefined);
    await queues?.close();
    this.#redis.disconnect();
  }

  /** BullMQ's objects wait without end for a server that is not there, and fail for good with their first command. */
  #queues(): Promise<BullQueues> {
    if (this.#redis.status !== "ready") return Promise.reject(new QueuesUnreachableError());
    this.#opened ??= this.#open().catch((error: unknown) => {
      this.#opened = undefined;
      throw error;
    });
    return this.#opened;
  }

  async #open(): Promise<BullQueues> {
    const connection = this.#redis;
    const queues = new BullQueues({
      onError: (queue, error) => this.#report(queue, error),
      classes: {
        queue: (name, options) => new Queue(name, { ...options, connection }),
        worker: (name, options) => new Worker(name, null, { ...options, connection }),
      },
    });
    try {
      // They wait without end for a server that went away in this very moment.
      const late = delay(REDIS_TIMEOUT_MS, undefined, { ref: false }).then(() =>
        Promise.reject(new QueuesUnreachableError()),
      );
      await Promise.race([queues.ready(), late]);
      for (const priority of this.#recovered) await queues.startRecovery(priority);
      return queues;
    } catch (error) {
      void queues.close(); // which may wait for the server as well
      throw error;
    }
  }

  /** That the connection is lost is said once, by itself. Of an error the message alone: it holds its command. */
  #report(queue: string, { name, message }: Error): void {
    const level = name === "ReplyError" ? "warn" : "debug";
    this.#log[level]({ event: "queue_error", queue, reason: message }, "queue error");
  }
}
