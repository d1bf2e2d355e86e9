import type { Redis } from "ioredis";
import { taskResultKey, workerHeartbeatKey } from "../../contracts/queue-names.ts";

import type { QueueBackend } from "../../contracts/service-env.ts";
import { TaskResult } from "../../contracts/task.ts";
import type { Logger } from "../runtime/logger.ts";
import { connectRedis } from "../runtime/redis.ts";

const RESULT_SECONDS = 3_600;
/** Of the JSON. Redis throws nothing out to make room, so what is large is read from the record each time. */
const MAX_RESULT_BYTES = 65_536;
const HEARTBEAT_SECONDS = 60;

/**
 * What is read from Redis although the record has it: results that were read within the hour. Only those of tasks that
 * have ended, which never change. And one key per worker, for who watches Redis alone. Whatever fails is a miss.
 */
export class RedisCache {
  readonly #redis: Redis;

  constructor(deps: { readonly url: string; readonly log: Logger }) {
    this.#redis = connectRedis({ ...deps, name: "automatos-cache" });
  }

  async result(taskId: string): Promise<TaskResult | undefined> {
    try {
      const text = await this.#redis.get(taskResultKey(taskId));
      const parsed = text === null ? undefined : TaskResult.safeParse(JSON.parse(text));
      return parsed?.data?.taskId === taskId ? parsed.data : undefined;
    } catch {
      return undefined;
    }
  }

  /** Resolves when it is kept, or is not to be had. */
  async keepResult(result: TaskResult): Promise<void> {
    const text = JSON.stringify(result);
    if (Buffer.byteLength(text) > MAX_RESULT_BYTES) return;
    await this.#redis.set(taskResultKey(result.taskId), text, "EX", RESULT_SECONDS).catch(() => undefined);
  }

  async beat(workerId: string): Promise<void> {
    const now = new Date().toISOString();
    await this.#redis.set(workerHeartbeatKey(workerId), now, "EX", HEARTBEAT_SECONDS).catch(() => undefined);
  }

  /** Of a worker that has ended in good order. */
  async removeBeat(workerId: string): Promise<void> {
    await this.#redis.del(workerHeartbeatKey(workerId)).catch(() => undefined);
  }

  close(): void {
    this.#redis.disconnect();
  }
}

/** Where the queues are on Redis. */
export function createRedisCache(
  settings: { readonly QUEUE_BACKEND: QueueBackend; readonly REDIS_URL?: string | undefined },
  log: Logger,
): RedisCache | undefined {
  const { QUEUE_BACKEND: backend, REDIS_URL: url } = settings;
  return backend === "redis" && url !== undefined ? new RedisCache({ url, log }) : undefined;
}
