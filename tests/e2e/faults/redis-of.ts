import type { TestPlatform } from "../../support/platform.ts";
import type { TestRedis } from "../../support/redis.ts";

/** The Redis of a row whose queues are on it. */
export function redisOf({ redis }: Pick<TestPlatform, "redis">): TestRedis {
  if (redis === undefined) throw new Error("the queues of this row are not on Redis");
  return redis;
}
