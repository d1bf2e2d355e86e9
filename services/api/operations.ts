import type { QueueList, WorkerHealth, WorkerInfo } from "../../contracts/http-api.ts";
import { taskQueueName } from "../../contracts/queue-names.ts";
import type { Queryable } from "../runtime/database.ts";
import { queueDepths } from "../runner/task-queries.ts";
import { listWorkers } from "../runner/worker-registry.ts";

/** What an operator asks of the whole installation. */
export interface Operations {
  workers(): Promise<WorkerInfo[]>;
  /** What the worker's health port answers now. */
  readinessOf(worker: WorkerInfo): Promise<WorkerHealth["readiness"]>;
  queues(): Promise<QueueList>;
  /** Workspaces that have tasks running. */
  activeTasksByWorkspace(): Promise<{ readonly workspaceId: string; readonly activeTasks: number }[]>;
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
}
