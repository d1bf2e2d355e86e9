import type { JsonValue } from "../../contracts/json.ts";
import type { TaskError } from "../../contracts/task.ts";
import type { TaskEventBody } from "../../contracts/task-event.ts";
import { Batcher } from "../runtime/batcher.ts";
import type { Queryable } from "../runtime/database.ts";
import type { EventBus, TaskNews } from "./bus/event-bus.ts";
import { claimTasks, type Claim } from "./claim-tasks.ts";
import type { AttemptEnd, ClaimedTask } from "./claimed-task.ts";
import { LeaseLostError } from "./errors.ts";
import {
  appendEvents,
  finishTasks,
  type EndedTask,
  type EventBatch,
  type HeldEnd,
  type WhenLocked,
} from "./held-tasks.ts";
import { recordPause, saveCheckpoint } from "./pauses/record-pause.ts";
import type { TaskPause } from "./task-runner.ts";

/** In one statement: each may hold a megabyte of output. */
const MAX_BATCHES = 16;
const MAX_ENDS = 50;

/**
 * What a worker writes about the tasks that it runs. Every write names the lease's token and is refused by the record
 * when the lease is another's; each can be sent again when its answer was lost with the connection. What is
 * asked for while the like is being written goes together, in one commit.
 */
export class TaskLeases {
  readonly #database: Queryable;
  readonly #leaseSeconds: number;
  readonly #bus: EventBus | undefined;
  readonly #claims: Batcher<Claim, ClaimedTask | undefined>;
  readonly #batches: Batcher<EventBatch, boolean>;
  readonly #ends: Batcher<HeldEnd, EndedTask | undefined>;

  constructor(deps: {
    readonly pool: Queryable;
    readonly workerId: string;
    readonly leaseSeconds: number;
    /** Tells of what is written here, where the record does not. @default the record does */
    readonly bus?: EventBus | undefined;
  }) {
    const { pool } = deps;
    this.#database = pool;
    this.#bus = deps.bus?.needsWriters === true ? deps.bus : undefined;
    this.#leaseSeconds = deps.leaseSeconds;
    this.#claims = new Batcher({ run: (claims) => claimTasks(pool, claims, deps) });
    // A task that somebody holds up is left out, and waited for alone.
    this.#batches = new Batcher({ run: (batches) => this.#append(batches, "skip"), maxItems: MAX_BATCHES });
    this.#ends = new Batcher({ run: (ends) => this.#finish(ends, "skip"), maxItems: MAX_ENDS });
  }

  /** Starts an admitted task under `token`. Undefined when there is nothing to start: another has it, or it ended. */
  async claim(taskId: string, token: string): Promise<ClaimedTask | undefined> {
    return this.#claims.add({ taskId, token });
  }

  /**
   * Appends events. `batch` counts from 1 per claim, so that a batch that was written already is known.
   *
   * @throws LeaseLostError
   */
  async append(lease: ClaimedTask, batch: number, bodies: readonly TaskEventBody[]): Promise<void> {
    const { taskId } = lease.task;
    const asked = { taskId, token: lease.token, batch, bodies };
    if (await this.#batches.add(asked)) return;
    const [written] = await this.#append([asked], "wait");
    if (written !== true) throw new LeaseLostError(taskId);
  }

  /**
   * Ends the task: `bodies`, its result, its last event and its lease in one commit. An accepted request to cancel wins.
   *
   * @returns how the task has ended.
   * @throws LeaseLostError
   */
  async finish(lease: ClaimedTask, end: AttemptEnd, bodies: readonly TaskEventBody[] = []): Promise<EndedTask> {
    const { taskId } = lease.task;
    const asked = { taskId, token: lease.token, end, bodies };
    const ended = await this.#ends.add(asked);
    if (ended !== undefined) return ended;
    const [late] = await this.#finish([asked], "wait");
    if (late === undefined) throw new LeaseLostError(taskId);
    return late;
  }

  async #append(batches: readonly EventBatch[], whenLocked: WhenLocked): Promise<boolean[]> {
    const written = await appendEvents(this.#database, batches, this.#write(whenLocked));
    this.#tell(batches.filter((_, index) => written[index] === true).map(({ taskId }) => ({ taskId, ended: false })));
    return written;
  }

  async #finish(ends: readonly HeldEnd[], whenLocked: WhenLocked): Promise<(EndedTask | undefined)[]> {
    const ended = await finishTasks(this.#database, ends, this.#write(whenLocked));
    this.#tell(ends.filter((_, index) => ended[index] !== undefined).map(({ taskId }) => ({ taskId, ended: true })));
    return ended;
  }

  #write(whenLocked: WhenLocked) {
    return { whenLocked, toldElsewhere: this.#bus !== undefined };
  }

  /** After the commit, and waited for by nobody: who is not told finds it in the record. */
  #tell(news: readonly TaskNews[]): void {
    if (news.length > 0) void this.#bus?.publish(news);
  }

  /** @see saveCheckpoint */
  async save(lease: ClaimedTask, checkpoint: JsonValue): Promise<void> {
    await saveCheckpoint(this.#database, lease, checkpoint);
  }

  /** @see recordPause */
  async pause(lease: ClaimedTask, pause: TaskPause): Promise<"queued" | "cancelled"> {
    return recordPause(this.#database, lease, pause);
  }

  /** Gives a task back to the queue: this start does not count. No-op when the lease was lost. */
  async handBack(lease: ClaimedTask, error: TaskError): Promise<void> {
    await this.#database.query(
      `WITH returned AS (
         UPDATE task_executions
         SET status = CASE WHEN cancel_requested_at IS NULL THEN 'queued'::task_state ELSE 'cancelled' END,
             attempt = attempt - 1, event_count = event_count + (cancel_requested_at IS NULL)::int
         WHERE id = $1 AND status = 'running' AND lease_token = $2
         RETURNING id, status, event_count, attempt
       )
       INSERT INTO task_events (task_id, sequence, body)
       SELECT id, event_count, jsonb_build_object('type', 'task_requeued', 'attempt', attempt, 'error', $3::jsonb)
       FROM returned WHERE status = 'queued'`,
      [lease.task.taskId, lease.token, JSON.stringify(error)],
    );
  }

  /**
   * Renews leases, all in one statement.
   *
   * @returns the tokens that are still held.
   */
  async renew(tokens: readonly string[]): Promise<Set<string>> {
    const { rows } = await this.#database.query<{ token: string }>(
      `UPDATE leases SET expires_at = now() + $2::float8 * interval '1 second' WHERE token = ANY ($1::uuid[])
       RETURNING token`,
      [tokens, this.#leaseSeconds],
    );
    return new Set(rows.map(({ token }) => token));
  }

  /** Those of the tasks that somebody asked to cancel. */
  async findCancelled(taskIds: readonly string[]): Promise<string[]> {
    const { rows } = await this.#database.query<{ id: string }>(
      `SELECT id FROM task_executions WHERE id = ANY ($1::uuid[]) AND cancel_requested_at IS NOT NULL`,
      [taskIds],
    );
    return rows.map(({ id }) => id);
  }
}
