import assert from "node:assert/strict";
import { TASKS } from "./load.ts";
import { describeFault } from "./describe-fault.ts";

await describeFault({
  name: "SIGTERM and start of each worker in turn, twice,",
  startedAgain: 0, // every task is shorter than the grace that a worker gives what it runs
  async inject({ workers }, load) {
    for (const [index, worker] of [...workers, ...workers].entries()) {
      await load.untilEnded((TASKS / 6) * (index + 1));
      assert.equal(await worker.terminate(), 0, `${worker.name} ends well`);
      await worker.start();
    }
  },
});
