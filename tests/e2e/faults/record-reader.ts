import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";

const RETRY_MS = 100;

/** A task that has ended, as the record has it. */
export interface EndedTask {
  readonly id: string;
  readonly status: string;
  readonly error_code: string | null;
  readonly completed_at: Date;
  readonly starts: number;
  readonly ends: number;
  /** Whether something in its events was a secret before it was recorded. */
  readonly redacted: boolean;
}

/** Reads the record as its owner does; a server that is away for a while is waited for. */
export class RecordReader {
  readonly #pool: pg.Pool;

  constructor(url: string) {
    // A server that stands still is left, and asked again on another connection.
    this.#pool = new pg.Pool({ connectionString: url, max: 2, connectionTimeoutMillis: 2_000, query_timeout: 20_000 });
    this.#pool.on("error", () => undefined);
  }

  async countEnded(): Promise<number> {
    const [row] = await this.#query<{ count: number }>(
      "SELECT count(*)::int AS count FROM task_executions WHERE is_terminal(status)",
    );
    return row?.count ?? 0;
  }

  ended(): Promise<EndedTask[]> {
    return this.#query<EndedTask>(
      `SELECT t.id, t.status, t.error_code, t.completed_at, e.starts, e.ends, e.redacted
       FROM task_executions t JOIN (
         SELECT task_id, count(*) FILTER (WHERE body ->> 'type' = 'task_started')::int AS starts,
           count(*) FILTER (WHERE body ->> 'type' = 'task_ended')::int AS ends,
           bool_or(body::text LIKE '%[redacted]%') AS redacted
         FROM task_events GROUP BY task_id
       ) e ON e.task_id = t.id WHERE is_terminal(t.status)`,
    );
  }

  /** Slots and leases of tasks that have ended: in the record, and in the workers' own count of what they run. */
  async leftOvers(): Promise<string[]> {
    const [row] = await this.#query<Record<string, number>>(
      `SELECT (SELECT count(*)::int FROM leases) AS leases,
         (SELECT count(*)::int FROM task_executions
          WHERE status IN ('queued', 'scheduled', 'running') AND admitted_at IS NOT NULL) AS slots,
         (SELECT coalesce(sum(active_tasks), 0)::int FROM workers) AS "slots of workers"`,
    );
    return Object.entries(row ?? {}).flatMap(([name, count]) => (count === 0 ? [] : [`${count} ${name} are left`]));
  }

  /** How many rows hold a text, of what tasks have said and come to. */
  async countHolding(text: string): Promise<number> {
    const [row] = await this.#query<{ count: number }>(
      `SELECT (SELECT count(*) FROM task_events WHERE strpos(body::text, $1) > 0)::int +
         (SELECT count(*) FROM task_executions t WHERE strpos(t::text, $1) > 0)::int AS count`,
      [text],
    );
    return row?.count ?? 0;
  }

  async #query<Row extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    for (;;) {
      try {
        return (await this.#pool.query<Row>(text, [...values])).rows;
      } catch (error) {
        // What the server itself refuses (42: syntax, rights) is refused again.
        if (error instanceof pg.DatabaseError && error.code?.startsWith("42") === true) throw error;
        await delay(RETRY_MS);
      }
    }
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }
}
