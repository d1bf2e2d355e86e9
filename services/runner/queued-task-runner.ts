import type { Approval } from "../../contracts/approval.ts";
import { TaskNotFoundError } from "../../contracts/errors.ts";
import type { PlanLimits, PlanTier } from "../../contracts/plan.ts";
import {
  isTerminal,
  type AgentTask,
  type TaskResult,
  type TaskState,
  type TaskStatus,
  type TaskWait,
} from "../../contracts/task.ts";
import type { TaskEvent } from "../../contracts/task-event.ts";
import { withTransaction, type Pool } from "../runtime/database.ts";
import type { NotificationListener } from "../runtime/listener.ts";
import type { Logger } from "../runtime/logger.ts";
import { explainWait } from "./admission/explain-wait.ts";
import { RunnerClosedError } from "./errors.ts";
import type { EventBus } from "./bus/event-bus.ts";
import { PostgresEventBus } from "./bus/postgres-event-bus.ts";
import { EventLog } from "./event-log.ts";
import type { RunnerMetrics } from "./metrics.ts";
import { answerQuestion } from "./pauses/answer.ts";
import { readApprovals } from "./pauses/approval-record.ts";
import type { RedisCache } from "./redis-cache.ts";
import { Submitter } from "./submit-task.ts";
import { checkRetryable, toRetry } from "./submission.ts";
import {
  DEFINITION_COLUMNS,
  STATUS_COLUMNS,
  toAgentTask,
  toTaskStatus,
  type DefinitionRow,
  type StatusRow,
} from "./task-record.ts";
import type { FollowOptions, GivenAnswer, TaskRunner } from "./task-runner.ts";

export interface QueuedTaskRunnerDeps {
  readonly pool: Pool;
  /** Started by the owner of both. */
  readonly listener: NotificationListener;
  /** Started and closed by its owner. @default the record's own notifications */
  readonly bus?: EventBus;
  /** @default results are read from the record each time */
  readonly cache?: RedisCache | undefined;
  readonly planLimits: Readonly<Record<PlanTier, PlanLimits>>;
  readonly log: Logger;
  readonly metrics?: RunnerMetrics;
}

/**
 * Records tasks in Postgres, for workers elsewhere to run: a Dispatcher admits them, a TaskConsumer runs them. This
 * side needs the record alone, so that an acknowledged task depends on nothing else.
 */
export class QueuedTaskRunner implements TaskRunner {
  readonly #deps: QueuedTaskRunnerDeps;
  readonly #submitter: Submitter;
  readonly #events: EventLog;
  readonly #closing = new AbortController();

  constructor(deps: QueuedTaskRunnerDeps) {
    this.#deps = deps;
    this.#submitter = new Submitter(deps);
    this.#events = new EventLog({ pool: deps.pool, bus: deps.bus ?? new PostgresEventBus(deps) });
  }

  async submit(task: AgentTask, options: { readonly retryOf?: string } = {}): Promise<TaskStatus> {
    if (this.#closing.signal.aborted) throw new RunnerClosedError();
    const { log, metrics } = this.#deps;
    const { status, isNew } = await this.#submitter.submit(task, options);
    if (isNew) {
      metrics?.submitted(task);
      const { taskId, workspaceId, priority } = task;
      log.info({ event: "task_submitted", taskId, workspaceId, priority }, "task submitted");
    }
    return status;
  }

  async status(taskId: string): Promise<TaskStatus> {
    const { rows } = await this.#deps.pool.query<StatusRow>(
      `SELECT ${STATUS_COLUMNS} FROM task_executions WHERE id = $1`,
      [taskId],
    );
    const row = rows[0];
    if (row === undefined) throw new TaskNotFoundError(taskId);
    return toTaskStatus(row);
  }

  async waiting(taskId: string): Promise<TaskWait | null> {
    return explainWait(this.#deps.pool, taskId, this.#deps.planLimits);
  }

  async result(
    taskId: string,
    options: { readonly waitMs?: number; readonly signal?: AbortSignal } = {},
  ): Promise<TaskResult | null> {
    const { waitMs = 0 } = options;
    if (waitMs <= 0) return this.#readResult(taskId);
    return this.#events.untilEnded(taskId, () => this.#readResult(taskId), waitMs, this.#orClosing(options.signal));
  }

  async #readResult(taskId: string): Promise<TaskResult | null> {
    const { cache } = this.#deps;
    const kept = await cache?.result(taskId);
    if (kept !== undefined) return kept;
    const { rows } = await this.#deps.pool.query<{ result: TaskResult | null }>(
      "SELECT CASE WHEN is_terminal(status) THEN task_result(t) END AS result FROM task_executions t WHERE id = $1",
      [taskId],
    );
    const row = rows[0];
    if (row === undefined) throw new TaskNotFoundError(taskId);
    if (row.result !== null) void cache?.keepResult(row.result);
    return row.result;
  }

  async cancel(taskId: string): Promise<boolean> {
    const accepted = await withTransaction(this.#deps.pool, async (client) => {
      const { rows } = await client.query<{ status: TaskState; requested: boolean }>(
        `SELECT status, cancel_requested_at IS NOT NULL AS requested FROM task_executions WHERE id = $1
         FOR NO KEY UPDATE`,
        [taskId],
      );
      const task = rows[0];
      if (task === undefined) throw new TaskNotFoundError(taskId);
      if (isTerminal(task.status)) return false;
      if (task.requested) return true;
      await client.query(
        `WITH requested AS (
           UPDATE task_executions SET cancel_requested_at = now(), event_count = event_count + 1 WHERE id = $1
           RETURNING event_count
         )
         INSERT INTO task_events (task_id, sequence, body)
         SELECT $1, event_count, '{"type": "cancel_requested"}' FROM requested`,
        [taskId],
      );
      // What has not begun ends at once; whoever runs it hears of the request and ends it.
      if (task.status === "queued") {
        await client.query("UPDATE task_executions SET status = 'cancelled' WHERE id = $1", [taskId]);
      }
      return true;
    });
    this.#deps.log.info({ event: "task_cancel_requested", taskId, accepted }, "task cancel requested");
    return accepted;
  }

  async approvals(taskId: string): Promise<Approval[]> {
    return readApprovals(this.#deps.pool, taskId);
  }

  async answer(taskId: string, callId: string, answer: GivenAnswer): Promise<Approval> {
    const { approval, isNew } = await answerQuestion(this.#deps.pool, taskId, callId, answer);
    if (isNew) {
      const { decision } = answer;
      this.#deps.log.info({ event: "approval_decided", taskId, callId, decision }, "a question was answered");
    }
    return approval;
  }

  async retry(taskId: string, newTaskId: string): Promise<TaskStatus> {
    const { rows } = await this.#deps.pool.query<DefinitionRow & { status: TaskState }>(
      `SELECT ${DEFINITION_COLUMNS}, status FROM task_executions WHERE id = $1`,
      [taskId],
    );
    const row = rows[0];
    if (row === undefined) throw new TaskNotFoundError(taskId);
    checkRetryable(taskId, row.status);
    return this.submit(toRetry(toAgentTask(row), newTaskId), { retryOf: taskId });
  }

  events(taskId: string, options: FollowOptions = {}): AsyncIterable<TaskEvent> {
    return this.#events.follow(taskId, options.after ?? 0, { ...options, signal: this.#orClosing(options.signal) });
  }

  #orClosing(signal: AbortSignal | undefined): AbortSignal {
    return signal === undefined ? this.#closing.signal : AbortSignal.any([signal, this.#closing.signal]);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#events.close();
  }
}
