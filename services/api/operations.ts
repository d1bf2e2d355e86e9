import type { QueueList, TaskList, WorkerHealth, WorkerInfo } from "../../contracts/http-api.ts";
import { TaskNotFoundError } from "../../contracts/errors.ts";
import { taskQueueName } from "../../contracts/queue-names.ts";
import { microsOf, parseCursor, timeOf, toPage } from "../runtime/cursor.ts";
import type { Queryable } from "../runtime/database.ts";
import { queueDepths } from "../runner/task-queries.ts";
import { STATUS_COLUMNS, toTaskStatus, type StatusRow } from "../runner/task-record.ts";
import { listWorkers } from "../runner/worker-registry.ts";

/** What an operator asks of the whole installation. */
export interface Operations {
  workers(): Promise<WorkerInfo[]>;
  /** What the worker's health port answers now. */
  readinessOf(worker: WorkerInfo): Promise<WorkerHealth["readiness"]>;
  queues(): Promise<QueueList>;
  /** Workspaces that have tasks running. */
  activeTasksByWorkspace(): Promise<{ readonly workspaceId: string; readonly activeTasks: number }[]>;
  /** The newest first. @throws InvalidCursorError */
  deadLetters(page: { readonly limit: number; readonly cursor?: string | undefined }): Promise<TaskList>;
  /** Takes a failed task off the list; it stays in the record. @throws TaskNotFoundError when it is not on the list. */
  dropDeadLetter(taskId: string): Promise<void>;
}

const PROBE_TIMEOUT_MS = 2_000;

/** Answers from the record, and from the workers' health ports. */
export class RecordOperations implements Operations {
  readonly #database: Queryable;

  constructor(deps: { readonly database: Queryable }) {
    this.#database = deps.database;
  }

  workers(): Promise<WorkerInfo[]> {
    return listWorkers(this.#database);
  }

  async readinessOf({ healthUrl }: WorkerInfo): Promise<WorkerHealth["readiness"]> {
    if (healthUrl === null) return "unknown";
    try {
      const signal = AbortSignal.timeout(PROBE_TIMEOUT_MS);
      const response = await fetch(new URL("/readyz", healthUrl), { redirect: "error", signal });
      await response.body?.cancel();
      return response.ok ? "ready" : "not_ready";
    } catch {
      return "unreachable"; // which is the answer, whatever the reason
    }
  }

  async queues(): Promise<QueueList> {
    const [depths, dead] = await Promise.all([
      queueDepths(this.#database),
      this.#database.query<{ count: number }>(
        "SELECT count(*)::int AS count FROM task_executions WHERE dead_lettered_at IS NOT NULL",
      ),
    ]);
    const items = depths.map(({ priority, queued, admitted, running, oldestQueuedSeconds }) => ({
      queue: taskQueueName(priority),
      priority,
      waiting: queued,
      admitted,
      running,
      oldestWaitingSeconds: Math.max(0, oldestQueuedSeconds ?? 0),
    }));
    return { items, deadLetters: dead.rows[0]?.count ?? 0 };
  }

  async activeTasksByWorkspace(): Promise<{ workspaceId: string; activeTasks: number }[]> {
    const { rows } = await this.#database.query<{ workspaceId: string; activeTasks: number }>(
      `SELECT workspace_id AS "workspaceId", count(*)::int AS "activeTasks" FROM task_executions
       WHERE status IN ('queued', 'scheduled', 'running') AND admitted_at IS NOT NULL AND status <> 'queued'
       GROUP BY workspace_id`,
    );
    return rows;
  }

  async deadLetters(page: { limit: number; cursor?: string | undefined }): Promise<TaskList> {
    const before = page.cursor === undefined ? undefined : parseCursor(page.cursor);
    const { rows } = await this.#database.query<StatusRow & { micros: string }>(
      `SELECT ${STATUS_COLUMNS}, ${microsOf("dead_lettered_at")} AS micros FROM task_executions
       WHERE dead_lettered_at IS NOT NULL AND ($2::uuid IS NULL OR (dead_lettered_at, id) < (${timeOf(1)}, $2))
       ORDER BY dead_lettered_at DESC, id DESC LIMIT $3`,
      [before?.micros ?? null, before?.id ?? null, page.limit + 1],
    );
    const { rows: tasks, nextCursor } = toPage(rows, page.limit);
    return { items: tasks.map(toTaskStatus), nextCursor };
  }

  async dropDeadLetter(taskId: string): Promise<void> {
    const { rowCount } = await this.#database.query(
      "UPDATE task_executions SET dead_lettered_at = NULL WHERE id = $1 AND dead_lettered_at IS NOT NULL",
      [taskId],
    );
    if (rowCount === 0) throw new TaskNotFoundError(taskId);
  }
}
