import type { PlanLimits, PlanTier } from "../../contracts/plan.ts";
import { isTransient, withTransaction, type Pool, type PoolClient } from "../runtime/database.ts";
import type { NotificationListener } from "../runtime/listener.ts";
import type { Logger } from "../runtime/logger.ts";
import { admitTasks, pruneTurns, type AdmittedTask } from "./admission/admit.ts";
import { shareAtHand } from "./admission/capacity.ts";
import { releaseDelayed } from "./admission/delay.ts";
import { AGEING_SECONDS } from "./admission/fair-share.ts";
import { Leadership } from "./admission/leadership.ts";
import { findUndelivered, recoverLostTasks } from "./admission/recover.ts";
import type { RunnerMetrics } from "./metrics.ts";
import { expireQuestions } from "./pauses/expire.ts";
import { queueDepths } from "./task-queries.ts";
import type { TaskQueues } from "./queues/task-queues.ts";
import { TaskAnnouncer } from "./task-announcer.ts";
import { pruneWorkers } from "./worker-registry.ts";

/** A worker in this very process: it needs no queue to be told what it may start. */
export interface WorkerAtHand {
  readonly workerId: string;
  /** How many more tasks it could start now. */
  readonly idleSlots: number;
  /** Starts tasks, at most `count` of them, and says which it has not taken. */
  readonly offer: (tasks: readonly AdmittedTask[], count: number) => readonly AdmittedTask[];
}

export interface DispatcherDeps {
  readonly pool: Pool;
  readonly listener: NotificationListener;
  readonly queues: TaskQueues;
  readonly planLimits: Readonly<Record<PlanTier, PlanLimits>>;
  /** Names this process among those that could dispatch. */
  readonly holder: string;
  /** As the workers' leases: after a start of the database, nobody is judged sooner than this. */
  readonly leaseSeconds: number;
  readonly log: Logger;
  readonly metrics?: RunnerMetrics;
  /** @default none: all tasks go through the queues */
  readonly atHand?: WorkerAtHand;
  /** How long a dispatcher that stands still keeps others from taking over. @default 5 */
  readonly leadershipSeconds?: number;
  /** A task that has waited so long is treated as one of the next more urgent priority. @default 60 */
  readonly ageingSeconds?: number;
}

const TICK_MS = 1_000;
const BATCH = 500;
/** Every so many ticks the queues are compared with the record, and the gauges are read. */
const RECONCILE_TICKS = 5;
const UNDELIVERED_AFTER_SECONDS = 2;
/** Of each priority: those that come first are looked for again when they have started. */
const MAX_UNDELIVERED = 500;

/**
 * Decides which waiting tasks may start and announces them to workers; takes tasks from workers that were lost; makes
 * the queues agree with the record. Runs in every worker process, and acts in one of them at a time. All its decisions
 * are in the record before anything else learns of them, so it may be killed at any point.
 */
export class Dispatcher {
  readonly #deps: DispatcherDeps;
  readonly #leadership: Leadership;
  readonly #announcer: TaskAnnouncer;
  readonly #caps: Readonly<Record<PlanTier, number>>;
  #leads = false;
  #ticks = 0;
  #running: Promise<void> | undefined;
  #wanted: "tick" | "wake" | undefined;
  #closed = false;
  #stops: (() => void)[] = [];

