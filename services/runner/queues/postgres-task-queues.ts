import { createPostgresBackend, withBackend, type PostgresConnectionOptions } from "bullmq";
import type { TaskPriority } from "../../../contracts/task.ts";
import { createPool, type Pool } from "../../runtime/database.ts";
import type { Logger } from "../../runtime/logger.ts";
import { BULLMQ_SCHEMA } from "../../runtime/migrate.ts";
import { BullQueues } from "./bull-queues.ts";
import type { Delivery, TaskQueues } from "./task-queues.ts";

const CONNECTIONS = 3;

// Messages are fetched without blocking, so that no queue needs a connection of its own to wait on.
const { Queue, Worker } = withBackend((name: string, options: Parameters<typeof createPostgresBackend>[1]) =>
  createPostgresBackend(name, options),
);

/** The queues on the record's own server: nothing else has to run. */
export class PostgresTaskQueues implements TaskQueues {
  readonly #pool: Pool;
  readonly #queues: BullQueues;
  #closing: Promise<void> | undefined;

  constructor(deps: { readonly url: string; readonly log: Logger }) {
    this.#pool = createPool({
      url: deps.url,
      applicationName: "automatos-queues",
      log: deps.log,
      max: CONNECTIONS,
      // What a crash of the server takes from the queues is found missing in them, so no write waits for the disk.
      settings: { search_path: BULLMQ_SCHEMA, synchronous_commit: "off" },
    });
    // BullMQ describes a pool in words of its own, which lack the overloads of the driver's.
    const connection = this.#pool as unknown as PostgresConnectionOptions;
    const classes = {
      queue: (name: string, options: object) => new Queue(name, { ...options, connection }),
      worker: (name: string, options: object) => new Worker(name, null, { ...options, connection }),
    };
    this.#queues = new BullQueues({
      classes,
      onError: (queue, error) => deps.log.warn({ event: "queue_error", queue, err: error }, "queue error"),
    });
  }

  start(): Promise<void> {
    return this.#queues.ready();
  }

  add(priority: TaskPriority, taskIds: readonly string[]): Promise<void> {
    return this.#queues.add(priority, taskIds);
  }

  addDead(taskIds: readonly string[]): Promise<void> {
    return this.#queues.addDead(taskIds);
  }

  take(priority: TaskPriority): Promise<Delivery | undefined> {
    return this.#queues.take(priority);
  }

  startRecovery(priority: TaskPriority): Promise<void> {
    return this.#queues.startRecovery(priority);
  }

  /** They are lost with the record or not at all. */
  async refillIfEmptied(): Promise<boolean> {
    return false;
  }

  close(): Promise<void> {
    this.#closing ??= this.#queues.close().then(() => this.#pool.end());
    return this.#closing;
  }
}
