import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { TaskPriority } from "../../contracts/task.ts";
import { isTransient, type Pool } from "../runtime/database.ts";
import type { NotificationListener } from "../runtime/listener.ts";
import type { Logger } from "../runtime/logger.ts";
import type { EventBus } from "./bus/event-bus.ts";
import { findUndelivered } from "./admission/recover.ts";
import { LeaseKeeper } from "./lease-keeper.ts";
import type { RunnerMetrics } from "./metrics.ts";
import { TaskAttempt, type AttemptReport } from "./task-attempt.ts";
import type { ClaimedTask } from "./claimed-task.ts";
import { TaskLeases } from "./task-leases.ts";
import type { Delivery, TaskQueues } from "./queues/task-queues.ts";
import type { RedisCache } from "./redis-cache.ts";
import type { ExecuteTask } from "./task-runner.ts";
import { recordWorker, removeWorker } from "./worker-registry.ts";

export interface TaskConsumerDeps {
  readonly pool: Pool;
  readonly listener: NotificationListener;
  readonly queues: TaskQueues;
  /** Tells followers of events. @default the record does */
  readonly bus?: EventBus;
  /** Is told that this worker lives. @default the record alone is */
  readonly cache?: RedisCache | undefined;
  readonly execute: ExecuteTask;
  /** Names this process in the record. */
  readonly workerId: string;
  /** Tasks that run at once, of all priorities together. */
  readonly concurrency: number;
  /** Those that this worker takes. The most urgent is always taken first. */
  readonly priorities: readonly TaskPriority[];
  /** A worker that is silent for so long has lost its tasks. */
  readonly leaseSeconds: number;
  /** How long `close` lets tasks run on before it hands them back. */
  readonly shutdownGraceSeconds: number;
  /** Shown to operators. */
  readonly healthUrl?: string;
  /** Where this worker takes tool calls without a task. @default it takes none */
  readonly toolsUrl?: () => string;
  readonly log: Logger;
  readonly metrics?: RunnerMetrics;
}

/** How often the queues are looked into although nothing was announced. */
const LOOK_MS = 5_000;
const RETRY_MS = 200;
/** How often the record is asked for tasks while the queues are away. */
const ASK_RECORD_MS = 2_000;
/** What stopping and handing back may take once the grace is over; then the tasks are left to be recovered. */
const HAND_BACK_MS = 8_000;

/**
 * Takes admitted tasks and runs them. The record decides who runs a task: a claim there starts it, a lease renewed
 * from here keeps it, and whatever is written for it is refused once that lease is lost.
 */
export class TaskConsumer {
  readonly #deps: TaskConsumerDeps;
  readonly #leases: TaskLeases;
  readonly #keeper: LeaseKeeper;
  readonly #priorities: readonly TaskPriority[];
  /** Queues that may hold something. */
  readonly #promising = new Set<TaskPriority>();
  readonly #tasks = new Set<Promise<void>>();
  #pumping: Promise<void> | undefined;
  /** A slot that is kept for what may come from a queue at this moment. */
  #taking = false;
  #askRecordAt = 0;
  #started = false;
  #closing: Promise<void> | undefined;
  #stops: (() => void)[] = [];

