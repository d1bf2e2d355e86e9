import { createHash } from "node:crypto";
import pg from "pg";
import type { Logger } from "./logger.ts";

export type Pool = pg.Pool;
export type PoolClient = pg.PoolClient;
/** What can run one statement: a pool, or one connection of it. */
export type Queryable = Pick<pg.Pool, "query">;

export interface PoolOptions {
  /** `postgres://user:password@host:port/database` */
  readonly url: string;
  /** Shown in pg_stat_activity. */
  readonly applicationName: string;
  readonly log: Logger;
  /** @default 10 */
  readonly max?: number;
  /** @default 30_000 */
  readonly statementTimeoutMs?: number;
  /** Settings of the server for these connections, such as `search_path`. @default none */
  readonly settings?: Readonly<Record<string, string>>;
}

/** A connection that is not made within this time is an error of the caller's statement, not a wait without end. */
const CONNECT_TIMEOUT_MS = 5_000;
/** The server ends a transaction whose client stands still (stopped, frozen), so that its locks hold nobody up. */
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 10_000;

/** Connections to the record. A lost one is replaced at its next use; only the statement that ran on it fails. */
export function createPool(options: PoolOptions): Pool {
  const settings = Object.entries(options.settings ?? {}).map(([name, value]) => `-c ${name}=${value}`);
  const pool = new pg.Pool({
    connectionString: options.url,
    application_name: options.applicationName,
    max: options.max ?? 10,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    idleTimeoutMillis: 60_000,
    keepAlive: true,
    statement_timeout: options.statementTimeoutMs ?? 30_000,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT_MS,
    ...(settings.length === 0 ? {} : { options: settings.join(" ") }),
  });
  // Without a listener the loss of an idle connection would end the process.
  pool.on("error", (error) => options.log.warn({ event: "database_connection_lost", err: error }, "connection lost"));
  return pool;
}

const names = new Map<string, string>();

/**
 * A statement that each connection parses and plans once, for those that run many times a second: planning takes longer
 * than most of them run. `text` must be a constant of the program, since every text stays with the connections. A pooler
 * between here and the server must know prepared statements (PgBouncer does since 1.21).
 */
export function prepared(text: string, values: readonly unknown[]): pg.QueryConfig {
  let name = names.get(text);
  if (name === undefined) {
    name = createHash("sha256").update(text).digest("hex").slice(0, 32);
    names.set(text, name);
  }
  return { name, text, values: [...values] };
}

/**
 * Runs `body` in a transaction: committed when it resolves, rolled back when it throws. A connection that fails in
 * between is dropped from the pool.
 */
export async function withTransaction<T>(pool: Pool, body: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  // While a connection is lent out, its loss is reported here and would otherwise end the process.
  const ignore = (): void => undefined;
  client.on("error", ignore);
  let broken: Error | undefined;
  try {
    await client.query("BEGIN");
    const result = await body(client);
    await client.query("COMMIT");
    return result;
  } catch (error) {
    await client.query("ROLLBACK").catch((failure: unknown) => {
      broken = failure as Error;
    });
    throw error;
  } finally {
    client.off("error", ignore);
    client.release(broken);
  }
}

/** SQLSTATE classes 08 (connection), 57P (shutdown, crash), 53 (resources) and 40 (serialization, deadlock). */
const TRANSIENT_SQLSTATE = /^(08|57P|53|40)/;
const TRANSIENT_SYSTEM_CODES = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
]);

/** Whether the same statement may well succeed later: the server restarts, the network was away, two collided. */
export function isTransient(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof AggregateError) return error.errors.some(isTransient);
  const code = "code" in error ? String(error.code) : "";
  if (TRANSIENT_SYSTEM_CODES.has(code) || (code.length === 5 && TRANSIENT_SQLSTATE.test(code))) return true;
  // The driver has no codes for these.
  return /connection terminated|connection timeout|timeout exceeded when trying to connect|not queryable/i.test(
    error.message,
  );
}
