/**
 * The pilot's day: 15 users on one worker that runs 3 tasks at once, the whole platform on Redis.
 * `node bench/pilot-day.ts [times] [seconds]`. Prints how long tasks wait, by user; how much longer the worst user waits
 * than the median one; how busy the worker is; and what a user who floods does to the others.
 *
 * The model: a user has 2 tasks a day of 10 minutes each, `times` as many are replayed (100: 3,000 tasks), and the office
 * day of 9 hours takes `seconds` (240). Each user's tasks come at random (a Poisson process) by the hour's share of a day
 * below, and are spread over the users alike. A task waits on the network for a time that is random as well (exponential,
 * cut at 5 times the mean), as one that waits for a model does; the mean makes 3 slots busy for 60 % of the day if
 * starting and ending took no time. Randomness has a seed: both days have the same tasks.
 */
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { startPlatform, type TestPlatform } from "../tests/support/platform.ts";

const USERS = 15;
const TASKS_A_DAY = 2;
const SLOTS = 3;
const BUSY = 0.6;
/** Of the tasks between 9 and 18 h, by the hour: a start, a late morning, lunch, an afternoon that ends. */
const SHARE_OF_HOUR = [0.06, 0.15, 0.17, 0.06, 0.1, 0.16, 0.15, 0.1, 0.05];
/** When one user floods, and how many of his days' tasks he submits at once. */
const FLOOD_AT = 2 / 9;
const FLOOD_SHARE = 2.5;

interface Arrival {
  readonly user: number;
  readonly atMs: number;
  readonly takesMs: number;
}

interface Waited {
  readonly workspace_id: string;
  readonly waited_ms: number;
  readonly ran_ms: number;
}

