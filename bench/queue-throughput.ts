/**
 * How many empty tasks the queued backend brings from the submit to the recorded result in a second, against bare
 * BullMQ on the same server, which records nothing, admits nothing, holds no lease and keeps no events:
 * `node bench/queue-throughput.ts [tasks] [rounds] [postgres|redis]`. The record is a durable PostgreSQL in any case; with
 * `redis`, BullMQ's queues (the runner's and the bare ones) are on a Redis with an append-only file. One process
 * submits, another one works, as in service. In turns, at the same concurrency of the worker and with as many
 * submissions under way.
 * Aim: at least 0.5 times, then 0.8 times what bare BullMQ does.
 */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import pg from "pg";
import { createRunnerMetrics } from "../services/runner/metrics.ts";
import { migratedDatabase } from "../tests/support/database.ts";
import { startPostgres } from "../tests/support/postgres.ts";
import { aTask, aWorkspace, completed, openQueuedProcess, type QueuedProcess } from "../tests/support/runner.ts";
import { startRedis } from "../tests/support/redis.ts";
import { Registry } from "prom-client";
import { fromArguments, openBareQueue, startBareWorker, toArguments, type Servers } from "./support/bare-bullmq.ts";

const CONCURRENCIES = [3, 10, 50] as const;
const WORKSPACES = 50;
const SUBMITTERS = 32;
const UNLIMITED = { submissionsPerMinute: 1_000_000, maxQueuedTasks: 1_000_000, maxRunningTasks: 100 };

/** `queues`: the runner with a worker that hears of its tasks by the queues alone, as all do but the dispatching one. */
type Kind = "bare" | "queued" | "queues";
const KINDS: readonly Kind[] = ["bare", "queued", "queues"];
interface Report {
  readonly finished: number;
}

const queueName = (concurrency: number): string => `bench-${concurrency}`;

/** Counts what has ended, and tells the parent, at most every few milliseconds. */
function counter(): () => void {
  let finished = 0;
  let timer: NodeJS.Timeout | undefined;
  return () => {
    finished += 1;
    timer ??= setTimeout(() => {
      timer = undefined;
      process.send?.({ finished } satisfies Report);
    }, 5);
  };
}

async function work(servers: Servers, kind: Kind, concurrency: number): Promise<void> {
  const count = counter();
  if (kind === "bare") {
    await startBareWorker(queueName(concurrency), servers, { concurrency, onEnd: count });
  } else {
    const metrics = { ...createRunnerMetrics(new Registry()), completed: count };
    const own = await openQueuedProcess(servers.url, { plans: { enterprise: UNLIMITED }, ...servers });
    await own.work(async () => completed, { concurrency, leaseSeconds: 12, metrics, throughQueues: kind === "queues" });
  }
  process.send?.("ready");
}

/** Milliseconds from the first submission to the last end. */
async function time(worker: ChildProcess, tasks: number, submit: (index: number) => Promise<unknown>) {
  const done = Promise.withResolvers<undefined>();
  let base: number | undefined;
  const onReport = ({ finished }: Report): void => {
    base ??= finishedBefore.get(worker) ?? 0;
    if (finished - base >= tasks) {
      finishedBefore.set(worker, finished);
      done.resolve(undefined);
    }
  };
  worker.on("message", onReport);
  const at = performance.now();
  let next = 0;
  const submitters = Array.from({ length: SUBMITTERS }, async () => {
    while (next < tasks) await submit(next++);
  });
  await Promise.all(submitters);
  const submittedMs = performance.now() - at;
  await done.promise;
  worker.off("message", onReport);
  return { ms: performance.now() - at, submittedMs };
}
const finishedBefore = new WeakMap<ChildProcess, number>();

/** What the server has committed and written so far. */
async function readServer(client: pg.Client): Promise<{ commits: number; walBytes: number; walSyncs: number }> {
  await client.query("SELECT pg_stat_clear_snapshot()");
  const { rows } = await client.query<{ commits: string; wal: string; syncs: string }>(
    `SELECT (SELECT sum(xact_commit) FROM pg_stat_database) AS commits, pg_current_wal_lsn() - '0/0' AS wal,
       (SELECT sum(fsyncs) FROM pg_stat_io WHERE object = 'wal') AS syncs`,
  );
  const [row] = rows;
  return { commits: Number(row?.commits), walBytes: Number(row?.wal), walSyncs: Number(row?.syncs) };
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

async function openSide(
  servers: Servers,
  kind: Kind,
  concurrency: number,
  own: QueuedProcess,
  workspaces: readonly string[],
) {
  const worker = fork(import.meta.filename, ["--work", kind, String(concurrency), ...toArguments(servers)]);
  await once(worker, "message");
  if (kind !== "bare") {
    const submit = async (index: number) => own.runner.submit(aTask(workspaces[index % workspaces.length] ?? ""));
    return { worker, submit, close: async () => undefined };
  }
  const queue = openBareQueue(queueName(concurrency), servers);
  return { worker, submit: () => queue.add(), close: () => queue.close() };
}

async function main(tasks: number, rounds: number, backend: string): Promise<void> {
  const server = await startPostgres({ durable: true });
  const redis = backend === "redis" ? await startRedis() : undefined;
  const admin = new pg.Client({ connectionString: server.adminUrl });
  await admin.connect();
  for (const concurrency of CONCURRENCIES) {
    const perSecond: Record<Kind, number[]> = { bare: [], queued: [], queues: [] };
    const { url } = await migratedDatabase(server);
    const servers = { url, redisUrl: redis?.url };
    const own = await openQueuedProcess(url, { plans: { enterprise: UNLIMITED }, ...servers });
    const workspaces = await Promise.all(Array.from({ length: WORKSPACES }, () => aWorkspace(own)));
    for (let round = 0; round < rounds; round++) {
      for (const kind of KINDS) {
        const side = await openSide(servers, kind, concurrency, own, workspaces);
        await time(side.worker, Math.ceil(tasks / 10), side.submit);
        const before = await readServer(admin);
        const { ms, submittedMs } = await time(side.worker, tasks, side.submit);
        side.worker.kill("SIGKILL");
        await once(side.worker, "exit");
        await side.close();
        const after = await readServer(admin);
        perSecond[kind].push((tasks * 1_000) / ms);
        console.log(
          `  ${kind.padEnd(6)} ${concurrency} at once: ${((tasks * 1_000) / ms).toFixed(0)}/s, submitted in ${(submittedMs / 1_000).toFixed(1)} s; ` +
            `a task: ${((after.commits - before.commits) / tasks).toFixed(2)} commits, ` +
            `${((after.walBytes - before.walBytes) / tasks / 1_024).toFixed(1)} KB of WAL, ` +
            `${((after.walSyncs - before.walSyncs) / tasks).toFixed(2)} syncs`,
        );
      }
    }
    await own.close();
    const bare = median(perSecond.bare);
    for (const kind of KINDS) {
      const ratio = median(perSecond[kind]) / bare;
      console.log(
        `${concurrency} at once, ${kind.padEnd(6)} ${median(perSecond[kind]).toFixed(0)} tasks/s, ${ratio.toFixed(2)} times bare BullMQ`,
      );
    }
  }
  await admin.end();
  await server.stop();
  await redis?.stop();
}

const [first, ...rest] = process.argv.slice(2);
if (first === "--work") await work(fromArguments(rest.slice(2)), rest[0] as Kind, Number(rest[1]));
else await main(Number(first ?? 5_000), Number(rest[0] ?? 3), rest[1] ?? "postgres");
