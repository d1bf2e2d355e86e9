/**
 * What one admission costs, with 10, 1,000 and 10,000 workspaces that are idle (a plan, ten tasks that ended) beside
 * 100 that wait with 20 tasks each, on a durable PostgreSQL: `node bench/admission.ts [rounds]`.
 * Aim: with 10,000 at most 1.2 times the cost with 10.
 */
import { randomUUID } from "node:crypto";
import { TaskPriority } from "../contracts/task.ts";
import { admitTasks } from "../services/runner/admission/admit.ts";
import { createPool, type Pool } from "../services/runtime/database.ts";
import { migratedDatabase, silentLog } from "../tests/support/database.ts";
import { startPostgres, type TestPostgres } from "../tests/support/postgres.ts";

const BUSY = 100;
const WAITING_EACH = 20;
const ENDED_EACH = 10;
const BATCH = 8;
const IDLE = [10, 1_000, 10_000] as const;
const WARM_UP = 20;

const INSERT = `INSERT INTO task_executions (id, workspace_id, task_type, agent_id, prompt, configuration, fingerprint,
    priority, runner_backend, timeout_seconds, max_retries, resources_requested)
  SELECT gen_random_uuid(), w.id, 'background_job', 'bench', '', '{}', '', (enum_range(NULL::task_priority))[1 + n % 4],
    'queued', 300, 2, '{}'
  FROM workspaces w CROSS JOIN generate_series(1, $1) n WHERE w.name = $2`;

async function fill(pool: Pool, idle: number): Promise<void> {
  for (const [name, count] of [
    ["idle", idle],
    ["busy", BUSY],
  ] as const) {
    await pool.query(
      `INSERT INTO workspaces (id, name, plan, tool_policy)
       SELECT gen_random_uuid(), $1, 'enterprise', '{}' FROM generate_series(1, $2)`,
      [name, count],
    );
  }
  await pool.query("ALTER TABLE task_executions DISABLE TRIGGER USER");
  await pool.query(INSERT, [ENDED_EACH, "idle"]);
  await pool.query("UPDATE task_executions SET status = 'completed', completed_at = now()");
  await pool.query(INSERT, [WAITING_EACH, "busy"]);
  await pool.query("UPDATE task_executions SET status = 'queued' WHERE status = 'pending'");
  await pool.query("ALTER TABLE task_executions ENABLE TRIGGER USER");
  await pool.query(
    "INSERT INTO workers (id, hostname, pid, concurrency, priorities, lease_seconds) VALUES ($1, '', 1, 1000, $2, 3600)",
    [randomUUID(), TaskPriority.options],
  );
  await pool.query("VACUUM ANALYZE");
}

/** Milliseconds of one pass that admits {@link BATCH} tasks; what it did is taken back. */
async function pass(pool: Pool): Promise<number> {
  const caps = { starter: 10, pilot: 10, pro: 10, business: 10, enterprise: 10 };
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    const at = performance.now();
    const { tasks: admitted } = await admitTasks(client, { caps, ageingSeconds: 60, limit: BATCH });
    const ms = performance.now() - at;
    await client.query("ROLLBACK");
    if (admitted.length !== BATCH) throw new Error(`${admitted.length} tasks were admitted instead of ${BATCH}`);
    return ms;
  } finally {
    client.release();
  }
}

const median = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

async function open(server: TestPostgres, idle: number): Promise<Pool> {
  const { url } = await migratedDatabase(server);
  const pool = createPool({ url, applicationName: "bench", log: silentLog, settings: { statement_timeout: "0" } });
  await fill(pool, idle);
  return pool;
}

const rounds = Number(process.argv[2] ?? 200);
const server = await startPostgres({ durable: true });
try {
  const pools = [];
  for (const idle of IDLE) pools.push(await open(server, idle));
  const times = pools.map((): number[] => []);
  for (let round = -WARM_UP; round < rounds; round++) {
    // In turns, so that what else the machine does falls on all of them.
    for (const [index, pool] of pools.entries()) {
      const ms = await pass(pool);
      if (round >= 0) times[index]?.push(ms);
    }
  }
  const medians = times.map(median);
  for (const [index, idle] of IDLE.entries()) {
    const ratio = (medians[index] ?? 0) / (medians[0] ?? 1);
    console.log(
      `${idle.toLocaleString("en")} idle, ${BUSY} busy: ${medians[index]?.toFixed(2)} ms to admit ${BATCH}, ` +
        `${ratio.toFixed(2)} times that with ${IDLE[0]}`,
    );
  }
  for (const pool of pools) await pool.end();
} finally {
  await server.stop();
}
