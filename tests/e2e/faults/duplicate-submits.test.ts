import assert from "node:assert/strict";
import { describeFault } from "./describe-fault.ts";
import { TASKS } from "./load.ts";

await describeFault({
  name: "each submitted three times at once, through two APIs,",
  platform: { apis: 2 },
  load: { submissions: 3, credential: true },
  inject: async () => undefined,
  expect({ statuses, startedAgain, doneAgain }) {
    assert.deepEqual(statuses, { completed: TASKS });
    assert.deepEqual({ startedAgain, doneAgain }, { startedAgain: 0, doneAgain: 0 });
  },
});
