import { TaskNotFoundError } from "../../../contracts/errors.ts";
import type { StepResult, TaskError, TaskState } from "../../../contracts/task.ts";
import type { ToolInput } from "../../../contracts/tools.ts";
import type { Queryable } from "../../runtime/database.ts";
import type { AdapterContext, ToolAdapter } from "../tool-adapter.ts";

const PROMPT_CHARS = 4_000;
const MAX_STEPS = 200;

interface Row {
  readonly status: TaskState;
  readonly prompt: string;
  readonly result: unknown;
  readonly error: TaskError | null;
  readonly steps: readonly Pick<StepResult, "index" | "tool" | "ok" | "exitCode">[];
  readonly completedAt: Date | null;
}

/**
 * Reads how a task of the caller's workspace stands and ended. Answers `{ taskId, status, prompt, result, error, steps,
 * completedAt }`; a result that is too long comes as the beginning of its JSON, with `resultCut`. Of steps there is which
 * tool was called and how it went, not what it said. A task of another workspace does not exist.
 */
export class ReadTaskResultAdapter implements ToolAdapter<"read_task_result"> {
  readonly name = "read_task_result";
  readonly #database: Queryable;

  constructor(deps: { readonly pool: Queryable }) {
    this.#database = deps.pool;
  }

  async call({ taskId, maxChars }: ToolInput<"read_task_result">, { identity }: AdapterContext): Promise<unknown> {
    const { rows } = await this.#database.query<Row>(
      `SELECT status, left(prompt, $3) AS prompt, result, completed_at AS "completedAt",
         CASE WHEN error_code IS NOT NULL THEN
           jsonb_build_object('code', error_code, 'message', error_message, 'remedy', error_remedy) END AS error,
         (SELECT coalesce(jsonb_agg(step - 'output' - 'error' - 'durationMs' ORDER BY position), '[]')
          FROM jsonb_array_elements(coalesce(steps, '[]')) WITH ORDINALITY AS each (step, position)
          WHERE position <= $4) AS steps
       FROM task_executions WHERE id = $1 AND workspace_id = $2`,
      [taskId, identity.workspaceId, PROMPT_CHARS, MAX_STEPS],
    );
    const row = rows[0];
    if (row === undefined) throw new TaskNotFoundError(taskId);
    const text = typeof row.result === "string" ? row.result : JSON.stringify(row.result);
    const isCut = text.length > maxChars;
    const completedAt = row.completedAt?.toISOString() ?? null;
    const cut = { result: text.slice(0, maxChars).toWellFormed(), resultCut: true };
    return { taskId, ...row, completedAt, ...(isCut && cut) };
  }
}
