import { hostname } from "node:os";
import type { TaskPriority } from "../../contracts/task.ts";
import type { Queryable } from "../runtime/database.ts";

/** A worker as the admin API shows it. */
export interface WorkerInfo {
  readonly workerId: string;
  readonly hostname: string;
  readonly pid: number;
  /** Where its `/healthz` and `/readyz` are, if it told. */
  readonly healthUrl: string | null;
  readonly concurrency: number;
  readonly priorities: TaskPriority[];
  readonly activeTasks: number;
  readonly startedAt: string;
  readonly heartbeatAt: string;
  readonly heartbeatAgeSeconds: number;
  /** Whether it was heard of within the time of its lease. */
  readonly alive: boolean;
}

export interface WorkerEntry {
  readonly workerId: string;
  readonly healthUrl: string | undefined;
  /** Where it takes tool calls without a task. */
  readonly toolsUrl: string | undefined;
  readonly concurrency: number;
  readonly priorities: readonly TaskPriority[];
  readonly leaseSeconds: number;
  readonly activeTasks: number;
}

/** Says that a worker is there, and how busy. */
export async function recordWorker(database: Queryable, entry: WorkerEntry): Promise<void> {
  await database.query(
    `INSERT INTO workers (id, hostname, pid, health_url, concurrency, priorities, lease_seconds, active_tasks,
       tools_url)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
     ON CONFLICT (id) DO UPDATE SET hostname = excluded.hostname, pid = excluded.pid,
       health_url = excluded.health_url, concurrency = excluded.concurrency, priorities = excluded.priorities,
       lease_seconds = excluded.lease_seconds, active_tasks = excluded.active_tasks,
       tools_url = excluded.tools_url, heartbeat_at = now(),
       started_at = CASE WHEN (workers.hostname, workers.pid) = (excluded.hostname, excluded.pid)
                         THEN workers.started_at ELSE now() END`,
    [
      entry.workerId,
      hostname(),
      process.pid,
      entry.healthUrl ?? null,
      entry.concurrency,
      entry.priorities,
      entry.leaseSeconds,
      entry.activeTasks,
      entry.toolsUrl ?? null,
    ],
  );
}

export async function removeWorker(database: Queryable, workerId: string): Promise<void> {
  await database.query("DELETE FROM workers WHERE id = $1", [workerId]);
}

/** Forgets workers that nobody has heard of for an hour: long enough for an operator to see that one is missing. */
export async function pruneWorkers(database: Queryable): Promise<void> {
  await database.query("DELETE FROM workers WHERE heartbeat_at < now() - interval '1 hour'");
}

/** All workers heard of within the last hour, by id. */
export async function listWorkers(database: Queryable): Promise<WorkerInfo[]> {
  const { rows } = await database.query<WorkerInfo>(
    `SELECT id AS "workerId", hostname, pid, health_url AS "healthUrl", concurrency, priorities,
       active_tasks AS "activeTasks", iso_time(started_at) AS "startedAt", iso_time(heartbeat_at) AS "heartbeatAt",
       extract(epoch FROM now() - heartbeat_at)::float8 AS "heartbeatAgeSeconds",
       heartbeat_at > now() - lease_seconds * interval '1 second' AS alive
     FROM workers ORDER BY id`,
  );
  return rows;
}
