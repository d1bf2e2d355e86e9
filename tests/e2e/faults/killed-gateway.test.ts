import { TASKS } from "./load.ts";
import { describeFault } from "./describe-fault.ts";

describeFault({
  name: "kill -9 of the gateway",
  async inject({ gateway }, load) {
    await gateway.kill();
    await load.untilEnded(TASKS / 2);
    await gateway.start();
  },
});
