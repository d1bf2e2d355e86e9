import { randomUUID } from "node:crypto";
import { resolvePlanLimits, type PlanLimitOverrides, type PlanTier } from "../../contracts/plan.ts";
import { AgentTask, TaskPriority, type AgentTaskInput } from "../../contracts/task.ts";
import type { TaskEvent, TaskEventBody } from "../../contracts/task-event.ts";
import { createEventBus } from "../../services/runner/bus/create-event-bus.ts";
import { Dispatcher } from "../../services/runner/dispatcher.ts";
import { QueuedTaskRunner } from "../../services/runner/queued-task-runner.ts";
import { RedisCache } from "../../services/runner/redis-cache.ts";
import { TaskConsumer, type TaskConsumerDeps } from "../../services/runner/task-consumer.ts";
import { createTaskQueues, type QueueSettings } from "../../services/runner/queues/create-task-queues.ts";
import type { TaskQueues } from "../../services/runner/queues/task-queues.ts";
import type { ExecuteTask, TaskEnd, TaskExecution, TaskRunner } from "../../services/runner/task-runner.ts";
import { createPool, type Pool } from "../../services/runtime/database.ts";
import { NotificationListener } from "../../services/runtime/listener.ts";
import type { Logger } from "../../services/runtime/logger.ts";
import { WorkspaceStore } from "../../services/workspace/workspace-store.ts";
import { silentLog } from "./database.ts";

export const completed: TaskEnd = { status: "completed", result: null, error: null, steps: [], tokensUsed: 0 };

/** A task with nothing to do. */
export function aTask(workspaceId: string, overrides: Partial<AgentTaskInput> = {}): AgentTask {
  return AgentTask.parse({ taskId: randomUUID(), workspaceId, ...overrides });
}

/** Resolves when `signal` fires: what a task does that only ends when it is told to. */
export function untilStopped({ signal }: TaskExecution): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

/** The events of a task to its end. */
export async function collectEvents(runner: TaskRunner, taskId: string, after = 0): Promise<TaskEvent[]> {
  const events: TaskEvent[] = [];
  for await (const event of runner.events(taskId, { after })) events.push(event);
  return events;
}

/** Resolves with the first event of this type. */
export async function untilEvent(runner: TaskRunner, taskId: string, type: TaskEventBody["type"]): Promise<TaskEvent> {
  for await (const event of runner.events(taskId)) if (event.body.type === type) return event;
  throw new Error(`task ${taskId} ended without ${type}`);
}

/** What one process of the queued backend needs, connected to one database. */
export interface QueuedProcess {
  readonly pool: Pool;
  readonly listener: NotificationListener;
  readonly workspaces: WorkspaceStore;
  readonly runner: QueuedTaskRunner;
  /** Starts a dispatcher and a consumer, as a worker process has them. */
  work(execute: ExecuteTask, options?: WorkOptions): Promise<WorkingSide>;
  close(): Promise<void>;
}

export type WorkOptions = Partial<Omit<TaskConsumerDeps, "execute">> & {
  readonly leadershipSeconds?: number;
  /** All tasks come through the queues, as to a worker whose process does not dispatch. */
  readonly throughQueues?: boolean;
};

export interface ProcessOptions {
  readonly plans?: PlanLimitOverrides;
  readonly log?: Logger;
  /** Of the Redis that the queues are on. @default they are on Postgres */
  readonly redisUrl?: string | undefined;
}

export interface WorkingSide {
  readonly consumer: TaskConsumer;
  readonly dispatcher: Dispatcher;
  readonly queues: TaskQueues;
  close(): Promise<void>;
}

export async function openQueuedProcess(url: string, options: ProcessOptions = {}): Promise<QueuedProcess> {
  const log = options.log ?? silentLog;
  const planLimits = resolvePlanLimits(options.plans ?? {});
  const pool = createPool({ url, applicationName: "test", log });
  const listener = new NotificationListener({ url, applicationName: "test", log });
  await listener.start();
  const { redisUrl } = options;
  const bus = createEventBus(queueSettings(url, redisUrl), { pool, listener, log });
  const cache = redisUrl === undefined ? undefined : new RedisCache({ url: redisUrl, log });
  await bus.start();
  const runner = new QueuedTaskRunner({ pool, listener, bus, cache, planLimits, log });
  return {
    pool,
    listener,
    runner,
    workspaces: new WorkspaceStore({ pool }),
    work: async (execute, { leadershipSeconds = 2, throughQueues = false, ...overrides } = {}) => {
      const workerId = overrides.workerId ?? randomUUID();
      const leaseSeconds = overrides.leaseSeconds ?? 5;
      const queues = createTaskQueues(queueSettings(url, options.redisUrl), log);
      await queues.start();
      const common = { pool, listener, bus, cache, queues, leaseSeconds, log };
      const consumer = new TaskConsumer({
        ...common,
        workerId,
        execute,
        concurrency: 4,
        priorities: TaskPriority.options,
        shutdownGraceSeconds: 0,
        ...overrides,
      });
      const dispatcher = new Dispatcher({
        ...common,
        planLimits,
        holder: workerId,
        leadershipSeconds,
        ...(throughQueues ? {} : { atHand: consumer }),
      });
      await consumer.start();
      await dispatcher.start();
      return {
        consumer,
        dispatcher,
        queues,
        close: async () => {
          await consumer.close();
          await dispatcher.close();
          await queues.close();
        },
      };
    },
    close: async () => {
      await runner.close();
      await bus.close();
      cache?.close();
      await listener.close();
      await pool.end();
    },
  };
}

/** How services are told where the queues are. */
export const queueSettings = (url: string, redisUrl: string | undefined): QueueSettings => ({
  QUEUE_BACKEND: redisUrl === undefined ? "postgres" : "redis",
  REDIS_URL: redisUrl,
  DATABASE_URL: url,
});

/** A workspace with a plan, for tests that do not care for more. */
export async function aWorkspace(process: QueuedProcess, plan: PlanTier = "enterprise"): Promise<string> {
  return (await process.workspaces.create({ name: "test", plan })).workspaceId;
}
