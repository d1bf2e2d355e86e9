import { SubmissionRateExceededError } from "../../../contracts/errors.ts";
import type { JsonValue } from "../../../contracts/json.ts";
import type { PlanLimits, PlanTier } from "../../../contracts/plan.ts";
import type { WorkflowEventBody } from "../../../contracts/workflow-event.ts";
import type { WorkflowRecipe } from "../../../contracts/workflow-recipe.ts";
import type { PoolClient } from "../../runtime/database.ts";
import { lockOpenWorkspace } from "../lock-open-workspace.ts";
import { TooManyExecutionsError } from "./errors.ts";
import { appendEvents, type StepRow } from "./execution-record.ts";

/** Executions of one workspace that may be under way at once. */
const MAX_RUNNING = 1_000;

export interface ExecutionRequest {
  readonly executionId: string;
  readonly workspaceId: string;
  readonly workflowId: string;
  readonly version: number | undefined;
  readonly recipe: WorkflowRecipe | undefined;
  readonly input: JsonValue;
  readonly correlationId: string | undefined;
}

/** What an execution begins with. */
export interface Beginning extends Omit<ExecutionRequest, "version" | "recipe" | "correlationId"> {
  readonly fingerprint: Buffer;
  readonly version: number | null;
  readonly recipe: WorkflowRecipe;
  readonly correlationId: string;
  readonly retryOf: string | null;
  readonly kept: readonly StepRow[];
}

/** Records an execution with its steps and first events, within the workspace's limits. False when the id is taken. */
export async function begin(
  client: PoolClient,
  beginning: Beginning,
  planLimits: Readonly<Record<PlanTier, PlanLimits>>,
): Promise<boolean> {
  const { executionId, workspaceId, workflowId, version, kept } = beginning;
  await requireRoom(client, workspaceId, planLimits);
  if (!(await insertExecution(client, beginning))) return false;
  await insertSteps(client, beginning);
  const started: WorkflowEventBody = { type: "workflow_started", workflowId, version };
  const keeps = kept.flatMap(({ stepId, taskId }): WorkflowEventBody[] =>
    taskId === null ? [] : [{ type: "workflow_step_kept", stepId, taskId }],
  );
  await appendEvents(client, executionId, [started, ...keeps]);
  return true;
}

/** Executions of a workspace begin one at a time, so that its limits are exact. */
async function requireRoom(
  client: PoolClient,
  workspaceId: string,
  planLimits: Readonly<Record<PlanTier, PlanLimits>>,
): Promise<void> {
  const { submissionsPerMinute } = planLimits[await lockOpenWorkspace(client, workspaceId)];
  const measured = await client.query<{ running: number; late: number; seconds: number }>(
    `SELECT (SELECT count(*)::int FROM workflow_executions WHERE workspace_id = $1 AND status = 'running') AS running,
       count(*)::int AS late, coalesce(60 - extract(epoch FROM now() - min(created_at)), 0)::float8 AS seconds
     FROM workflow_executions WHERE workspace_id = $1 AND created_at > now() - interval '60 seconds'`,
    [workspaceId],
  );
  const load = measured.rows[0];
  if ((load?.running ?? 0) >= MAX_RUNNING) throw new TooManyExecutionsError(workspaceId, MAX_RUNNING);
  if ((load?.late ?? 0) >= submissionsPerMinute) {
    const seconds = Math.max(1, Math.ceil(load?.seconds ?? 1));
    throw new SubmissionRateExceededError(workspaceId, submissionsPerMinute, seconds);
  }
}

/** False when the id is taken. */
async function insertExecution(client: PoolClient, beginning: Beginning): Promise<boolean> {
  const { recipe } = beginning;
  const inserted = await client.query(
    `WITH execution AS (
       INSERT INTO workflow_executions (id, workspace_id, workflow_id, version, retry_of, recipe, input, fingerprint,
         correlation_id, deadline_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, now() + $10::int * interval '1 second')
       ON CONFLICT (id) DO NOTHING RETURNING id
     )
     INSERT INTO workflow_event_logs (execution_id) SELECT id FROM execution`,
    [
      beginning.executionId,
      beginning.workspaceId,
      beginning.workflowId,
      beginning.version,
      beginning.retryOf,
      JSON.stringify(recipe),
      JSON.stringify(beginning.input),
      beginning.fingerprint,
      beginning.correlationId,
      recipe.timeoutSeconds,
    ],
  );
  return inserted.rowCount === 1;
}

async function insertSteps(client: PoolClient, { executionId, recipe, kept }: Beginning): Promise<void> {
  const byId = new Map(kept.map((step) => [step.stepId, step]));
  const steps = recipe.steps.map(({ id }, position) => {
    const before = byId.get(id);
    const { status = "waiting", taskId = null, skipReason = null } = before ?? {};
    return { id, position, status, task: taskId, reason: skipReason, kept: status === "completed" };
  });
  await client.query(
    `INSERT INTO workflow_steps (execution_id, step_id, position, status, task_id, skip_reason, kept, ended_at)
     SELECT $1, id, position, status, task, reason, kept, CASE WHEN status <> 'waiting' THEN now() END
     FROM jsonb_to_recordset($2::jsonb) AS given (id text, position int, status text, task uuid, reason text, kept boolean)`,
    [executionId, JSON.stringify(steps)],
  );
}
