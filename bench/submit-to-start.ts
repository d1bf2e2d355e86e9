/**
 * How long a submitted task waits until it starts, on an idle system: a QueuedTaskRunner here, dispatcher and consumer
 * in another process, a durable PostgreSQL. In turns with it a bare BullMQ job on the same server (added here, started
 * there), which records nothing, admits nothing and holds no lease: `node bench/submit-to-start.ts [rounds]`.
 * Aim: p50 below 20 ms.
 */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createPostgresBackend, withBackend } from "bullmq";
import { createPool } from "../services/runtime/database.ts";
import { BULLMQ_SCHEMA } from "../services/runtime/migrate.ts";
import { migratedDatabase, silentLog } from "../tests/support/database.ts";
import { startPostgres } from "../tests/support/postgres.ts";
import { aTask, aWorkspace, completed, openQueuedProcess } from "../tests/support/runner.ts";

const WARM_UP = 50;
const BARE_QUEUE = "bench";
const { Queue, Worker } = withBackend(createPostgresBackend);

/** Milliseconds since the machine's start: the same clock in both processes. */
const now = (): number => Number(process.hrtime.bigint()) / 1e6;
const openPool = (url: string) =>
  createPool({ url, applicationName: "bench", log: silentLog, settings: { search_path: BULLMQ_SCHEMA } });

interface Started {
  readonly id: string;
  readonly at: number;
}

async function work(url: string): Promise<void> {
  const report = (id: string): void => void process.send?.({ id, at: now() } satisfies Started);
  const own = await openQueuedProcess(url);
  await own.work(
    async ({ task }) => {
      report(task.taskId);
      return completed;
    },
    { concurrency: 3, leaseSeconds: 12 },
  );
  const bare = new Worker(BARE_QUEUE, async (job) => report(job.id ?? ""), { connection: openPool(url) as never });
  await bare.waitUntilReady();
  process.send?.("ready");
}

/** Milliseconds from the call of `submit` until the other process has begun. */
async function time(worker: ChildProcess, submit: () => Promise<string>): Promise<number> {
  const begun = once(worker, "message") as Promise<[Started]>;
  const at = now();
  const id = await submit();
  const [started] = await begun;
  if (started.id !== id) throw new Error(`${started.id} started instead of ${id}`);
  return started.at - at;
}

const quantile = (values: readonly number[], share: number): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length * share)] ?? Number.NaN;

async function main(count: number): Promise<void> {
  const server = await startPostgres({ durable: true });
  const { url } = await migratedDatabase(server);
  const client = await openQueuedProcess(url, { plans: { enterprise: { submissionsPerMinute: 1_000_000 } } });
  const workspaceId = await aWorkspace(client);
  const barePool = openPool(url);
  const queue = new Queue(BARE_QUEUE, { connection: barePool as never });
  const worker = fork(import.meta.filename, ["--work", url]);
  await once(worker, "message");

  const submitTask = async () => (await client.runner.submit(aTask(workspaceId))).taskId;
  const addJob = async () => (await queue.add("job", {})).id ?? "";
  const ours: number[] = [];
  const bare: number[] = [];
  for (let round = -WARM_UP; round < count; round++) {
    const took = [await time(worker, submitTask), await time(worker, addJob)] as const;
    if (round < 0) continue;
    ours.push(took[0]);
    bare.push(took[1]);
  }

  console.log(`submit to start on an idle system, ${count} of each in turns`);
  for (const [name, values] of [["queued task runner", ours] as const, ["bare BullMQ", bare] as const]) {
    const [p50, p95] = [quantile(values, 0.5), quantile(values, 0.95)];
    const ratio = (p50 / quantile(bare, 0.5)).toFixed(1);
    console.log(`${name.padEnd(22)} p50 ${p50.toFixed(1)} ms  p95 ${p95.toFixed(1)} ms  ratio ${ratio}`);
  }

  worker.kill("SIGKILL");
  await queue.close();
  await barePool.end();
  await client.close();
  await server.stop();
}

const [first, second] = process.argv.slice(2);
if (first === "--work") await work(second ?? "");
else await main(Number(first ?? 300));
