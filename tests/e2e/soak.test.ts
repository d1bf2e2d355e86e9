import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { describe, it } from "node:test";
import { redisIsMissing } from "../support/redis.ts";
import { Soak, type SoakSample } from "../support/soak.ts";

const WARM_UP = 200;
const TASKS = 800;
/** Far below one for each task, and above what connections that come and go make of it. */
const SLACK = 20;

/** bench/soak.ts in short: what one task in ten kept, or one client, would show. */
describe(`a soak of ${TASKS} tasks`, { skip: await redisIsMissing() }, () => {
  it("leaves no file descriptor, no key of Redis and no connection behind", async (test) => {
    const soak = await Soak.start();
    try {
      await soak.run(WARM_UP, WARM_UP);
      const before = await soak.sample();
      await soak.run(TASKS, TASKS);
      const after = await untilFlat(soak, before);
      test.diagnostic(JSON.stringify({ before, after }));
      assert.deepEqual(grown(before, after), []);
    } finally {
      await soak.stop();
    }
  });
});

/** What holds more than before, beyond the slack. */
function grown(before: SoakSample, after: SoakSample): string[] {
  const names = Object.keys(before.processes).filter((name) => name !== "postgres"); // its files are a cache
  const descriptors = names.map((name) => {
    const [was, is] = [before, after].map(({ processes }) => processes[name]?.descriptors ?? 0);
    return [`descriptors of ${name}`, was ?? 0, is ?? 0] as const;
  });
  const counts = [
    ...descriptors,
    ["lasting keys of Redis", before.keys.lasting, after.keys.lasting] as const,
    ["connections to PostgreSQL", before.connections, after.connections] as const,
  ];
  return counts.filter(([, was, is]) => is > was + SLACK).map(([name, was, is]) => `${name}: ${was}, then ${is}`);
}

/** What follows the last tasks, such as the end of a stream, has its time. */
async function untilFlat(soak: Soak, before: SoakSample): Promise<SoakSample> {
  const deadline = performance.now() + 30_000;
  for (;;) {
    const after = await soak.sample();
    if (grown(before, after).length === 0 || performance.now() > deadline) return after;
    await delay(200);
  }
}
