import { describeFault } from "./describe-fault.ts";

await describeFault({
  name: "each submitted three times at once, through two APIs,",
  platform: { apis: 2 },
  load: { submissions: 3 },
  startedAgain: 0,
  inject: async () => undefined,
});