/** Numbers from 0 to 1 that are the same in every run (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function arrivalsOf(times: number, dayMs: number): Arrival[] {
  const random = seeded(20_261_124);
  const perUser = TASKS_A_DAY * times;
  const meanMs = (BUSY * SLOTS * dayMs) / (USERS * perUser);
  const arrivals: Arrival[] = [];
  for (let user = 0; user < USERS; user++) {
    for (const [hour, share] of SHARE_OF_HOUR.entries()) {
      const hourMs = dayMs / SHARE_OF_HOUR.length;
      const everyMs = hourMs / (share * perUser);
      for (let atMs = -Math.log(1 - random()) * everyMs; atMs < hourMs; atMs -= Math.log(1 - random()) * everyMs) {
        const takesMs = Math.min(5, -Math.log(1 - random())) * meanMs;
        arrivals.push({ user, atMs: hour * hourMs + atMs, takesMs });
      }
    }
  }
  return arrivals.sort((a, b) => a.atMs - b.atMs);
}

/** Answers after as many milliseconds as its path says. */
async function startSlowUpstream(): Promise<{ readonly port: number; close(): void }> {
  const server = createServer((request, response) => {
    setTimeout(() => response.end("done\n"), Number(request.url?.slice(1)));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { port: (server.address() as AddressInfo).port, close: () => void server.close() };
}

/** Replays a day; what each task waited, as the record has it. The flood's own tasks are its user's. */
async function replay(
  platform: TestPlatform,
  port: number,
  arrivals: readonly Arrival[],
): Promise<{ readonly byUser: readonly (readonly number[])[]; readonly busy: number }> {
  const users = await Promise.all(Array.from({ length: USERS }, () => platform.createWorkspace({ plan: "pilot" })));
  const startedAt = performance.now();
  const submits: Promise<unknown>[] = [];
  for (const { user, atMs, takesMs } of arrivals) {
    await delay(Math.max(0, startedAt + atMs - performance.now()));
    const argv = ["curl", "--silent", "--fail", `http://127.0.0.1:${port}/${takesMs.toFixed(0)}`];
    const task = {
      taskId: randomUUID(),
      workspaceId: users[user],
      steps: [{ tool: "execute_command", input: { argv } }],
    };
    submits.push(platform.request("POST", "/api/tasks", task));
  }
  await Promise.all(submits);
  const record = new pg.Client({ connectionString: platform.postgres.url });
  await record.connect();
  try {
    for (;;) {
      const { rows } = await record.query<{ left: number }>(
        "SELECT count(*)::int AS left FROM task_executions WHERE workspace_id = ANY ($1) AND status <> 'completed'",
        [users],
      );
      if (rows[0]?.left === 0) break;
      await delay(100);
    }
    const tookMs = performance.now() - startedAt;
    const { rows } = await record.query<Waited>(
      `SELECT workspace_id, (extract(epoch FROM started_at - submitted_at) * 1000)::float8 AS waited_ms,
         (extract(epoch FROM completed_at - started_at) * 1000)::float8 AS ran_ms
       FROM task_executions WHERE workspace_id = ANY ($1)`,
      [users],
    );
    const byUser = users.map((id) =>
      rows.filter(({ workspace_id }) => workspace_id === id).map(({ waited_ms }) => waited_ms),
    );
    return { byUser, busy: rows.reduce((sum, { ran_ms }) => sum + ran_ms, 0) / (SLOTS * tookMs) };
  } finally {
    await record.end();
  }
}

const quantile = (values: readonly number[], share: number): number =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? Number.NaN;
const quantiles = (values: readonly number[]): string =>
  [0.5, 0.95, 0.99].map((share) => `p${share * 100} ${quantile(values, share).toFixed(0)} ms`).join("  ");

async function main(times: number, seconds: number): Promise<void> {
  const upstream = await startSlowUpstream();
  const platform = await startPlatform({
    queue: "redis",
    workerEnv: { WORKER_CONCURRENCY: String(SLOTS) },
    gatewayEnv: { DEFAULT_EGRESS_RULES: `127.0.0.1:${upstream.port}` },
    planLimits: { pilot: { submissionsPerMinute: 1_000_000, maxQueuedTasks: 1_000_000 } },
  });
  try {
    const arrivals = arrivalsOf(times, seconds * 1_000);
    console.log(`${arrivals.length} tasks of ${USERS} users in ${seconds} s, ${SLOTS} at once`);
    const day = await replay(platform, upstream.port, arrivals);
    for (const [user, waits] of day.byUser.entries())
      console.log(`user ${user}: ${waits.length} tasks, ${quantiles(waits)}`);
    const p95s = day.byUser.map((waits) => quantile(waits, 0.95));
    const fairness = Math.max(...p95s) / quantile(p95s, 0.5);
    console.log(`all: ${quantiles(day.byUser.flat())}; slots busy ${(day.busy * 100).toFixed(0)} %`);
    console.log(`worst user's p95 / median user's p95: ${fairness.toFixed(2)}`);

    const flood = Array.from({ length: TASKS_A_DAY * times * FLOOD_SHARE }, (): Arrival => {
      const takesMs = (BUSY * SLOTS * seconds * 1_000) / (USERS * TASKS_A_DAY * times);
      return { user: 0, atMs: FLOOD_AT * seconds * 1_000, takesMs };
    });
    const flooded = await replay(
      platform,
      upstream.port,
      [...arrivals, ...flood].sort((a, b) => a.atMs - b.atMs),
    );
    console.log(`with ${flood.length} tasks more of user 0 at once: slots busy ${(flooded.busy * 100).toFixed(0)} %`);
    console.log(`user 0: ${quantiles(flooded.byUser[0] ?? [])}`);
    const [before, after] = [day, flooded].map(({ byUser }) => byUser.slice(1).flat());
    console.log(`the others: ${quantiles(after ?? [])}; without the flood: ${quantiles(before ?? [])}`);
    const ratio = quantile(after ?? [], 0.95) / quantile(before ?? [], 0.95);
    console.log(`the others' p95 with the flood / without: ${ratio.toFixed(2)}`);
  } finally {
    await platform.stop();
    upstream.close();
  }
}

const [times, seconds] = process.argv.slice(2).map(Number);
await main(times ?? 100, seconds ?? 240);
