import { TASKS } from "./load.ts";
import { describeFault, runningAt } from "./describe-fault.ts";

await describeFault({
  name: "SIGKILL of PostgreSQL and its start, twice",
  queues: ["postgres", "redis"],
  startedAgain: runningAt(2),
  async inject({ postgres }, load) {
    for (let time = 1; time <= 2; time++) {
      await load.untilEnded((TASKS / 4) * time);
      await postgres.kill();
      await postgres.restart();
    }
  },
});
