import { setTimeout as delay } from "node:timers/promises";
import { isTransient } from "../../services/runtime/database.ts";
import { createLogger } from "../../services/runtime/logger.ts";
import { onShutdown } from "../../services/runtime/shutdown.ts";
import { completed, openQueuedProcess } from "./runner.ts";

// A worker process for tests that kill it. Its tasks leave a row in the table `effects` for every start and every end
// of their work, and take as many milliseconds as their prompt says. It logs to stdout, where the test listens.
const { DATABASE_URL = "", WORKER_ID = "", LEASE_SECONDS = "1", CONCURRENCY = "4" } = process.env;
const log = createLogger({ service: WORKER_ID, level: "debug" });
const own = await openQueuedProcess(DATABASE_URL, { log });

async function record(taskId: string, attempt: number, kind: "start" | "end"): Promise<void> {
  const values = [taskId, WORKER_ID, attempt, kind];
  const statement = "INSERT INTO effects (task_id, worker_id, attempt, kind) VALUES ($1, $2, $3, $4)";
  // The database is killed as well, and the task's own work must not fail of it.
  for (let done = false; !done;) {
    done = await own.pool.query(statement, values).then(
      () => true,
      (error: unknown) => {
        if (!isTransient(error)) throw error;
        return delay(50, false);
      },
    );
  }
}

const working = own.work(
  async ({ task, attempt, signal }) => {
    await record(task.taskId, attempt, "start");
    await delay(Number(task.prompt), undefined, { signal });
    await record(task.taskId, attempt, "end");
    return { ...completed, result: { workerId: WORKER_ID, attempt } };
  },
  { workerId: WORKER_ID, leaseSeconds: Number(LEASE_SECONDS), concurrency: Number(CONCURRENCY) },
);
// At once: a task may start, and the test end this process, before the worker says that it is ready.
onShutdown({
  log,
  deadlineMs: 20_000,
  close: [
    { name: "worker", close: async () => (await working).close() },
    { name: "connections", close: () => own.close() },
  ],
});
await working;
