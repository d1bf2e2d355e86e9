import { randomUUID } from "node:crypto";
import { createPostgresBackend, withBackend, type Job, type PostgresConnectionOptions } from "bullmq";
import { DEAD_QUEUE, QUEUE_PREFIX, taskQueueName } from "../../contracts/queue-names.ts";
import { TaskPriority } from "../../contracts/task.ts";
import { createPool, type Pool } from "../runtime/database.ts";
import type { Logger } from "../runtime/logger.ts";
import { BULLMQ_SCHEMA } from "../runtime/migrate.ts";

/** A message that says: this task may be started. It may come twice, or late; the record decides. */
export interface Delivery {
  readonly taskId: string;
  /** Removes the message. One that is not removed comes again after some seconds. */
  ack(): Promise<void>;
}

/** A message is held for so long by who took it; it is given to another after twice that at the latest. */
const HOLD_MS = 5_000;
/** The record counts what a task may cost. Messages are never failed, however often they come again. */
const NO_LIMIT = 2_147_483_647;
const CONNECTIONS = 3;
const JOB_OPTIONS = { removeOnComplete: true, removeOnFail: true, attempts: NO_LIMIT };

// Messages are fetched without blocking, so that no queue needs a connection of its own to wait on.
const { Queue, Worker } = withBackend((name: string, options: Parameters<typeof createPostgresBackend>[1]) =>
  createPostgresBackend(name, options),
);
type Queue = InstanceType<typeof Queue>;
type Worker = InstanceType<typeof Worker>;

/**
 * The queues of admitted tasks, one per priority, and of tasks that failed for good: BullMQ, on Postgres. They hold
 * nothing that the record does not know, and can be rebuilt from it.
 */
export class TaskQueues {
  readonly #pool: Pool;
  readonly #log: Logger;
  readonly #queues: ReadonlyMap<TaskPriority, Queue>;
  readonly #dead: Queue;
  readonly #receivers = new Map<TaskPriority, Worker>();
  #closing: Promise<void> | undefined;

  constructor(deps: { readonly url: string; readonly log: Logger }) {
    this.#log = deps.log;
    this.#pool = createPool({
      url: deps.url,
      applicationName: "automatos-queues",
      log: deps.log,
      max: CONNECTIONS,
      // What a crash of the server takes from the queues is found missing in them, so no write waits for the disk.
      settings: { search_path: BULLMQ_SCHEMA, synchronous_commit: "off" },
    });
    this.#queues = new Map(TaskPriority.options.map((priority) => [priority, this.#open(taskQueueName(priority))]));
    this.#dead = this.#open(DEAD_QUEUE);
  }

  /** @throws when the queues cannot be reached; later losses are repaired in silence. */
  async start(): Promise<void> {
    await Promise.all([...this.#queues.values(), this.#dead].map((queue) => queue.waitUntilReady()));
  }

  /** Announces tasks, in this order. One that is announced already is left as it is. */
  async add(priority: TaskPriority, taskIds: readonly string[]): Promise<void> {
    await addAll(this.#queue(priority), taskIds);
  }

  async addDead(taskIds: readonly string[]): Promise<void> {
    await addAll(this.#dead, taskIds);
  }

  /** The oldest message of a priority, or undefined when there is none. Does not wait. */
  async take(priority: TaskPriority): Promise<Delivery | undefined> {
    const token = randomUUID();
    // BullMQ's type says that a job always comes; its documentation and its code say otherwise.
    const job = (await this.#receiver(priority).getNextJob(token, { block: false })) as Job | undefined;
    if (job?.id === undefined) return undefined;
    const taskId = job.id;
    return {
      taskId,
      ack: async () => {
        await job.moveToCompleted(null, token, false);
      },
    };
  }

  /** From now on, messages of a priority whose taker died come again. */
  async startRecovery(priority: TaskPriority): Promise<void> {
    await this.#receiver(priority).startStalledCheckTimer();
  }

  /** Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const all = [...this.#receivers.values(), ...this.#queues.values(), this.#dead];
    await Promise.allSettled(all.map((each) => each.close()));
    await this.#pool.end();
  }

  #open(name: string): Queue {
    const queue = new Queue(name, { ...this.#options(), defaultJobOptions: JOB_OPTIONS });
    queue.on("error", (error) => this.#warn(name, error));
    return queue;
  }

  #options(): { connection: PostgresConnectionOptions; prefix: string } {
    // BullMQ describes a pool in words of its own, which lack the overloads of the driver's.
    return { connection: this.#pool as unknown as PostgresConnectionOptions, prefix: QUEUE_PREFIX };
  }

  #queue(priority: TaskPriority): Queue {
    const queue = this.#queues.get(priority);
    if (queue === undefined) throw new TypeError(`no queue for priority ${priority}`);
    return queue;
  }

  #receiver(priority: TaskPriority): Worker {
    const known = this.#receivers.get(priority);
    if (known !== undefined) return known;
    const name = taskQueueName(priority);
    const receiver = new Worker(name, null, {
      ...this.#options(),
      autorun: false,
      lockDuration: HOLD_MS,
      stalledInterval: HOLD_MS / 2,
      maxStalledCount: NO_LIMIT,
    });
    receiver.on("error", (error) => this.#warn(name, error));
    this.#receivers.set(priority, receiver);
    return receiver;
  }

  #warn(queue: string, error: Error): void {
    this.#log.warn({ event: "queue_error", queue, err: error }, "queue error");
  }
}

async function addAll(queue: Queue, taskIds: readonly string[]): Promise<void> {
  const [first] = taskIds;
  if (first === undefined) return;
  if (taskIds.length === 1) await queue.add("task", {}, { jobId: first });
  else await queue.addBulk(taskIds.map((jobId) => ({ name: "task", data: {}, opts: { ...JOB_OPTIONS, jobId } })));
}
