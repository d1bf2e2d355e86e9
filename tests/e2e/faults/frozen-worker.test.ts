import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { describeFault, LEASE_SECONDS, runningAt } from "./describe-fault.ts";
import { TASKS } from "./load.ts";

const LOOK_MS = 50;
/** Where no task of the frozen worker is seen to run elsewhere, as those that are over at once. */
const AT_MOST_MS = LEASE_SECONDS * 1_000 * 3;

/** Resolves when another worker runs what this one did: what it does when it goes on would end the other's start. */
async function untilRunElsewhere(url: string, frozen: string): Promise<void> {
  const record = new pg.Client({ connectionString: url });
  await record.connect();
  try {
    for (const deadline = performance.now() + AT_MOST_MS; performance.now() < deadline;) {
      const { rowCount } = await record.query(
        `SELECT 1 FROM leases l JOIN task_executions t ON t.id = l.task_id
         WHERE t.status = 'running' AND t.attempt > 1 AND l.worker_id <> $1`,
        [frozen],
      );
      if (rowCount !== 0) return;
      await delay(LOOK_MS);
    }
  } finally {
    await record.end();
  }
}

await describeFault({
  name: "SIGSTOP of each worker beyond its lease, and SIGCONT while another runs its tasks,",
  // So long that some run for the second time when the first worker goes on.
  load: { commandEvery: 3, commandSeconds: 1 },
  startedAgain: runningAt(2),
  async inject({ workers, postgres }, load) {
    for (const [index, worker] of workers.entries()) {
      await load.untilEnded((TASKS / 4) * (index + 1));
      worker.signal("SIGSTOP");
      await untilRunElsewhere(postgres.url, worker.name);
      worker.signal("SIGCONT");
    }
  },
});
