import type { JsonValue } from "../../../contracts/json.ts";
import type { TaskError } from "../../../contracts/task.ts";
import type { ExecutionState, SkipReason, StepState } from "../../../contracts/workflow.ts";
import type { WorkflowEventBody } from "../../../contracts/workflow-event.ts";
import type { WorkflowRecipe } from "../../../contracts/workflow-recipe.ts";
import type { PoolClient, Queryable } from "../../runtime/database.ts";

/** An execution as those who move it on see it. */
export interface ExecutionRow {
  readonly executionId: string;
  readonly workspaceId: string;
  readonly recipe: WorkflowRecipe;
  readonly input: JsonValue;
  readonly correlationId: string;
  readonly status: ExecutionState;
  readonly cancelRequested: boolean;
  /** By the record's clock. */
  readonly isOver: boolean;
}

export interface StepRow {
  readonly stepId: string;
  readonly status: StepState;
  readonly taskId: string | null;
  readonly kept: boolean;
  readonly skipReason: SkipReason | null;
  readonly error: TaskError | null;
}

/** Held until the transaction ends: who has it is the only one to move the execution on. Undefined: it is unknown. */
export async function lockExecution(client: PoolClient, executionId: string): Promise<ExecutionRow | undefined> {
  const { rows } = await client.query<ExecutionRow>(
    `SELECT id AS "executionId", workspace_id AS "workspaceId", recipe, input, correlation_id AS "correlationId", status,
       cancel_requested_at IS NOT NULL AS "cancelRequested", deadline_at <= now() AS "isOver"
     FROM workflow_executions WHERE id = $1 FOR NO KEY UPDATE`,
    [executionId],
  );
  return rows[0];
}

/** In the recipe's order. */
export async function readSteps(database: Queryable, executionId: string): Promise<StepRow[]> {
  const { rows } = await database.query<StepRow>(
    `SELECT step_id AS "stepId", status, task_id AS "taskId", kept, skip_reason AS "skipReason", error
     FROM workflow_steps WHERE execution_id = $1 ORDER BY position`,
    [executionId],
  );
  return rows;
}

/** Appends events of the execution's own. The caller holds its lock. */
export async function appendEvents(
  client: PoolClient,
  executionId: string,
  bodies: readonly WorkflowEventBody[],
): Promise<void> {
  if (bodies.length === 0) return;
  await client.query(
    `WITH counted AS (
       UPDATE workflow_executions SET event_count = event_count + $2 WHERE id = $1 RETURNING event_count
     )
     INSERT INTO workflow_events (execution_id, sequence, body)
     SELECT $1, event_count - $2 + place, body
     FROM counted, jsonb_array_elements($3::jsonb) WITH ORDINALITY AS given (body, place)`,
    [executionId, bodies.length, JSON.stringify(bodies)],
  );
}

const time = (column: string): string => `iso_time(${column})`;

/** A WorkflowExecution from `workflow_executions e`, as JSON and without its steps. */
const EXECUTION_FIELDS = `
  'executionId', e.id, 'workspaceId', e.workspace_id, 'workflowId', e.workflow_id, 'version', e.version,
  'retryOf', e.retry_of, 'correlationId', e.correlation_id, 'status', e.status,
  'cancelRequested', e.cancel_requested_at IS NOT NULL, 'error', e.error, 'createdAt', ${time("e.created_at")},
  'deadlineAt', ${time("e.deadline_at")}, 'completedAt', ${time("e.completed_at")}`;

export const EXECUTION_JSON = `jsonb_build_object(${EXECUTION_FIELDS}, 'steps', coalesce(
  (SELECT jsonb_object_agg(status, steps) FROM (
     SELECT status, count(*) AS steps FROM workflow_steps s WHERE s.execution_id = e.id GROUP BY status
   ) counted), '{}'))`;

/** The same as WorkflowExecutionDetails. */
export const EXECUTION_DETAILS_JSON = `jsonb_build_object(${EXECUTION_FIELDS}, 'input', e.input, 'output', e.output,
  'steps', (SELECT jsonb_agg(jsonb_build_object('stepId', s.step_id,
      'dependsOn', e.recipe -> 'steps' -> s.position -> 'dependsOn', 'status', s.status, 'taskId', s.task_id,
      'kept', s.kept, 'skipReason', s.skip_reason, 'error', coalesce(s.error, task_error(t)),
      'startedAt', ${time("s.started_at")}, 'endedAt', ${time("s.ended_at")}) ORDER BY s.position)
    FROM workflow_steps s LEFT JOIN task_executions t ON t.id = s.task_id AND t.workspace_id = e.workspace_id
    WHERE s.execution_id = e.id))`;
