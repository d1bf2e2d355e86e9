import { TaskNotFoundError } from "../../contracts/errors.ts";
import { TaskPriority, type AgentTask, type TaskState, type TaskStatus, type TaskType } from "../../contracts/task.ts";
import { microsOf, parseCursor, timeOf, toPage } from "../runtime/cursor.ts";
import type { Queryable } from "../runtime/database.ts";
import {
  DEFINITION_COLUMNS,
  STATUS_COLUMNS,
  toAgentTask,
  toTaskStatus,
  type DefinitionRow,
  type StatusRow,
} from "./task-record.ts";

export interface TaskFilter {
  readonly workspaceId?: string | undefined;
  readonly status?: TaskState | undefined;
  readonly taskType?: TaskType | undefined;
  readonly priority?: TaskPriority | undefined;
  readonly correlationId?: string | undefined;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

export interface TaskPage {
  readonly tasks: TaskStatus[];
  /** Where the next page begins; null on the last one. */
  readonly nextCursor: string | null;
}

/** From the newest to the oldest; all filters that are given must hold. @throws InvalidCursorError */
export async function listTasks(database: Queryable, filter: TaskFilter): Promise<TaskPage> {
  const before = filter.cursor === undefined ? undefined : parseCursor(filter.cursor);
  const { rows } = await database.query<StatusRow & { micros: string }>(
    `SELECT ${STATUS_COLUMNS}, ${microsOf("submitted_at")} AS micros FROM task_executions
     WHERE ($1::uuid IS NULL OR workspace_id = $1) AND ($2::task_state IS NULL OR status = $2)
       AND ($3::text IS NULL OR task_type = $3) AND ($4::task_priority IS NULL OR priority = $4)
       AND ($5::text IS NULL OR correlation_id = $5)
       AND ($7::uuid IS NULL OR (submitted_at, id) < (${timeOf(6)}, $7))
     ORDER BY submitted_at DESC, id DESC LIMIT $8`,
    [
      filter.workspaceId ?? null,
      filter.status ?? null,
      filter.taskType ?? null,
      filter.priority ?? null,
      filter.correlationId ?? null,
      before?.micros ?? null,
      before?.id ?? null,
      filter.limit + 1,
    ],
  );
  const page = toPage(rows, filter.limit);
  return { tasks: page.rows.map(toTaskStatus), nextCursor: page.nextCursor };
}

/** The task as it was submitted. @throws TaskNotFoundError */
export async function getTask(database: Queryable, taskId: string): Promise<AgentTask> {
  const { rows } = await database.query<DefinitionRow>(
    `SELECT ${DEFINITION_COLUMNS} FROM task_executions WHERE id = $1`,
    [taskId],
  );
  const row = rows[0];
  if (row === undefined) throw new TaskNotFoundError(taskId);
  return toAgentTask(row);
}

/** What a workspace has under way. */
export async function countTasks(
  database: Queryable,
  workspaceId: string,
): Promise<{ readonly runningTasks: number; readonly queuedTasks: number }> {
  const { rows } = await database.query<{ runningTasks: number; queuedTasks: number }>(
    `SELECT count(*) FILTER (WHERE status <> 'queued')::int AS "runningTasks",
       count(*) FILTER (WHERE status = 'queued')::int AS "queuedTasks"
     FROM task_executions WHERE workspace_id = $1 AND status IN ('queued', 'scheduled', 'running')`,
    [workspaceId],
  );
  return rows[0] ?? { runningTasks: 0, queuedTasks: 0 };
}

export interface QueueDepth {
  readonly priority: TaskPriority;
  /** Tasks that wait for a slot of their workspace. */
  readonly queued: number;
  /** Tasks that wait for a worker. */
  readonly admitted: number;
  readonly running: number;
  /** Of those that might start: none that waits for its time or for a person. Null when none waits. */
  readonly oldestQueuedSeconds: number | null;
}

/** One entry per priority, from the most urgent to the least. */
export async function queueDepths(database: Queryable): Promise<QueueDepth[]> {
  const { rows } = await database.query<QueueDepth>(
    `SELECT priority, count(*) FILTER (WHERE status = 'queued' AND admitted_at IS NULL)::int AS queued,
       count(*) FILTER (WHERE status = 'queued' AND admitted_at IS NOT NULL)::int AS admitted,
       count(*) FILTER (WHERE status <> 'queued')::int AS running,
       extract(epoch FROM now() - min(greatest(submitted_at, not_before)) FILTER (WHERE status = 'queued' AND NOT delayed)
       )::float8 AS "oldestQueuedSeconds"
     FROM task_executions WHERE status IN ('queued', 'scheduled', 'running') GROUP BY priority`,
  );
  const none = { queued: 0, admitted: 0, running: 0, oldestQueuedSeconds: null };
  return TaskPriority.options.map((priority) => rows.find((row) => row.priority === priority) ?? { priority, ...none });
}
