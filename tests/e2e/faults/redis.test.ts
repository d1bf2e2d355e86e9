import { setTimeout as delay } from "node:timers/promises";
import { describeFault } from "./describe-fault.ts";
import { TASKS } from "./load.ts";
import { redisOf } from "./redis-of.ts";

/** So long that a machine under load loses none, and shorter than the pause. */
const LEASE_SECONDS = 15;
const PAUSE_MS = 20_000;

await describeFault({
  name: "SIGKILL of Redis and its start with what its file holds, twice,",
  startedAgain: 0,
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
  startedAgain: 0,
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
  startedAgain: 0,
  async inject(platform, load) {
    for (let time = 1; time <= 2; time++) {
      await load.untilEnded((TASKS / 4) * time);
      await redisOf(platform).restart({ empty: true });
    }
  },
});

await describeFault({
  name: "SIGSTOP of Redis for 20 s, beyond every lease,",
  platform: { leaseSeconds: LEASE_SECONDS },
  startedAgain: 0, // leases are in PostgreSQL
  async inject(platform, load) {
    const redis = redisOf(platform);
    await load.untilEnded(TASKS / 4);
    redis.pause();
    await delay(PAUSE_MS); // the fault itself: there is no signal to wait for
    redis.resume();
  },
});
