import { setTimeout as delay } from "node:timers/promises";
import { TASKS } from "./load.ts";
import { describeFault } from "./describe-fault.ts";

const PAUSE_MS = 10_000;

await describeFault({
  name: "kill -9 of the gateway",
  startedAgain: 0,
  async inject({ gateway }, load) {
    await gateway.kill();
    await load.untilEnded(TASKS / 2);
    await gateway.start();
  },
});

await describeFault({
  name: "a gateway that answers no worker for 10 s",
  startedAgain: 0,
  async inject({ gateway }, load) {
    await load.untilEnded(TASKS / 4);
    gateway.signal("SIGSTOP"); // its socket takes connections, and nobody answers
    await delay(PAUSE_MS); // the fault itself: there is no signal to wait for
    gateway.signal("SIGCONT");
  },
});