  constructor(deps: TaskConsumerDeps) {
    this.#deps = deps;
    this.#priorities = TaskPriority.options.filter((priority) => deps.priorities.includes(priority));
    this.#leases = new TaskLeases(deps);
    this.#keeper = new LeaseKeeper({
      leases: this.#leases,
      leaseSeconds: deps.leaseSeconds,
      listener: deps.listener,
      log: deps.log,
      onBeat: () => this.#announce(),
    });
  }

  get activeTasks(): number {
    return this.#tasks.size;
  }

  get workerId(): string {
    return this.#deps.workerId;
  }

  /** How many more tasks could be started now. */
  get idleSlots(): number {
    if (!this.#started || this.#closing !== undefined) return 0;
    return Math.max(0, this.#deps.concurrency - this.#tasks.size - (this.#taking ? 1 : 0));
  }

  /** Starts admitted tasks that came by no queue, at most `count`, and returns those that it has not taken. */
  offer<Task extends { readonly id: string; readonly priority: TaskPriority }>(
    tasks: readonly Task[],
    count: number,
  ): readonly Task[] {
    let room = Math.min(count, this.idleSlots);
    return tasks.filter(({ id, priority }) => {
      if (room === 0 || !this.#priorities.includes(priority)) return true;
      room -= 1;
      this.#begin({ taskId: id, ack: () => Promise.resolve() });
      return false;
    });
  }

  /** Begins to take tasks. @throws when the record cannot be reached */
  async start(): Promise<void> {
    const { listener, queues, log, workerId, concurrency } = this.#deps;
    await this.#announce();
    this.#keeper.start();
    const timer = setInterval(() => this.#look(this.#priorities), LOOK_MS);
    this.#stops = [
      () => clearInterval(timer),
      listener.subscribe("automatos_work", (priorities) =>
        this.#look(TaskPriority.options.filter((priority) => priorities.includes(priority))),
      ),
      listener.onReconnect(() => this.#look(this.#priorities)),
    ];
    for (const priority of this.#priorities) await queues.startRecovery(priority);
    this.#started = true;
    log.info({ event: "worker_started", workerId, concurrency, priorities: this.#priorities }, "worker takes tasks");
    this.#look(this.#priorities);
  }

  /** @throws when no heartbeat has reached the record within the time of a lease */
  async check(): Promise<void> {
    this.#keeper.check();
  }

  /**
   * Takes nothing new, lets what runs go on for the grace, then stops it and hands it back to the queue. Resolves when
   * nothing runs here any more. Idempotent.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { log, workerId, shutdownGraceSeconds, pool, cache } = this.#deps;
    for (const stop of this.#stops) stop();
    await this.#pumping;
    if (!(await this.#settlesWithin(shutdownGraceSeconds * 1_000))) {
      log.info({ event: "worker_hands_back", workerId, tasks: this.#tasks.size }, "handing tasks back");
      this.#keeper.stopAll("shutdown");
      if (!(await this.#settlesWithin(HAND_BACK_MS))) {
        for (const attempt of this.#keeper.attempts()) attempt.abandon();
      }
    }
    await Promise.all(this.#tasks);
    this.#keeper.close();
    await removeWorker(pool, workerId).catch((error: unknown) => {
      log.warn({ event: "worker_not_removed", workerId, err: error }, "worker stays in the list until it is pruned");
    });
    await cache?.removeBeat(workerId);
    log.info({ event: "worker_stopped", workerId }, "worker stopped");
  }

  async #settlesWithin(ms: number): Promise<boolean> {
    const over = new AbortController();
    const settled = Promise.all(this.#tasks).then(() => true);
    const late = delay(ms, false, { signal: over.signal }).catch(() => false);
    const result = await Promise.race([settled, late]);
    over.abort();
    return result;
  }

  async #announce(): Promise<void> {
    const { pool, workerId, concurrency, leaseSeconds, healthUrl, toolsUrl, metrics, cache } = this.#deps;
    metrics?.activeTasks(workerId, this.#tasks.size);
    void cache?.beat(workerId);
    const priorities = this.#priorities;
    await recordWorker(pool, {
      workerId,
      healthUrl,
      toolsUrl: toolsUrl?.(),
      concurrency,
      priorities,
      leaseSeconds,
      activeTasks: this.#tasks.size,
    });
  }

  #look(priorities: readonly TaskPriority[]): void {
    for (const priority of priorities) if (this.#priorities.includes(priority)) this.#promising.add(priority);
    this.#pump();
  }

  #pump(): void {
    if (this.#closing === undefined) this.#pumping ??= this.#takeAll();
  }

  /** Takes messages, always of the most urgent queue that may hold one, until all slots or no queue is left. */
  async #takeAll(): Promise<void> {
    // So that #pumping is set before this ends.
    await Promise.resolve();
    for (;;) {
      const priority = this.#priorities.find((each) => this.#promising.has(each));
      if (priority === undefined || this.#closing !== undefined || this.#tasks.size >= this.#deps.concurrency) break;
      try {
        // First, so that what is announced while the queue is being looked into is looked for again.
        this.#promising.delete(priority);
        this.#taking = true;
        const delivery = await this.#deps.queues.take(priority).finally(() => (this.#taking = false));
        if (delivery === undefined) continue;
        this.#promising.add(priority);
        this.#begin(delivery);
      } catch (error) {
        this.#promising.add(priority);
        await this.#takeFromRecord(error);
        await delay(RETRY_MS);
      }
    }
    this.#pumping = undefined;
  }

  /** Without the queues the record is asked for what was admitted long enough ago that a message would have come. */
  async #takeFromRecord(cause: unknown): Promise<void> {
    const { pool, log } = this.#deps;
    if (performance.now() < this.#askRecordAt) return;
    this.#askRecordAt = performance.now() + ASK_RECORD_MS;
    const reason = cause instanceof Error ? cause.message : String(cause);
    log.warn({ event: "queue_unreachable", reason }, "queues cannot be read, the record is asked for tasks");
    try {
      const limit = this.idleSlots;
      const lookFor = { afterSeconds: ASK_RECORD_MS / 1_000, limit, priorities: this.#priorities };
      const tasks = limit === 0 ? [] : await findUndelivered(pool, lookFor);
      // Several workers may ask at once; the record gives each task to one of them.
      this.offer(tasks, limit);
    } catch (error) {
      log.warn({ event: "record_unreachable", err: error }, "the record cannot be asked either");
    }
  }

  #begin(delivery: Delivery): void {
    const running = this.#handle(delivery)
      .catch((error: unknown) => {
        const log = { event: "task_not_started", taskId: delivery.taskId, err: error };
        this.#deps.log.error(log, "task could not be started");
      })
      .finally(() => {
        this.#tasks.delete(running);
        this.#pump();
      });
    this.#tasks.add(running);
  }

  async #handle(delivery: Delivery): Promise<void> {
    const claimed = await this.#claim(delivery.taskId);
    // The record knows all by now, whether the task was claimed or there was nothing to claim.
    delivery.ack().catch((error: unknown) => {
      this.#deps.log.debug({ event: "ack_failed", taskId: delivery.taskId, err: error }, "message comes again");
    });
    if (claimed === undefined) return;

    const { log, metrics } = this.#deps;
    const { task, attempt: number } = claimed;
    const { taskId, workspaceId } = task;
    log.info({ event: "task_started", taskId, workspaceId, attempt: number }, "task started");
    const attempt = new TaskAttempt({ leases: this.#leases, execute: this.#deps.execute, log }, claimed);
    this.#keeper.add(attempt);
    const report: AttemptReport = await attempt.run().finally(() => this.#keeper.remove(attempt));
    if (report.kind === "ended") metrics?.completed(task, report.status, report.executionTimeMs);
    log.info({ event: "task_left", taskId, workspaceId, attempt: number, ...report }, "task left");
  }

  /** Repeated under one token while the record is away, so that a claim whose answer was lost is found again. */
  async #claim(taskId: string): Promise<ClaimedTask | undefined> {
    const token = randomUUID();
    for (;;) {
      try {
        return await this.#leases.claim(taskId, token);
      } catch (error) {
        if (!isTransient(error) || this.#closing !== undefined) throw error;
        await delay(RETRY_MS);
      }
    }
  }
}
