import type { TaskList, TaskListQuery } from "../../contracts/http-api.ts";
import type { AgentTask } from "../../contracts/task.ts";
import { microsOf, parseCursor, timeOf, toPage } from "../runtime/cursor.ts";
import type { Queryable } from "../runtime/database.ts";
import { instantOrNull } from "../runtime/instant.ts";
import { getTask } from "../runner/task-queries.ts";
import { STATUS_COLUMNS, toTaskStatus, type StatusRow } from "../runner/task-record.ts";

/** What the record knows of tasks beside the runner. */
export interface TaskListing {
  /** A page of tasks, the newest first; of all workspaces where none is named. @throws InvalidCursorError */
  list(query: Omit<TaskListQuery, "workspaceId"> & { readonly workspaceId: string | undefined }): Promise<TaskList>;
  /** What was submitted. @throws TaskNotFoundError */
  definition(taskId: string): Promise<AgentTask>;
  /** Number of the last event of a task so far; 0 when there is none. */
  lastSequence(taskId: string): Promise<number>;
}

export class PostgresTaskListing implements TaskListing {
  readonly #database: Queryable;

  constructor(deps: { readonly database: Queryable }) {
    this.#database = deps.database;
  }

  async list(query: Parameters<TaskListing["list"]>[0]): Promise<TaskList> {
    const before = query.cursor === undefined ? undefined : parseCursor(query.cursor);
    // The planner sees the parameters, so that a filter that is not given costs nothing and the right index is taken.
    const { rows } = await this.#database.query<StatusRow & { micros: string }>(
      `SELECT ${STATUS_COLUMNS}, ${microsOf("submitted_at")} AS micros FROM task_executions
       WHERE ($1::uuid IS NULL OR workspace_id = $1)
         AND ($2::task_state[] IS NULL OR status = ANY($2))
         AND ($3::text[] IS NULL OR task_type = ANY($3))
         AND ($4::task_priority[] IS NULL OR priority = ANY($4))
         AND ($5::text IS NULL OR correlation_id = $5)
         AND ($11::uuid IS NULL OR parent_execution_id = $11)
         AND ($6::timestamptz IS NULL OR submitted_at >= $6)
         AND ($7::timestamptz IS NULL OR submitted_at < $7)
         AND ($9::uuid IS NULL OR (submitted_at, id) < (${timeOf(8)}, $9))
       ORDER BY submitted_at DESC, id DESC LIMIT $10`,
      [
        query.workspaceId ?? null,
        query.status ?? null,
        query.taskType ?? null,
        query.priority ?? null,
        query.correlationId ?? null,
        instantOrNull(query.submittedAfter),
        instantOrNull(query.submittedBefore),
        before?.micros ?? null,
        before?.id ?? null,
        query.limit + 1,
        query.parentExecutionId ?? null,
      ],
    );
    const page = toPage(rows, query.limit);
    return { items: page.rows.map(toTaskStatus), nextCursor: page.nextCursor };
  }

  definition(taskId: string): Promise<AgentTask> {
    return getTask(this.#database, taskId);
  }

  async lastSequence(taskId: string): Promise<number> {
    const { rows } = await this.#database.query<{ last: number }>(
      "SELECT event_count AS last FROM task_executions WHERE id = $1",
      [taskId],
    );
    return rows[0]?.last ?? 0;
  }
}
