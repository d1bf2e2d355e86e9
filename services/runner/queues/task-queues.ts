import type { TaskPriority } from "../../../contracts/task.ts";

/** A message that says: this task may be started. It may come twice, or late; the record decides. */
export interface Delivery {
  readonly taskId: string;
  /** Removes the message. One that is not removed comes again after some seconds. */
  ack(): Promise<void>;
}

/**
 * The queues of admitted tasks, one per priority, and of tasks that failed for good. They hold nothing that the record
 * does not know, and can be rebuilt from it. Each kind obeys tests/contract/task-queues.contract.ts.
 */
export interface TaskQueues {
  /** @throws when they will not be had for what is wrong with their configuration; to be away is no such thing */
  start(): Promise<void>;
  /**
   * Announces tasks, in this order. One that is announced already is left as it is.
   *
   * @throws within some seconds when they cannot be reached; some may then be announced.
   */
  add(priority: TaskPriority, taskIds: readonly string[]): Promise<void>;
  /** As `add`, for tasks that failed for good. */
  addDead(taskIds: readonly string[]): Promise<void>;
  /**
   * The oldest message of a priority, or undefined when there is none. Does not wait for one.
   *
   * @throws within some seconds when they cannot be reached.
   */
  take(priority: TaskPriority): Promise<Delivery | undefined>;
  /** From now on, messages of a priority whose taker died come again. */
  startRecovery(priority: TaskPriority): Promise<void>;
  /**
   * Calls `refill`, which adds all that must be there, when they came back without what they held (or are new). When it
   * fails, or this process dies, the next call begins again.
   *
   * @returns whether it did.
   * @throws as `add` does, and what `refill` throws.
   */
  refillIfEmptied(refill: () => Promise<void>): Promise<boolean>;
  /** Idempotent. */
  close(): Promise<void>;
}
