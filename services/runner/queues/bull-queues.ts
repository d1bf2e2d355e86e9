import { randomUUID } from "node:crypto";
import type { Job, Queue, QueueOptions, Worker, WorkerOptions } from "bullmq";
import { DEAD_QUEUE, QUEUE_PREFIX, taskQueueName } from "../../../contracts/queue-names.ts";
import { TaskPriority } from "../../../contracts/task.ts";
import type { Delivery } from "./task-queues.ts";

/** BullMQ's classes on one of its backends, which share the caller's connections. */
export interface BullClasses {
  readonly queue: (name: string, options: Omit<QueueOptions, "connection">) => BullQueue;
  /** One that is asked for messages and never waits for them, so it needs no connection of its own. */
  readonly worker: (name: string, options: Omit<WorkerOptions, "connection">) => BullWorker;
}
interface Reporting {
  on(event: "error", listener: (error: Error) => void): unknown;
}
type BullQueue = Pick<Queue, "add" | "addBulk" | "waitUntilReady" | "close"> & Reporting;
type BullWorker = Pick<Worker, "getNextJob" | "startStalledCheckTimer" | "waitUntilReady" | "close"> & Reporting;

/** Hears of errors that no caller is told of. */
export type OnQueueError = (queue: string, error: Error) => void;

/** A message is held for so long by who took it; it is given to another after twice that at the latest. */
const HOLD_MS = 5_000;
/** The record counts what a task may cost. Messages are never failed, however often they come again. */
const NO_LIMIT = 2_147_483_647;
const JOB_OPTIONS = { removeOnComplete: true, removeOnFail: true, attempts: NO_LIMIT };
/** Nobody reads the log that BullMQ keeps of what it does. */
const LOG_ENTRIES = 10;

/** The queues of all priorities, and of tasks that failed for good, as BullMQ has them on any backend. */
export class BullQueues {
  readonly #classes: BullClasses;
  readonly #onError: OnQueueError;
  readonly #queues: ReadonlyMap<TaskPriority, BullQueue>;
  readonly #dead: BullQueue;
  readonly #receivers: ReadonlyMap<TaskPriority, BullWorker>;

  constructor(deps: { readonly classes: BullClasses; readonly onError: OnQueueError }) {
    this.#classes = deps.classes;
    this.#onError = deps.onError;
    this.#queues = new Map(TaskPriority.options.map((priority) => [priority, this.#open(taskQueueName(priority))]));
    this.#dead = this.#open(DEAD_QUEUE);
    this.#receivers = new Map(TaskPriority.options.map((priority) => [priority, this.#openReceiver(priority)]));
  }

  async ready(): Promise<void> {
    await Promise.all(this.#all().map((each) => each.waitUntilReady()));
  }

  async add(priority: TaskPriority, taskIds: readonly string[]): Promise<void> {
    await addAll(this.#queue(priority), taskIds);
  }

  async addDead(taskIds: readonly string[]): Promise<void> {
    await addAll(this.#dead, taskIds);
  }

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

  async startRecovery(priority: TaskPriority): Promise<void> {
    await this.#receiver(priority).startStalledCheckTimer();
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#all().map((each) => each.close()));
  }

  #all(): (BullQueue | BullWorker)[] {
    return [...this.#receivers.values(), ...this.#queues.values(), this.#dead];
  }

  #open(name: string): BullQueue {
    const queue = this.#classes.queue(name, {
      prefix: QUEUE_PREFIX,
      defaultJobOptions: JOB_OPTIONS,
      streams: { events: { maxLen: LOG_ENTRIES } },
    });
    queue.on("error", (error) => this.#onError(name, error));
    return queue;
  }

  #queue(priority: TaskPriority): BullQueue {
    const queue = this.#queues.get(priority);
    if (queue === undefined) throw new TypeError(`no queue for priority ${priority}`);
    return queue;
  }

  #receiver(priority: TaskPriority): BullWorker {
    const receiver = this.#receivers.get(priority);
    if (receiver === undefined) throw new TypeError(`no queue for priority ${priority}`);
    return receiver;
  }

  #openReceiver(priority: TaskPriority): BullWorker {
    const name = taskQueueName(priority);
    const receiver = this.#classes.worker(name, {
      prefix: QUEUE_PREFIX,
      autorun: false,
      lockDuration: HOLD_MS,
      stalledInterval: HOLD_MS / 2,
      maxStalledCount: NO_LIMIT,
    });
    receiver.on("error", (error) => this.#onError(name, error));
    return receiver;
  }
}

async function addAll(queue: BullQueue, taskIds: readonly string[]): Promise<void> {
  const [first] = taskIds;
  if (first === undefined) return;
  if (taskIds.length === 1) await queue.add("task", {}, { jobId: first });
  else await queue.addBulk(taskIds.map((jobId) => ({ name: "task", data: {}, opts: { ...JOB_OPTIONS, jobId } })));
}
