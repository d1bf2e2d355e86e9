import { setTimeout as delay } from "node:timers/promises";
import { dropPackets, inOwnNetwork } from "../../support/own-network.ts";
import type { TestPlatform } from "../../support/platform.ts";
import { describeFault, LEASE_SECONDS, runningAt } from "./describe-fault.ts";
import { TASKS, type Load } from "./load.ts";
import { redisOf } from "./redis-of.ts";

/** Workers reach the stores by an address of their own: what they send there, and hear from there, is dropped. */
const STORES_ADDRESS = "127.0.0.2";
/** Where no lease has to end: so long that a machine under load loses none. */
const SAFE_LEASE_SECONDS = 15;

function cut(portOf: (platform: TestPlatform) => number, leaseSeconds: number) {
  return async (platform: TestPlatform, load: Load) => {
    for (const [index, leases] of [0.5, 2].entries()) {
      await load.untilEnded((TASKS / 4) * (index + 1));
      const restore = await dropPackets(STORES_ADDRESS, portOf(platform));
      await delay(leases * leaseSeconds * 1_000); // the fault itself: there is no signal to wait for
      await restore();
    }
  };
}

await inOwnNetwork(import.meta.filename, async () => {
  await describeFault({
    name: "packets between the workers and PostgreSQL dropped for half a lease, then for two,",
    platform: { storesAddress: STORES_ADDRESS },
    startedAgain: runningAt(2),
    inject: cut(({ postgres }) => postgres.port, LEASE_SECONDS),
  });
  await describeFault({
    name: "packets between the workers and Redis dropped for half a lease, then for two,",
    platform: { storesAddress: STORES_ADDRESS, leaseSeconds: SAFE_LEASE_SECONDS },
    startedAgain: 0, // leases are in PostgreSQL
    inject: cut((platform) => redisOf(platform).port, SAFE_LEASE_SECONDS),
  });
});