  constructor(deps: DispatcherDeps) {
    this.#deps = deps;
    this.#leadership = new Leadership({
      role: "dispatcher",
      holder: deps.holder,
      seconds: deps.leadershipSeconds ?? 5,
    });
    this.#announcer = new TaskAnnouncer({
      ...deps,
      startHere: (tasks) => deps.atHand?.offer(tasks, deps.atHand.idleSlots) ?? tasks,
    });
    const caps = Object.entries(deps.planLimits).map(([plan, limits]) => [plan, limits.maxRunningTasks]);
    this.#caps = Object.fromEntries(caps) as Record<PlanTier, number>;
  }

  /** Whether this process is the one that acts. */
  get leads(): boolean {
    return this.#leads;
  }

  async start(): Promise<void> {
    const timer = setInterval(() => this.#want("tick"), TICK_MS);
    this.#stops = [
      () => clearInterval(timer),
      this.#deps.listener.subscribe("automatos_admission", () => this.#want("wake")),
      this.#deps.listener.onReconnect(() => this.#want("wake")),
    ];
    this.#want("tick");
    await this.#running;
  }

  /** Ends what it does at present and lets another process take over at once. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const stop of this.#stops) stop();
    await this.#running;
    await this.#announcer.settled();
    if (this.#leads) await this.#leadership.release(this.#deps.pool).catch((error: unknown) => this.#report(error));
    this.#leads = false;
  }

  /** One pass at a time; a wish that comes during one is for another pass after it. */
  #want(wish: "tick" | "wake"): void {
    if (this.#closed) return;
    this.#wanted = this.#wanted === "tick" ? "tick" : wish;
    this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    while (this.#wanted !== undefined && !this.#closed) {
      const wish = this.#wanted;
      this.#wanted = undefined;
      try {
        if (wish === "tick") await this.#tick();
        await this.#admit();
      } catch (error) {
        this.#report(error);
      }
    }
    // In the same turn as the last look at the wishes, so that none is overlooked.
    this.#running = undefined;
  }

  async #tick(): Promise<void> {
    const { pool, log } = this.#deps;
    const led = this.#leads;
    this.#leads = false;
    this.#leads = await this.#leadership.acquire(pool);
    if (this.#leads !== led) {
      log.info({ event: "dispatcher_leadership", leads: this.#leads }, "dispatcher leadership changed");
    }
    if (!this.#leads) return;
    this.#announcer.refillIfEmptied();
    await this.#recover();
    await releaseDelayed(pool);
    await this.#expire();
    if (!led || ++this.#ticks % RECONCILE_TICKS === 0) {
      await this.#reconcile();
      await this.#measure();
      await pruneWorkers(pool);
      await pruneTurns(pool);
    }
  }

  async #recover(): Promise<void> {
    const { log, leaseSeconds } = this.#deps;
    const options = { leaseSeconds, limit: BATCH };
    const recovered = (await this.#asLeader((client) => recoverLostTasks(client, options))) ?? [];
    for (const { id, workspace_id, attempt, status } of recovered) {
      log.warn(
        { event: "task_recovered", taskId: id, workspaceId: workspace_id, attempt, status },
        "task taken from a lost worker",
      );
    }
    this.#announcer.announceDead(recovered.filter(({ status }) => status === "failed").map(({ id }) => id));
  }

  async #expire(): Promise<void> {
    for (const { taskId, callId } of await expireQuestions(this.#deps.pool, BATCH)) {
      this.#deps.log.info({ event: "approval_expired", taskId, callId }, "a question was not answered in time");
    }
  }

  async #admit(): Promise<void> {
    if (!this.#leads) return;
    for (let more = true; more;) {
      const { atHand, ageingSeconds = AGEING_SECONDS } = this.#deps;
      const options = { caps: this.#caps, ageingSeconds, limit: BATCH, atHand: atHand?.workerId };
      const admission = await this.#asLeader((client) => admitTasks(client, options));
      const { tasks, idleSlots } = admission ?? { tasks: [], idleSlots: 0 };
      const share = shareAtHand(tasks.length, atHand?.idleSlots ?? 0, idleSlots);
      this.#announcer.announce(atHand?.offer(tasks, share) ?? tasks);
      more = tasks.length === BATCH;
    }
  }

  async #reconcile(): Promise<void> {
    const lookFor = { afterSeconds: UNDELIVERED_AFTER_SECONDS, limit: MAX_UNDELIVERED };
    this.#announcer.announce(await findUndelivered(this.#deps.pool, lookFor));
  }

  async #measure(): Promise<void> {
    const { metrics, pool } = this.#deps;
    if (metrics === undefined) return;
    for (const { priority, queued, admitted, running } of await queueDepths(pool)) {
      metrics.queueDepth(priority, "queued", queued);
      metrics.queueDepth(priority, "admitted", admitted);
      metrics.queueDepth(priority, "running", running);
    }
  }

  /** Undefined when the leadership has passed to another in the meantime. */
  async #asLeader<T>(body: (client: PoolClient) => Promise<T>): Promise<T | undefined> {
    return withTransaction(this.#deps.pool, async (client) => {
      this.#leads = await this.#leadership.confirm(client);
      return this.#leads ? body(client) : undefined;
    });
  }

  #report(error: unknown): void {
    const level = isTransient(error) ? "warn" : "error";
    this.#deps.log[level]({ event: "dispatcher_failed", err: error }, "dispatcher pass failed, it will be repeated");
  }
}
