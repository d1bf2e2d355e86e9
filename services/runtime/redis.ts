import { Redis } from "ioredis";
import type { Logger } from "./logger.ts";

export interface RedisOptions {
  /** `redis://` or `rediss://`, with `user:password@` where the server asks for one. */
  readonly url: string;
  /** Shown in CLIENT LIST. */
  readonly name: string;
  readonly log: Logger;
}

const CONNECT_TIMEOUT_MS = 3_000;
/** A server that has not answered by then is taken for one that is away. */
export const REDIS_TIMEOUT_MS = 2_000;
const SILENCE_MS = 5_000;
const FIRST_RETRY_MS = 50;
const LAST_RETRY_MS = 1_000;

/**
 * A connection that is made again by itself, for ever. A command fails at once while it is down, and after
 * REDIS_TIMEOUT_MS when nobody answers: nothing waits for Redis, as all that it holds is in the record as well.
 * Certificates are checked against the system's authorities, and NODE_EXTRA_CA_CERTS.
 *
 * Errors of commands hold the commands' arguments: log their messages alone.
 */
export function connectRedis({ url, name, log }: RedisOptions): Redis {
  const redis = new Redis(url, {
    connectionName: name,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    connectTimeout: CONNECT_TIMEOUT_MS,
    commandTimeout: REDIS_TIMEOUT_MS,
    // A connection that was cut without a word is found out by what it does not answer.
    socketTimeout: SILENCE_MS,
    keepAlive: 10_000,
    retryStrategy: (attempt) => Math.min(FIRST_RETRY_MS * 2 ** Math.min(attempt, 10), LAST_RETRY_MS),
  });
  let isLost = false;
  redis.on("error", ({ message }: Error) => {
    if (!isLost) log.warn({ event: "redis_lost", name, reason: message }, "redis cannot be reached");
    isLost = true;
  });
  redis.on("ready", () => {
    if (isLost) log.info({ event: "redis_reconnected", name }, "redis is back");
    isLost = false;
  });
  return redis;
}
