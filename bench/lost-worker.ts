/**
 * How long it takes until the tasks of a worker that was killed are queued again, with the lease of 12 s that services
 * have by default: `node bench/lost-worker.ts [rounds]`. Aim: below 15 s.
 */
import { setTimeout as delay } from "node:timers/promises";
import { migratedDatabase } from "../tests/support/database.ts";
import { startPostgres } from "../tests/support/postgres.ts";
import { WorkerProcess } from "../tests/support/runner-processes.ts";
import { aTask, aWorkspace, openQueuedProcess, untilEvent } from "../tests/support/runner.ts";

const LEASE_SECONDS = 12;
/** What the work of a task leaves its traces in (tests/support/runner-worker.ts). */
const EFFECTS = "CREATE TABLE effects (task_id uuid, worker_id text, attempt int, kind text)";

const rounds = Number(process.argv[2] ?? 3);
const server = await startPostgres();
const { url } = await migratedDatabase(server);
const client = await openQueuedProcess(url);
await client.pool.query(EFFECTS);
const workspaceId = await aWorkspace(client);
const options = { leaseSeconds: LEASE_SECONDS, concurrency: 1 };
const keeper = new WorkerProcess(url, "keeper", options);
await keeper.said({ event: "worker_started" });
const seconds: number[] = [];
for (let round = 0; round < rounds; round++) {
  // The other one is busy, so that this task is the lost worker's.
  const busy = aTask(workspaceId, { prompt: "600000" });
  await client.runner.submit(busy);
  await keeper.said({ event: "task_started", taskId: busy.taskId });
  const lost = new WorkerProcess(url, `lost-${round}`, options);
  await lost.said({ event: "worker_started" });
  const task = aTask(workspaceId, { prompt: "600000" });
  await client.runner.submit(task);
  await lost.said({ event: "task_started", taskId: task.taskId });
  // Leases are renewed every quarter: some random time within it.
  await delay(Math.random() * ((LEASE_SECONDS * 1_000) / 4));
  const killedAt = Date.now();
  await lost.end("SIGKILL");
  const { at } = await untilEvent(client.runner, task.taskId, "task_requeued");
  seconds.push((Date.parse(at) - killedAt) / 1_000);
  await Promise.all([busy, task].map(({ taskId }) => client.runner.cancel(taskId)));
  await client.runner.result(busy.taskId, { waitMs: 10_000 });
}
console.log(
  `a lease of ${LEASE_SECONDS} s: noticed after ${seconds.map((each) => each.toFixed(1)).join(", ")} s; ` +
    `at most ${(Math.max(...seconds) / 15).toFixed(2)} times 15 s`,
);
await keeper.end("SIGKILL");
await client.close();
await server.stop();
