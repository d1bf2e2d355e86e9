import { setTimeout as delay } from "node:timers/promises";
import { TaskNotFoundError } from "../../contracts/errors.ts";
import { isTerminalEvent, type TaskEvent, type TaskEventBody } from "../../contracts/task-event.ts";
import { isTransient, type Queryable } from "../runtime/database.ts";
import type { NotificationListener } from "../runtime/listener.ts";
import { isAborted, Watchers } from "./watchers.ts";

/** Events that a follower holds at once: he reads on when these are taken, so a slow one costs no memory. */
const PAGE_EVENTS = 200;
/** A page ends with the event that reaches this. */
const PAGE_BYTES = 1_048_576;
/** How long a follower trusts that nothing came when no notification did. */
const RECHECK_MS = 5_000;
const RETRY_MS = 250;

/**
 * From event to event, so that the server as well looks at no more of them than the page holds: a sum over the rows of
 * a plain query would take all 200 out of storage for the first few.
 */
const READ_PAGE = `
  WITH RECURSIVE page AS (
    (SELECT sequence, at, body, octet_length(body::text) AS bytes, 1 AS events
     FROM task_events WHERE task_id = $1 AND sequence > $2 ORDER BY sequence LIMIT 1)
    UNION ALL
    SELECT next.sequence, next.at, next.body, bytes + octet_length(next.body::text), events + 1
    FROM page CROSS JOIN LATERAL (
      SELECT sequence, at, body FROM task_events
      WHERE task_id = $1 AND sequence > page.sequence ORDER BY sequence LIMIT 1
    ) next
    WHERE bytes < $3 AND events < $4
  )
  SELECT sequence, at, body FROM page ORDER BY sequence`;

interface EventRow {
  readonly sequence: number;
  readonly at: Date;
  readonly body: TaskEventBody;
}

/** The events of tasks, as the record keeps them. Who appends them is in task-leases.ts and the migrations. */
export class EventLog {
  readonly #database: Queryable;
  readonly #unsubscribe: (() => void)[];
  /** Whom to wake for every event of a task, and whom for its last alone. */
  readonly #followers = new Watchers();
  readonly #waiters = new Watchers();

  constructor(deps: { readonly pool: Queryable; readonly listener: NotificationListener }) {
    this.#database = deps.pool;
    this.#unsubscribe = [
      deps.listener.subscribe("automatos_events", (payload) => {
        const [taskId = "", ended] = payload.split(" ");
        this.#followers.wake(taskId);
        if (ended === "ended") this.#waiters.wake(taskId);
      }),
      // What was announced in the meantime was not heard.
      deps.listener.onReconnect(() => {
        this.#followers.wakeAll();
        this.#waiters.wakeAll();
      }),
    ];
  }

  /** Ends its subscriptions; who follows still is woken by the clock alone. */
  close(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
  }

  /** As TaskRunner.events(). A server that is away for a while is waited for. */
  async *follow(taskId: string, after: number, signal?: AbortSignal): AsyncGenerator<TaskEvent> {
    const watch = this.#followers.watch(taskId, signal);
    try {
      for (let last = after; signal?.aborted !== true;) {
        watch.reset();
        const { events, ended } = await retryTransient(() => this.#read(taskId, last), signal);
        for (const event of events) {
          yield event;
          if (isTerminalEvent(event) || isAborted(signal)) return;
          last = event.sequence;
        }
        if (ended) return;
        if (events.length === 0) await watch.wait(RECHECK_MS);
      }
    } catch (error) {
      if (!isAborted(signal)) throw error;
    } finally {
      watch.end();
    }
  }

  /**
   * Asks `look` again each time the task may have ended, until it answers something or `waitMs` have passed.
   *
   * @returns null when it never did, or `signal` fired.
   */
  async untilEnded<T>(
    taskId: string,
    look: () => Promise<T | null>,
    waitMs: number,
    signal?: AbortSignal,
  ): Promise<T | null> {
    const deadline = performance.now() + waitMs;
    const watch = this.#waiters.watch(taskId, signal);
    try {
      for (;;) {
        watch.reset();
        const found = await look();
        const remainingMs = deadline - performance.now();
        if (found !== null || remainingMs <= 0 || isAborted(signal)) return found;
        await watch.wait(Math.min(remainingMs, RECHECK_MS));
      }
    } finally {
      watch.end();
    }
  }

  /** A page of events after `after`, and whether none can follow where there are none. */
  async #read(taskId: string, after: number): Promise<{ events: TaskEvent[]; ended: boolean }> {
    const { rows } = await this.#database.query<EventRow>(READ_PAGE, [taskId, after, PAGE_BYTES, PAGE_EVENTS]);
    const events = rows.map(({ sequence, at, body }) => ({ taskId, sequence, at: at.toISOString(), body }));
    return { events, ended: events.length === 0 && (await this.#hasEnded(taskId, after)) };
  }

  /** Whether `sequence` is at or behind the terminal event. @throws TaskNotFoundError */
  async #hasEnded(taskId: string, sequence: number): Promise<boolean> {
    const { rows } = await this.#database.query<{ ended: boolean }>(
      "SELECT is_terminal(status) AND event_count <= $2 AS ended FROM task_executions WHERE id = $1",
      [taskId, sequence],
    );
    const row = rows[0];
    if (row === undefined) throw new TaskNotFoundError(taskId);
    return row.ended;
  }
}

async function retryTransient<T>(body: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  for (;;) {
    try {
      return await body();
    } catch (error) {
      if (!isTransient(error)) throw error;
      await delay(RETRY_MS, undefined, signal === undefined ? {} : { signal });
    }
  }
}
