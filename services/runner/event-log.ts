import { TaskNotFoundError } from "../../contracts/errors.ts";
import { isTerminalEvent, type TaskEvent, type TaskEventBody } from "../../contracts/task-event.ts";
import { prepared, type Queryable } from "../runtime/database.ts";
import type { EventBus } from "./bus/event-bus.ts";
import type { EventPage } from "./event-feed.ts";
import { SharedFeeds } from "./shared-feeds.ts";
import type { FollowOptions } from "./task-runner.ts";
import { isAborted, Watchers } from "./watchers.ts";

/** Events that a follower holds at once: he reads on when these are taken, so a slow one costs no more memory. */
const PAGE_EVENTS = 200;
/** A page ends with the event that reaches this. */
const PAGE_BYTES = 1_048_576;
/** How long a follower trusts that nothing came when no notification did. */
const RECHECK_MS = 5_000;

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
  SELECT sequence, at, body, bytes, (SELECT event_count FROM task_executions WHERE id = $1) AS newest
  FROM page ORDER BY sequence`;

const READ_END =
  "SELECT is_terminal(status) AND event_count <= $2 AS ended, event_count AS newest FROM task_executions WHERE id = $1";

interface EventRow {
  readonly sequence: number;
  readonly at: Date;
  readonly body: TaskEventBody;
  /** Of this one and of those before it on the page. */
  readonly bytes: number;
  readonly newest: number;
}

/** The events of tasks, as the record keeps them. Who appends them is in task-leases.ts and the migrations. */
export class EventLog {
  readonly #database: Queryable;
  readonly #unsubscribe: (() => void)[];
  /** Whom to wake for every event of a task, and whom for its last alone. */
  readonly #feeds = new SharedFeeds<TaskEvent>({
    read: (taskId, after) => this.#read(taskId, after),
    isLast: isTerminalEvent,
    recheckMs: RECHECK_MS,
  });
  readonly #waiters = new Watchers();

  constructor(deps: { readonly pool: Queryable; readonly bus: EventBus }) {
    this.#database = deps.pool;
    this.#unsubscribe = [
      deps.bus.subscribe(({ taskId, ended }) => {
        this.#feeds.wake(taskId);
        if (ended) this.#waiters.wake(taskId);
      }),
      // What was announced in the meantime was not heard.
      deps.bus.onGap(() => {
        this.#feeds.wakeAll();
        this.#waiters.wakeAll();
      }),
    ];
  }

  /** Ends its subscriptions; who follows still is woken by the clock alone. */
  close(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
  }

  /** As TaskRunner.events(). A server that is away for a while is waited for. */
  follow(taskId: string, after: number, options: Omit<FollowOptions, "after"> = {}): AsyncGenerator<TaskEvent> {
    return this.#feeds.follow(taskId, { ...options, after });
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

  /** @throws TaskNotFoundError */
  async #read(taskId: string, after: number): Promise<EventPage> {
    const { rows } = await this.#database.query<EventRow>(
      prepared(READ_PAGE, [taskId, after, PAGE_BYTES, PAGE_EVENTS]),
    );
    const events = rows.map(({ sequence, at, body }) => ({ taskId, sequence, at: at.toISOString(), body }));
    const last = rows.at(-1);
    if (last !== undefined) return { events, bytes: last.bytes, ended: false, newest: last.newest };
    return { events, bytes: 0, ...(await this.#readEnd(taskId, after)) };
  }

  /** Whether `sequence` is at or behind the terminal event. @throws TaskNotFoundError */
  async #readEnd(taskId: string, sequence: number): Promise<Pick<EventPage, "ended" | "newest">> {
    const { rows } = await this.#database.query<Pick<EventPage, "ended" | "newest">>(
      prepared(READ_END, [taskId, sequence]),
    );
    const row = rows[0];
    if (row === undefined) throw new TaskNotFoundError(taskId);
    return row;
  }
}
