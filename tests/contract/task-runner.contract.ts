import { afterEach, describe } from "node:test";
import { describeEnding } from "./task-runner/ending.ts";
import { describeEvents } from "./task-runner/events.ts";
import type { CreateRunner, RunnerUnderTest } from "./task-runner/harness.ts";
import { describePausing } from "./task-runner/pausing.ts";
import { describeScheduling } from "./task-runner/scheduling.ts";
import { describeSubmitting } from "./task-runner/submitting.ts";

/** What every TaskRunner promises. A new promise is first written here. */
export function describeTaskRunner(backend: string, create: CreateRunner): void {
  describe(`${backend} as a TaskRunner`, () => {
    let open: RunnerUnderTest[] = [];
    afterEach(async () => {
      for (const each of open) await each.destroy();
      open = [];
    });
    const start: Parameters<typeof describeSubmitting>[0] = async (execute, options) => {
      const created = await create(execute, { concurrency: 4, graceSeconds: 0, plans: {}, ...options });
      open.push(created);
      return created;
    };
    describeSubmitting(start);
    describeEvents(start);
    describeEnding(start);
    describeScheduling(start);
    describePausing(start);
  });
}
