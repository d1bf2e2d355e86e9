import type { DeadLetterQuery, DeadLetterRetries, DeadLetterSelection } from "../../contracts/dead-letter-api.ts";
import { PlatformError, TaskNotFoundError } from "../../contracts/errors.ts";
import type { TaskList } from "../../contracts/http-api.ts";
import type { TaskStatus } from "../../contracts/task.ts";
import { derivedId } from "../runner/derived-id.ts";
import { lockOpenWorkspace } from "../runner/lock-open-workspace.ts";
import { STATUS_COLUMNS, toTaskStatus, type StatusRow } from "../runner/task-record.ts";
import type { TaskRunner } from "../runner/task-runner.ts";
import { microsOf, parseCursor, timeOf, toPage } from "../runtime/cursor.ts";
import { withTransaction, type Pool } from "../runtime/database.ts";
import { instantOrNull } from "../runtime/instant.ts";

/** So many are tried again by one call: each is a submission of its own. */
const MAX_RETRIES_AT_ONCE = 100;

const SELECTED = `dead_lettered_at IS NOT NULL AND ($1::uuid IS NULL OR workspace_id = $1)
  AND ($2::text IS NULL OR error_code = $2) AND ($3::timestamptz IS NULL OR dead_lettered_at < $3)`;
const parametersOf = ({ workspaceId, errorCode, failedBefore }: DeadLetterSelection): unknown[] => [
  workspaceId ?? null,
  errorCode ?? null,
  instantOrNull(failedBefore),
];

/** Tasks that failed for good and that nobody has dropped. They stay in the record when they leave this list. */
export class DeadLetters {
  readonly #pool: Pool;
  readonly #runner: Pick<TaskRunner, "retry">;

  constructor(deps: { readonly pool: Pool; readonly runner: Pick<TaskRunner, "retry"> }) {
    this.#pool = deps.pool;
    this.#runner = deps.runner;
  }

  /** The newest first. @throws InvalidCursorError */
  async list(query: DeadLetterQuery): Promise<TaskList> {
    const before = query.cursor === undefined ? undefined : parseCursor(query.cursor);
    const { rows } = await this.#pool.query<StatusRow & { micros: string }>(
      `SELECT ${STATUS_COLUMNS}, ${microsOf("dead_lettered_at")} AS micros FROM task_executions
       WHERE dead_lettered_at IS NOT NULL AND ($4::uuid IS NULL OR workspace_id = $4)
         AND ($2::uuid IS NULL OR (dead_lettered_at, id) < (${timeOf(1)}, $2))
       ORDER BY dead_lettered_at DESC, id DESC LIMIT $3`,
      [before?.micros ?? null, before?.id ?? null, query.limit + 1, query.workspaceId ?? null],
    );
    const { rows: tasks, nextCursor } = toPage(rows, query.limit);
    return { items: tasks.map(toTaskStatus), nextCursor };
  }

  /**
   * Submits it again under `newTaskId`, or one that is the same each time, and takes it off the list.
   *
   * @throws what TaskRunner.retry throws; WorkspaceNotOpenError
   */
  async retry(taskId: string, newTaskId = derivedId(taskId, "retry")): Promise<TaskStatus> {
    const status = await this.#runner.retry(taskId, newTaskId);
    await this.#drop(taskId);
    return status;
  }

  /** Tries the oldest of those that are selected again, a hundred at most; what is refused stays on the list. */
  async retryAll(selection: DeadLetterSelection): Promise<DeadLetterRetries> {
    const { rows } = await this.#pool.query<{ id: string }>(
      `SELECT id FROM task_executions WHERE ${SELECTED} ORDER BY dead_lettered_at, id LIMIT ${MAX_RETRIES_AT_ONCE}`,
      parametersOf(selection),
    );
    const items: DeadLetterRetries["items"] = [];
    for (const { id: taskId } of rows) {
      try {
        const { taskId: newTaskId } = await this.retry(taskId);
        items.push({ taskId, newTaskId, error: null });
      } catch (error) {
        if (!(error instanceof PlatformError) || error.status >= 500) throw error;
        items.push({ taskId, newTaskId: null, error: error.toTaskError() });
      }
    }
    const counted = await this.#pool.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM task_executions WHERE ${SELECTED}`,
      parametersOf(selection),
    );
    return { items, remaining: counted.rows[0]?.count ?? 0 };
  }

  /** @throws TaskNotFoundError when it is not on the list; WorkspaceNotOpenError */
  async drop(taskId: string): Promise<void> {
    if (!(await this.#drop(taskId))) throw new TaskNotFoundError(taskId);
  }

  /** Resolves to how many there were. What is of a workspace that is not open stays as it is. */
  async dropAll(selection: DeadLetterSelection): Promise<number> {
    const { rowCount } = await this.#pool.query(
      `WITH open AS (
         SELECT id FROM workspaces
         WHERE state = 'open' AND id IN (SELECT workspace_id FROM task_executions WHERE ${SELECTED})
         ORDER BY id FOR NO KEY UPDATE
       )
       UPDATE task_executions SET dead_lettered_at = NULL WHERE ${SELECTED} AND workspace_id IN (SELECT id FROM open)`,
      parametersOf(selection),
    );
    return rowCount ?? 0;
  }

  async #drop(taskId: string): Promise<boolean> {
    return withTransaction(this.#pool, async (client) => {
      const { rows } = await client.query<{ workspaceId: string }>(
        `SELECT workspace_id AS "workspaceId" FROM task_executions WHERE id = $1 AND dead_lettered_at IS NOT NULL`,
        [taskId],
      );
      if (rows[0] === undefined) return false;
      await lockOpenWorkspace(client, rows[0].workspaceId);
      const { rowCount } = await client.query(
        "UPDATE task_executions SET dead_lettered_at = NULL WHERE id = $1 AND dead_lettered_at IS NOT NULL",
        [taskId],
      );
      return rowCount === 1;
    });
  }
}
