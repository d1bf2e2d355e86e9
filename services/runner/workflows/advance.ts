import { PlatformError } from "../../../contracts/errors.ts";
import type { JsonValue } from "../../../contracts/json.ts";
import { isTerminal, type TaskError, type TaskState } from "../../../contracts/task.ts";
import type { ExecutionState } from "../../../contracts/workflow.ts";
import type { WorkflowEventBody } from "../../../contracts/workflow-event.ts";
import { withTransaction, type PoolClient } from "../../runtime/database.ts";
import { derivedId } from "../derived-id.ts";
import { toTaskError } from "../errors.ts";
import { decide, isFatal } from "./decide.ts";
import { Allowance } from "./allowance.ts";
import { DEADLINE_PASSED, OUTPUT_BROKE, passes, stepsFailed } from "./errors.ts";
import { appendEvents, lockExecution, readSteps, type ExecutionRow, type StepRow } from "./execution-record.ts";
import { knownValues } from "./make-task.ts";
import { resolve } from "./references.ts";
import { submitSteps, type AdvanceDeps } from "./submit-steps.ts";

/** How soon an execution is looked at again that has steps to submit, or to cancel, if this time it is not finished. */
const SOON_SECONDS = 1;

interface Round {
  /** Steps whose turn has come are to be submitted. */
  readonly submits: boolean;
  /** Tasks that run on though the execution stops. */
  readonly cancels: readonly string[];
}

/**
 * Moves an execution on as far as it goes now: notes what has ended, leaves out, begins, cancels and ends. Whoever does
 * it holds the execution's lock, and nothing depends on who: the record says where it stands, a step's turn is noted
 * before its task is submitted, and the task's id follows from execution and step. Killed anywhere, it is done again to
 * the same end. A no-op for an execution that is unknown or has ended.
 */
export async function advance(deps: AdvanceDeps, executionId: string): Promise<void> {
  for (;;) {
    const { submits, cancels } = await withTransaction(deps.pool, (client) => settle(deps, client, executionId));
    for (const taskId of cancels) await deps.runner.cancel(taskId);
    if (!submits || !(await submitSteps(deps, executionId))) return;
  }
}

async function settle(deps: AdvanceDeps, client: PoolClient, executionId: string): Promise<Round> {
  const nothing = { submits: false, cancels: [] };
  const execution = await lockExecution(client, executionId);
  if (execution?.status !== "running") return nothing;
  await noteEnds(client, execution);
  const steps = await readSteps(client, executionId);
  const stopping = execution.cancelRequested || execution.isOver;
  const standing = stopping ? await withdrawStarts(client, execution, steps) : steps;

  const decision = decide(execution.recipe, new Map(standing.map((step) => [step.stepId, step])), stopping);
  await client.query(
    `UPDATE workflow_steps s SET status = 'skipped', skip_reason = given.reason, ended_at = clock_timestamp()
     FROM jsonb_to_recordset($2::jsonb) AS given (id text, reason text)
     WHERE s.execution_id = $1 AND s.step_id = given.id`,
    [executionId, JSON.stringify(decision.skip)],
  );
  await client.query(
    `UPDATE workflow_steps s SET status = 'starting', task_id = given.task, started_at = clock_timestamp()
     FROM jsonb_to_recordset($2::jsonb) AS given (id text, task uuid)
     WHERE s.execution_id = $1 AND s.step_id = given.id`,
    [executionId, JSON.stringify(decision.start.map((id) => ({ id, task: stepTaskId(executionId, id) })))],
  );
  await appendEvents(
    client,
    executionId,
    decision.skip.map(({ id, reason }) => ({ type: "workflow_step_skipped", stepId: id, reason })),
  );
  if (decision.hasEnded) {
    await end(deps, client, execution, await readSteps(client, executionId));
    return nothing;
  }
  const starting = decision.start.length > 0 || standing.some(({ status }) => status === "starting");
  await client.query(
    `UPDATE workflow_executions SET due_at =
       CASE WHEN $2 THEN now() + $3::float8 * interval '1 second' ELSE deadline_at END
     WHERE id = $1`,
    [executionId, starting || stopping, SOON_SECONDS],
  );
  const cancels = stopping ? standing.filter(({ status }) => status === "submitted") : [];
  return { submits: starting, cancels: await ownTasks(client, execution, cancels) };
}

/** The tasks of steps, but for those of another workspace. */
async function ownTasks(
  client: PoolClient,
  { workspaceId }: ExecutionRow,
  steps: readonly StepRow[],
): Promise<string[]> {
  const { rows } = await client.query<{ id: string }>(
    "SELECT id FROM task_executions WHERE id = ANY ($1::uuid[]) AND workspace_id = $2",
    [steps.flatMap(({ taskId }) => taskId ?? []), workspaceId],
  );
  return rows.map(({ id }) => id);
}

