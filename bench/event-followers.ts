/**
 * What following a chatty task costs: a task that prints without pause for some seconds, followed over SSE by 0, 100 and
 * 500 clients of one API process: `node bench/event-followers.ts [events]`. Prints how much longer the task takes than
 * with nobody looking, the delay from the record to the client, and the API's memory for each follower.
 * Aim: with 100 followers at most 1.1 times the time of the task alone.
 *
 * Then, on the whole platform with Redis: what the API holds for each of 500 followers of one task that waits, and of 500
 * tasks with one follower each, and how long it takes after the end of the tasks until all followers know.
 */
import { fork } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { request } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import type { AgentTask } from "../contracts/task.ts";
import { startApi } from "../tests/support/api.ts";
import { startPlatform, type TestPlatform } from "../tests/support/platform.ts";
import { startPostgres } from "../tests/support/postgres.ts";
import { aTask, completed, openQueuedProcess } from "../tests/support/runner.ts";

const FOLLOWERS = [0, 100, 500] as const;
/** As a build that prints some hundred lines a second. */
const EVERY_MS = 20;
const EVENTS_EACH = 10;
const LINE = `${"x".repeat(80)}\n`;

/** A worker whose tasks print as many events as their prompt says. */
async function work(url: string): Promise<void> {
  const own = await openQueuedProcess(url);
  await own.work(
    async ({ task, emit }) => {
      for (let printed = 0; printed < Number(task.prompt); printed += EVENTS_EACH) {
        for (let index = 0; index < EVENTS_EACH; index++) {
          emit({ type: "step_output", index: 0, stream: "stdout", text: LINE });
        }
        await delay(EVERY_MS);
      }
      return completed;
    },
    { leaseSeconds: 30 },
  );
  process.send?.("ready");
}

/** The API in a process of its own, so that its memory is its own. */
async function serve(): Promise<void> {
  const postgres = await startPostgres();
  const api = await startApi(postgres);
  const { workspaceId } = await api.createWorkspace({ plan: "enterprise" });
  process.send?.({ url: await api.url(), token: api.adminToken, databaseUrl: api.databaseUrl, workspaceId });
}

interface Served {
  readonly url: string;
  readonly token: string;
  readonly databaseUrl: string;
  readonly workspaceId: string;
}

/** Follows to the end; collects the delay of each event, in milliseconds of one machine's clock. */
function follow(
  { url, token }: Served,
  taskId: string,
  delays: number[],
  onFirst: () => void = () => undefined,
): Promise<number> {
  const headers = { authorization: `Bearer ${token}`, accept: "text/event-stream" };
  return new Promise((resolve, reject) => {
    let events = 0;
    const sent = request(`${url}/api/tasks/${taskId}/events`, { headers, agent: false }, (response) => {
      response.once("data", onFirst);
      response.setEncoding("utf8").on("data", (text: string) => {
        const now = Date.now();
        for (const [, at] of text.matchAll(/"at":"([^"]+)"/g)) {
          events += 1;
          delays.push(now - Date.parse(at ?? ""));
        }
      });
      response.on("end", () => resolve(events)).on("error", reject);
    });
    sent.on("error", reject).end();
  });
}

const residentMb = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1_024;
const quantile = (values: readonly number[], share: number): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length * share)] ?? Number.NaN;

async function main(events: number): Promise<void> {
  const server = fork(import.meta.filename, ["--serve"]);
  const [served] = (await once(server, "message")) as [Served];
  const worker = fork(import.meta.filename, ["--work", served.databaseUrl]);
  await once(worker, "message");
  const client = await openQueuedProcess(served.databaseUrl);
  let alone = Number.NaN;
  for (const followers of [0, ...FOLLOWERS]) {
    // It waits for its followers by a time before which it does not start.
    const notBefore = new Date(Date.now() + 3_000 + followers * 5).toISOString();
    const task: AgentTask = aTask(served.workspaceId, { prompt: String(events), notBefore });
    await client.runner.submit(task);
    const before = residentMb(server.pid ?? 0);
    const delays: number[] = [];
    const followed = Array.from({ length: followers }, () => follow(served, task.taskId, delays));
    let most = before;
    const watch = setInterval(() => (most = Math.max(most, residentMb(server.pid ?? 0))), 100);
    const result = await client.runner.result(task.taskId, { waitMs: 300_000 });
    const received = await Promise.all(followed);
    clearInterval(watch);
    if (received.some((count) => count < events))
      throw new Error(`a follower got ${Math.min(...received)} of ${events}`);
    const ms = result?.executionTimeMs ?? Number.NaN;
    if (followers === 0) alone = ms;
    const delay = followers === 0 ? "" : `, delay p50 ${quantile(delays, 0.5)} ms p95 ${quantile(delays, 0.95)} ms`;
    const memory = followers === 0 ? "" : `, ${(((most - before) * 1_024) / followers).toFixed(0)} KB each`;
    console.log(
      `${followers} followers, ${events} events: ${(ms / 1_000).toFixed(2)} s, ${(ms / alone).toFixed(2)} times alone${delay}${memory}`,
    );
  }
  await client.close();
  worker.kill("SIGKILL");
  server.kill("SIGKILL");
}

const STREAMS = 500;

/** One API process that holds so many streams of tasks that wait. */
async function hold(platform: TestPlatform, tasks: number): Promise<void> {
  await platform.api.terminate();
  await platform.api.start();
  const workspaceId = await platform.createWorkspace({ plan: "enterprise" });
  const notBefore = new Date(Date.now() + 3_600_000).toISOString();
  const ids = Array.from({ length: tasks }, () => randomUUID());
  for (const taskId of ids) {
    await platform.request("POST", "/api/tasks", { taskId, workspaceId, notBefore, prompt: "x" });
  }
  const served: Served = { url: platform.apiUrl, token: platform.adminToken, databaseUrl: "", workspaceId };
  const before = residentMb(platform.api.pid);
  let first = 0;
  const begun = Promise.withResolvers<undefined>();
  const ended = Array.from({ length: STREAMS }, (_unused, index) => {
    const onFirst = (): void => {
      if (++first === STREAMS) begun.resolve(undefined);
    };
    return follow(served, ids[index % tasks] ?? "", [], onFirst);
  });
  await begun.promise;
  const held = residentMb(platform.api.pid) - before;
  const startedAt = performance.now();
  await Promise.all(ids.map((taskId) => platform.request("POST", `/api/tasks/${taskId}/cancel`)));
  const cancelledMs = performance.now() - startedAt;
  await Promise.all(ended);
  const knownMs = performance.now() - startedAt;
  console.log(
    `${STREAMS} followers of ${tasks} waiting task(s): ${((held * 1_024) / STREAMS).toFixed(0)} KB each; ` +
      `cancelled in ${cancelledMs.toFixed(0)} ms, all followers knew after ${knownMs.toFixed(0)} ms`,
  );
}

async function holdOnRedis(): Promise<void> {
  const platform = await startPlatform({ queue: "redis" });
  try {
    await hold(platform, 1);
    await hold(platform, STREAMS);
  } finally {
    await platform.stop();
  }
}

const [first, second] = process.argv.slice(2);
if (first === "--work") await work(second ?? "");
else if (first === "--serve") await serve();
else {
  await main(Number(first ?? 2_000));
  await holdOnRedis();
}
