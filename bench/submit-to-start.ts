/**
 * How long a submitted task waits until it starts, on an idle system: a QueuedTaskRunner here, dispatcher and consumer
 * in another process, a durable PostgreSQL. In turns with it a bare BullMQ job on the same server (added here, started
 * there), which records nothing, admits nothing and holds no lease:
 * `node bench/submit-to-start.ts [rounds] [postgres|redis]`. With `redis`, the queues are on a Redis with an append-only
 * file, and the runner's tasks come to its worker through them (`queues`) or past them, as to the one that dispatches.
 * Aim: p50 below 20 ms on Postgres; on Redis, less than 10 ms above bare BullMQ.
 */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { migratedDatabase } from "../tests/support/database.ts";
import { startPostgres } from "../tests/support/postgres.ts";
import { startRedis } from "../tests/support/redis.ts";
import { aTask, aWorkspace, completed, openQueuedProcess } from "../tests/support/runner.ts";
import { fromArguments, openBareQueue, startBareWorker, toArguments, type Servers } from "./support/bare-bullmq.ts";

const WARM_UP = 50;
const BARE_QUEUE = "bench";

/** Milliseconds since the machine's start: the same clock in both processes. */
const now = (): number => Number(process.hrtime.bigint()) / 1e6;

interface Started {
  readonly id: string;
  readonly at: number;
}

async function work(servers: Servers, throughQueues: boolean): Promise<void> {
  const report = (id: string): void => void process.send?.({ id, at: now() } satisfies Started);
  const own = await openQueuedProcess(servers.url, servers);
  await own.work(
    async ({ task }) => {
      report(task.taskId);
      return completed;
    },
    { concurrency: 3, leaseSeconds: 12, throughQueues },
  );
  await startBareWorker(BARE_QUEUE, servers, { concurrency: 1, onStart: report });
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

async function main(count: number, backend: string): Promise<void> {
  const server = await startPostgres({ durable: true });
  const redis = backend === "redis" ? await startRedis() : undefined;
  for (const throughQueues of [false, true]) {
    const { url } = await migratedDatabase(server);
    await measure({ url, redisUrl: redis?.url }, count, throughQueues);
  }
  await server.stop();
  await redis?.stop();
}

async function measure(servers: Servers, count: number, throughQueues: boolean): Promise<void> {
  const plans = { enterprise: { submissionsPerMinute: 1_000_000 } };
  const client = await openQueuedProcess(servers.url, { plans, ...servers });
  const workspaceId = await aWorkspace(client);
  const queue = openBareQueue(BARE_QUEUE, servers);
  const worker = fork(import.meta.filename, ["--work", throughQueues ? "queues" : "", ...toArguments(servers)]);
  await once(worker, "message");

  const submitTask = async () => (await client.runner.submit(aTask(workspaceId))).taskId;
  const ours: number[] = [];
  const bare: number[] = [];
  for (let round = -WARM_UP; round < count; round++) {
    const took = [await time(worker, submitTask), await time(worker, () => queue.add())] as const;
    if (round < 0) continue;
    ours.push(took[0]);
    bare.push(took[1]);
  }

  const way = throughQueues ? "through the queues" : "as to the dispatching worker";
  console.log(`submit to start on an idle system, ${count} of each in turns, ${way}`);
  for (const [name, values] of [["queued task runner", ours] as const, ["bare BullMQ", bare] as const]) {
    const [p50, p95] = [quantile(values, 0.5), quantile(values, 0.95)];
    const ratio = (p50 / quantile(bare, 0.5)).toFixed(1);
    console.log(`${name.padEnd(22)} p50 ${p50.toFixed(1)} ms  p95 ${p95.toFixed(1)} ms  ratio ${ratio}`);
  }
  console.log(`overhead of p50: ${(quantile(ours, 0.5) - quantile(bare, 0.5)).toFixed(1)} ms`);

  worker.kill("SIGKILL");
  await queue.close();
  await client.close();
}

const [first, second, ...servers] = process.argv.slice(2);
if (first === "--work") await work(fromArguments(servers), second === "queues");
else await main(Number(first ?? 300), second ?? "postgres");
