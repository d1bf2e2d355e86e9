import { fileURLToPath } from "node:url";
import { TASKS } from "./load.ts";
import { describeFault } from "./describe-fault.ts";

/**
 * The calendar clock of one worker's and of the API's process goes ahead by an hour. Leases, delays and limits are
 * judged by PostgreSQL's clock alone, which stands apart from this; its own steps are said in decision 15.
 */
const STEPPED = { NODE_OPTIONS: `--import=${fileURLToPath(new URL("clock-step.mjs", import.meta.url))}` };

await describeFault({
  name: "a step of the clock by an hour, in a worker and in the API,",
  platform: { processEnv: { api: STEPPED, "worker-0": STEPPED } },
  startedAgain: 0,
  async inject({ api, workers }, load) {
    workers[0]?.signal("SIGUSR2");
    api.signal("SIGUSR2");
    await load.untilEnded(TASKS / 2);
  },
});
