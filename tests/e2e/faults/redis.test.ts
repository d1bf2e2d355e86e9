import { setTimeout as delay } from "node:timers/promises";
import { describeFault } from "./describe-fault.ts";
import { TASKS } from "./load.ts";
import { redisOf } from "./redis-of.ts";

const PAUSE_MS = 10_000;

await describeFault({
  name: "SIGKILL of Redis and its start with what its file holds, twice,",
  async inject(platform, load) {
    const redis = redisOf(platform);
    for (let time = 1; time <= 2; time++) {
      await load.untilEnded((TASKS / 4) * time);
      await redis.kill();
      await load.untilEnded((TASKS / 4) * time + TASKS / 20); // without any Redis tasks are done all the same
      await redis.restart();
    }
  },
});

await describeFault({
  name: "a clean stop of Redis and its start, twice,",
  async inject(platform, load) {
    const redis = redisOf(platform);
    for (let time = 1; time <= 2; time++) {
      await load.untilEnded((TASKS / 4) * time);
      await redis.shutdown();
      await redis.restart();
    }
  },
});

await describeFault({
  name: "a Redis that comes back empty, twice,",
  load: { credential: true },
  async inject(platform, load) {
    for (let time = 1; time <= 2; time++) {
      await load.untilEnded((TASKS / 4) * time);
      await redisOf(platform).restart({ empty: true });
    }
  },
});

await describeFault({
  name: "SIGSTOP of Redis for 10 s, beyond every lease,",
  async inject(platform, load) {
    const redis = redisOf(platform);
    await load.untilEnded(TASKS / 4);
    redis.pause();
    await delay(PAUSE_MS); // the fault itself: there is no signal to wait for
    redis.resume();
  },
});