/** The same whoever makes it: what is submitted twice is one task. */
const stepTaskId = (executionId: string, stepId: string): string => derivedId(executionId, stepId);

/** Steps whose tasks have ended have ended. */
async function noteEnds(client: PoolClient, { executionId, workspaceId }: ExecutionRow): Promise<void> {
  await client.query(
    `UPDATE workflow_steps s SET status = t.status::text, ended_at = t.completed_at
     FROM task_executions t
     WHERE s.execution_id = $1 AND s.status = 'submitted' AND t.id = s.task_id AND t.workspace_id = $2
       AND is_terminal(t.status)`,
    [executionId, workspaceId],
  );
}

/**
 * Nothing begins any more. A step whose turn had come may have its task already, submitted by a process that did not live
 * to note it: then it is noted now, and cancelled as any other. Nobody else submits while the lock is held.
 */
async function withdrawStarts(
  client: PoolClient,
  execution: ExecutionRow,
  steps: readonly StepRow[],
): Promise<StepRow[]> {
  const standing: StepRow[] = [];
  for (const step of steps) {
    if (step.status !== "starting" || step.taskId === null) {
      standing.push(step);
      continue;
    }
    const found = await stateOf(client, execution, step.taskId);
    const status = found === undefined ? "waiting" : isTerminal(found) ? found : "submitted";
    const taskId = found === undefined ? null : step.taskId;
    await client.query(
      `UPDATE workflow_steps SET status = $3, task_id = $4, error = NULL,
         started_at = CASE WHEN $4::uuid IS NOT NULL THEN started_at END
       WHERE execution_id = $1 AND step_id = $2`,
      [execution.executionId, step.stepId, status, taskId],
    );
    standing.push({ ...step, status, taskId });
  }
  return standing;
}

async function stateOf(
  client: PoolClient,
  { workspaceId }: ExecutionRow,
  taskId: string,
): Promise<TaskState | undefined> {
  const { rows } = await client.query<{ status: TaskState }>(
    "SELECT status FROM task_executions WHERE id = $1 AND workspace_id = $2",
    [taskId, workspaceId],
  );
  return rows[0]?.status;
}

async function end(
  deps: AdvanceDeps,
  client: PoolClient,
  execution: ExecutionRow,
  steps: readonly StepRow[],
): Promise<void> {
  const { executionId, workspaceId } = execution;
  const { status, error, output } = await outcomeOf(deps, execution, steps);
  const body: WorkflowEventBody = { type: "workflow_ended", status, output, error };
  await appendEvents(client, executionId, [body]);
  await client.query(
    `UPDATE workflow_executions SET status = $2, error = $3, output = $4, due_at = NULL, completed_at = clock_timestamp()
     WHERE id = $1`,
    [executionId, status, jsonOrNull(error), jsonOrNull(output)],
  );
  deps.log.info({ event: "workflow_ended", executionId, workspaceId, status, code: error?.code }, "workflow ended");
}

const jsonOrNull = (value: unknown): string | null => (value === null ? null : JSON.stringify(value));

interface Outcome {
  readonly status: Exclude<ExecutionState, "running">;
  readonly error: TaskError | null;
  readonly output: JsonValue;
}

async function outcomeOf(
  { pool, log }: AdvanceDeps,
  execution: ExecutionRow,
  steps: readonly StepRow[],
): Promise<Outcome> {
  const byId = new Map(steps.map((row) => [row.stepId, row]));
  const { recipe } = execution;
  const failed = recipe.steps.filter((step) => {
    const row = byId.get(step.id);
    return row !== undefined && isFatal(step, row);
  });
  // What had ended by itself before the request, or before the time was over, has not been stopped.
  const wasStopped = steps.some(({ status, skipReason }) => skipReason === "cancelled" || status === "cancelled");
  if (wasStopped && execution.cancelRequested) return { status: "cancelled", error: null, output: null };
  if (wasStopped && execution.isOver) return { status: "timed_out", error: DEADLINE_PASSED, output: null };
  if (failed.length > 0) return { status: "failed", error: stepsFailed(failed.map(({ id }) => id)), output: null };
  if (recipe.output === undefined) return { status: "completed", error: null, output: null };
  try {
    // By a connection of its own: a statement that fails must not spoil the transaction that notes it.
    const output = (await resolve(pool, recipe.output, knownValues(execution, steps), new Allowance())) as JsonValue;
    return { status: "completed", error: null, output };
  } catch (error) {
    if (passes(error)) throw error;
    if (error instanceof PlatformError) return { status: "failed", error: toTaskError(error), output: null };
    log.error({ event: "workflow_output_broke", executionId: execution.executionId, err: error }, "workflow fails");
    return { status: "failed", error: OUTPUT_BROKE, output: null };
  }
}
