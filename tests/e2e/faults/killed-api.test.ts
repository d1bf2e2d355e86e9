import { TASKS } from "./load.ts";
import { describeFault } from "./describe-fault.ts";

await describeFault({
  name: "kill -9 of the API, three times",
  startedAgain: 0,
  async inject({ api }, load) {
    for (let time = 1; time <= 3; time++) {
      await api.kill();
      await api.start();
      await load.untilEnded((TASKS / 10) * (time + 1));
    }
  },
});
