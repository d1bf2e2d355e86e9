import { setTimeout as delay } from "node:timers/promises";
import { dropPackets, inOwnNetwork } from "../../support/own-network.ts";
import type { TestPlatform } from "../../support/platform.ts";
import { describeFault, LEASE_SECONDS } from "./describe-fault.ts";
import { TASKS, type Load } from "./load.ts";
import { redisOf } from "./redis-of.ts";

/** Workers reach the stores by an address of their own: what they send there, and hear from there, is dropped. */
const STORES_ADDRESS = "127.0.0.2";
const SHORTER_MS = (LEASE_SECONDS * 1_000) / 2;
const LONGER_MS = LEASE_SECONDS * 1_000 * 2;

const cut = (portOf: (platform: TestPlatform) => number) => async (platform: TestPlatform, load: Load) => {
  for (const [index, ms] of [SHORTER_MS, LONGER_MS].entries()) {
    await load.untilEnded((TASKS / 4) * (index + 1));
    const restore = await dropPackets(STORES_ADDRESS, portOf(platform));
    await delay(ms); // the fault itself: there is no signal to wait for
    await restore();
  }
};

await inOwnNetwork(import.meta.filename, async () => {
  await describeFault({
    name: "packets between the workers and PostgreSQL dropped for half a lease, then for two,",
    platform: { storesAddress: STORES_ADDRESS },
    load: { credential: true },
    inject: cut(({ postgres }) => postgres.port),
  });
  await describeFault({
    name: "packets between the workers and Redis dropped for half a lease, then for two,",
    platform: { storesAddress: STORES_ADDRESS },
    inject: cut((platform) => redisOf(platform).port),
  });
});
