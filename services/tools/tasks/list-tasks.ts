import type { TaskState } from "../../../contracts/task.ts";
import type { ToolInput } from "../../../contracts/tools.ts";
import type { Queryable } from "../../runtime/database.ts";
import type { AdapterContext, ToolAdapter } from "../tool-adapter.ts";

/** Of a prompt so much is shown: what the task was about. */
const PROMPT_CHARS = 300;

interface Row {
  readonly taskId: string;
  readonly status: TaskState;
  readonly prompt: string;
  readonly submittedAt: Date;
  readonly completedAt: Date | null;
  readonly correlationId: string | null;
  readonly parentExecutionId: string | null;
}

/** Lists the tasks of the caller's workspace, the newest first; the calling task is not among them. Answers `{ tasks }`. */
export class ListTasksAdapter implements ToolAdapter<"list_tasks"> {
  readonly name = "list_tasks";
  readonly #database: Queryable;

  constructor(deps: { readonly pool: Queryable }) {
    this.#database = deps.pool;
  }

  async call(input: ToolInput<"list_tasks">, { identity }: AdapterContext): Promise<unknown> {
    const { rows } = await this.#database.query<Row>(
      `SELECT id AS "taskId", status, left(prompt, $6) AS prompt, submitted_at AS "submittedAt",
         completed_at AS "completedAt", correlation_id AS "correlationId", parent_execution_id AS "parentExecutionId"
       FROM task_executions
       WHERE workspace_id = $1 AND id <> $2 AND ($3::text IS NULL OR correlation_id = $3)
         AND ($4::uuid IS NULL OR parent_execution_id = $4) AND ($5::task_state IS NULL OR status = $5)
       ORDER BY submitted_at DESC, id DESC LIMIT $7`,
      [
        identity.workspaceId,
        identity.taskId,
        input.correlationId ?? null,
        input.parentExecutionId ?? null,
        input.status ?? null,
        PROMPT_CHARS,
        input.maxResults,
      ],
    );
    const tasks = rows.map(({ submittedAt, completedAt, ...task }) => ({
      ...task,
      submittedAt: submittedAt.toISOString(),
      completedAt: completedAt?.toISOString() ?? null,
    }));
    return { tasks };
  }
}
