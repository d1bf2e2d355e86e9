import { setTimeout as delay } from "node:timers/promises";
import { TASKS } from "./load.ts";
import { describeFault } from "./describe-fault.ts";

const BEYOND_THE_LEASE_MS = 8_000;

await describeFault({
  name: "SIGSTOP of each worker beyond its lease, and SIGCONT,",
  // So long that some run for the second time, elsewhere, when the first worker goes on and would end them.
  load: { commandEvery: 3, commandSeconds: 1 },
  async inject({ workers }, load) {
    for (const [index, worker] of workers.entries()) {
      await load.untilEnded((TASKS / 4) * (index + 1));
      worker.signal("SIGSTOP");
      await delay(BEYOND_THE_LEASE_MS); // the lease ends by the clock: there is no signal to wait for
      worker.signal("SIGCONT");
    }
  },
});
