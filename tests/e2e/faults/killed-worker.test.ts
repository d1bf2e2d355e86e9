import { TASKS } from "./load.ts";
import { describeFault, runningAt } from "./describe-fault.ts";

await describeFault({
  name: "kill -9 of each worker in turn",
  queues: ["postgres", "redis"],
  startedAgain: runningAt(2),
  async inject({ workers }, load) {
    for (const [index, worker] of workers.entries()) {
      await load.untilEnded((TASKS / 4) * (index + 1));
      await worker.kill();
      await worker.start();
    }
  },
});
