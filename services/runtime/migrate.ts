import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { runMigrations as runBullmqMigrations } from "bullmq";
import { PlatformError } from "../../contracts/errors.ts";
import { DEAD_QUEUE, taskQueueName } from "../../contracts/queue-names.ts";
import { TaskPriority } from "../../contracts/task.ts";
import { withTransaction, type Pool, type PoolClient } from "./database.ts";
import type { Logger } from "./logger.ts";

const FOLDER = new URL("migrations/", import.meta.url);
const FILE_NAME = /^\d{4}_[a-z0-9_]+\.sql$/;
/** Any number that no other user of advisory locks in this database takes. */
const LOCK_KEY = 4_206_917;
/** BullMQ's own tables, where it runs on Postgres. */
export const BULLMQ_SCHEMA = "bullmq";

export class MigrationChangedError extends PlatformError {
  constructor(name: string) {
    super("MIGRATION_CHANGED", `migration ${name} was changed after it had been applied`, {
      remedy: "Restore the file as it was, and put the change into a new migration.",
      status: 500,
    });
  }
}

export class MigrationUnknownError extends PlatformError {
  constructor(name: string) {
    super("MIGRATION_UNKNOWN", `the database holds migration ${name}, which this version does not know`, {
      remedy: "Run the version that applied it, or a later one; migrations only go forward.",
      status: 500,
    });
  }
}

export class MigrationsMissingError extends PlatformError {
  constructor(missing: readonly string[], waitedMs: number) {
    super("MIGRATIONS_MISSING", `the database lacks ${missing.join(", ")} after ${waitedMs} ms`, {
      remedy: "Run services/migrate/main.ts as the owner of the database: it applies the migrations.",
      status: 503,
    });
  }
}

interface Migration {
  readonly name: string;
  readonly sql: string;
  readonly checksum: string;
}

/**
 * Brings the schema up to date, as the owner of the database: applies the files of `migrations/` that the database does
 * not hold and the grants, all or none. Any number of processes may do so at once.
 *
 * @throws MigrationChangedError, MigrationUnknownError
 */
export async function migrate(pool: Pool, log: Logger): Promise<void> {
  const migrations = await readMigrations();
  const grants = await readFile(new URL("grants.sql", FOLDER), "utf8");
  // First, as the grants are of its tables too, and a service that waits for the last migration must have its rights.
  const bullmq = await pool.connect();
  try {
    await runBullmqMigrations(bullmq, BULLMQ_SCHEMA);
    await bullmq.query(`SET search_path TO ${BULLMQ_SCHEMA}`);
    for (const queue of [...TaskPriority.options.map(taskQueueName), DEAD_QUEUE]) {
      // Adding many jobs at once makes a sequence for their queue, which a service may not.
      await bullmq.query("SELECT next_job_id($1) WHERE to_regclass(job_id_seq_name($1)) IS NULL", [queue]);
    }
    await bullmq.query("RESET search_path");
  } finally {
    bullmq.release();
  }
  const applied = await withTransaction(pool, async (client) => {
    await client.query("SET LOCAL statement_timeout = 0");
    await client.query("SELECT pg_advisory_xact_lock($1)", [LOCK_KEY]);
    const pending = await findPending(client, migrations);
    for (const { name, sql, checksum } of pending) {
      await client.query(sql);
      await client.query("INSERT INTO migrations (name, checksum) VALUES ($1, $2)", [name, checksum]);
    }
    await client.query(grants);
    return pending.map(({ name }) => name);
  });
  if (applied.length > 0) log.info({ event: "migrations_applied", migrations: applied }, "migrations applied");
}

/**
 * Waits until some other process has applied every migration of this version.
 *
 * @throws MigrationsMissingError after `timeoutMs`.
 */
export async function waitForMigrations(
  pool: Pool,
  options: { readonly timeoutMs: number; readonly log: Logger },
): Promise<void> {
  const names = (await readMigrations()).map(({ name }) => name);
  const deadline = performance.now() + options.timeoutMs;
  for (let said = false; ; said = true) {
    const missing = await findMissing(pool, names);
    if (missing.length === 0) return;
    if (performance.now() > deadline) throw new MigrationsMissingError(missing, options.timeoutMs);
    if (!said) options.log.info({ event: "migrations_awaited", migrations: missing }, "waiting for migrations");
    await delay(200);
  }
}

async function findMissing(pool: Pool, names: readonly string[]): Promise<string[]> {
  const exists = await pool.query<{ ours: boolean }>("SELECT to_regclass('migrations') IS NOT NULL AS ours");
  if (exists.rows[0]?.ours !== true) return [...names];
  const applied = new Set(await namesOfApplied(pool));
  return names.filter((name) => !applied.has(name));
}

async function namesOfApplied(pool: Pool): Promise<string[]> {
  try {
    const { rows } = await pool.query<{ name: string }>("SELECT name FROM migrations");
    return rows.map(({ name }) => name);
  } catch (error) {
    // The first migration since this role exists is what gives it its rights.
    if ((error as { code?: unknown }).code === "42501") return [];
    throw error;
  }
}

async function readMigrations(): Promise<Migration[]> {
  const names = (await readdir(FOLDER)).filter((name) => FILE_NAME.test(name)).sort();
  return Promise.all(
    names.map(async (name) => {
      const sql = await readFile(new URL(name, FOLDER), "utf8");
      return { name, sql, checksum: createHash("sha256").update(sql).digest("hex") };
    }),
  );
}

async function findPending(client: PoolClient, migrations: readonly Migration[]): Promise<Migration[]> {
  await client.query(
    `CREATE TABLE IF NOT EXISTS migrations (
       name text PRIMARY KEY, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`,
  );
  const { rows } = await client.query<{ name: string; checksum: string }>("SELECT name, checksum FROM migrations");
  const known = new Map(migrations.map((migration) => [migration.name, migration]));
  for (const { name, checksum } of rows) {
    const file = known.get(name);
    if (file === undefined) throw new MigrationUnknownError(name);
    if (file.checksum !== checksum) throw new MigrationChangedError(name);
    known.delete(name);
  }
  return [...known.values()];
}
