import pg from "pg";
import { TASKS } from "./load.ts";
import { describeFault, runningAt } from "./describe-fault.ts";

await describeFault({
  name: "kill -9 of the worker that dispatches",
  queues: ["postgres", "redis"],
  startedAgain: runningAt(2),
  async inject({ workers, postgres }, load) {
    const client = new pg.Client({ connectionString: postgres.url });
    await client.connect();
    try {
      for (let time = 1; time <= 2; time++) {
        const { rows } = await client.query<{ holder: string }>(
          "SELECT holder FROM leadership WHERE role = 'dispatcher'",
        );
        const leader = workers.find(({ name }) => name === rows[0]?.holder);
        if (leader === undefined) throw new Error(`nobody of ${workers.length} workers dispatches`);
        await leader.kill();
        await load.untilEnded((TASKS / 4) * (time + 1));
        await leader.start();
      }
    } finally {
      await client.end();
    }
  },
});
