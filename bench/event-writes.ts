/**
 * How fast a task's output gets into the record, and what it costs there: 100,000 events of a line each, as fast as the
 * work can emit them, against the same lines in one INSERT each: `node bench/event-writes.ts [events]`.
 */
import { setImmediate as turn } from "node:timers/promises";
import { migratedDatabase } from "../tests/support/database.ts";
import { startPostgres } from "../tests/support/postgres.ts";
import { aTask, aWorkspace, completed, openQueuedProcess } from "../tests/support/runner.ts";

const LINE = `${"x".repeat(79)}\n`;
const A_TURN = 50;
const SINGLES = 1_000;

const events = Number(process.argv[2] ?? 100_000);
const server = await startPostgres({ durable: true });
const { url } = await migratedDatabase(server);
const own = await openQueuedProcess(url);
const walBytes = async (): Promise<number> => {
  const { rows } = await own.pool.query<{ bytes: string }>("SELECT pg_current_wal_lsn() - '0/0' AS bytes");
  return Number(rows[0]?.bytes);
};
const side = await own.work(
  async ({ emit }) => {
    for (let printed = 0; printed < events; printed += A_TURN) {
      for (let index = 0; index < A_TURN; index++) {
        emit({ type: "step_output", index: 0, stream: "stdout", text: LINE });
      }
      await turn();
    }
    return completed;
  },
  { leaseSeconds: 30 },
);

const task = aTask(await aWorkspace(own));
const before = await walBytes();
const at = performance.now();
await own.runner.submit(task);
await own.runner.result(task.taskId, { waitMs: 120_000 });
const ms = performance.now() - at;
const bytes = (await walBytes()) - before;

const single =
  "INSERT INTO task_events (task_id, sequence, body) " +
  "SELECT $1, $2, jsonb_build_object('type', 'step_output', 'index', 0, 'stream', 'stdout', 'text', $3::text)";
const beforeSingles = await walBytes();
const singlesAt = performance.now();
for (let index = 0; index < SINGLES; index++) {
  await own.pool.query(single, [task.taskId, events + 1_000 + index, LINE]);
}
const singleMs = (performance.now() - singlesAt) / SINGLES;
const singleBytes = ((await walBytes()) - beforeSingles) / SINGLES;
console.log(
  `${events} events of ${LINE.length} bytes: ${((events * 1_000) / ms).toFixed(0)}/s, ${(bytes / events).toFixed(0)} bytes of WAL each; ` +
    `one by one ${(1_000 / singleMs).toFixed(0)}/s, ${singleBytes.toFixed(0)} bytes each: ${((singleMs * events) / ms).toFixed(0)} times as fast`,
);
await side.close();
await own.close();
await server.stop();
