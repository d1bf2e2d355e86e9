import { setTimeout as delay } from "node:timers/promises";
import { TASKS } from "./load.ts";
import { describeFault, runningAt } from "./describe-fault.ts";

const PAUSE_MS = 10_000;

await describeFault({
  name: "a clean stop of PostgreSQL and its start, twice",
  startedAgain: runningAt(2),
  async inject({ postgres }, load) {
    for (let time = 1; time <= 2; time++) {
      await load.untilEnded((TASKS / 4) * time);
      await postgres.shutdown();
      await postgres.restart();
    }
  },
});

await describeFault({
  name: "SIGSTOP of PostgreSQL for 10 s, beyond every lease,",
  startedAgain: runningAt(1),
  async inject({ postgres }, load) {
    await load.untilEnded(TASKS / 4);
    postgres.pause();
    await delay(PAUSE_MS); // the fault itself: there is no signal to wait for
    postgres.resume();
  },
});
