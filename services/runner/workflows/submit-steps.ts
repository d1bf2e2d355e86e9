import { PlatformError, QueueFullError, TaskConflictError, WorkspaceNotOpenError } from "../../../contracts/errors.ts";
import type { TaskError } from "../../../contracts/task.ts";
import type { WorkflowEventBody } from "../../../contracts/workflow-event.ts";
import type { WorkflowStep } from "../../../contracts/workflow-recipe.ts";
import { withTransaction, type Pool, type PoolClient } from "../../runtime/database.ts";
import type { Logger } from "../../runtime/logger.ts";
import { sortedJson } from "../../runtime/sorted-json.ts";
import { toTaskError } from "../errors.ts";
import type { TaskRunner } from "../task-runner.ts";
import { Allowance } from "./allowance.ts";
import { passes, stepBroke } from "./errors.ts";
import { appendEvents, lockExecution, readSteps, type ExecutionRow, type StepRow } from "./execution-record.ts";
import { knownValues, makeTask } from "./make-task.ts";
import { resolve } from "./references.ts";

export interface AdvanceDeps {
  readonly pool: Pool;
  readonly runner: Pick<TaskRunner, "submit" | "cancel">;
  readonly log: Logger;
}

const TOO_MANY_REQUESTS = 429;
/** How often an execution of a workspace that is being moved looks whether it is open again. */
const MOVE_SECONDS = 10;
/** A queue empties at any time, and one try for an execution costs little. */
const QUEUE_FULL_SECONDS = 2;
/** Submitted at once, so that the runner records them together. */
const AT_ONCE = 20;

type Outcome =
  | { readonly kind: "submitted" }
  | { readonly kind: "left_out" }
  | { readonly kind: "failed"; readonly error: TaskError }
  | { readonly kind: "delayed"; readonly error: TaskError; readonly seconds: number };

/**
 * Submits the steps whose turn has come, under the limits that hold for every submission of the workspace: a step that
 * they refuse waits and is tried again. The lock is held meanwhile, so that a cancel comes before or after, never in
 * between. Resolves to whether a step has ended by it, so that others may begin.
 */
export async function submitSteps(deps: AdvanceDeps, executionId: string): Promise<boolean> {
  return withTransaction(deps.pool, async (client) => {
    const execution = await lockExecution(client, executionId);
    if (execution?.status !== "running" || execution.cancelRequested || execution.isOver) return false;
    const steps = await readSteps(client, executionId);
    const starting = steps.filter(({ status }) => status === "starting");
    let hasEnded = false;
    for (let from = 0; from < starting.length; from += AT_ONCE) {
      const batch = starting.slice(from, from + AT_ONCE);
      const outcomes = await Promise.all(
        batch.map(async (row) => ({ row, outcome: await submit(deps, execution, row, steps) })),
      );
      for (const { row, outcome } of outcomes) await note(client, executionId, row, outcome);
      hasEnded ||= outcomes.some(({ outcome }) => outcome.kind === "left_out" || outcome.kind === "failed");
      const delays = outcomes.flatMap(({ outcome }) => (outcome.kind === "delayed" ? [outcome.seconds] : []));
      await client.query(
        `UPDATE workflow_executions
         SET due_at = CASE WHEN $2::float8 IS NULL THEN deadline_at
           ELSE least(deadline_at, now() + $2::float8 * interval '1 second') END
         WHERE id = $1`,
        [executionId, delays.length === 0 ? null : Math.max(...delays)],
      );
      // Those behind it would be refused as well, and tell the workspace's limits nothing new.
      if (delays.length > 0) break;
    }
    return hasEnded;
  });
}

async function submit(
  { pool, runner, log }: AdvanceDeps,
  execution: ExecutionRow,
  row: StepRow,
  steps: readonly StepRow[],
): Promise<Outcome> {
  const step = execution.recipe.steps.find(({ id }) => id === row.stepId);
  if (step === undefined || row.taskId === null) throw new Error(`step ${row.stepId} is not in its execution's recipe`);
  const { executionId, workspaceId } = execution;
  const { stepId, taskId } = row;
  try {
    if (!(await conditionHolds(pool, execution, step, steps))) return { kind: "left_out" };
    await runner.submit(await makeTask(pool, execution, step, taskId, steps));
    log.info({ event: "workflow_step_submitted", executionId, workspaceId, stepId, taskId }, "step submitted");
    return { kind: "submitted" };
  } catch (error) {
    if (passes(error)) throw error; // the step is tried again
    if (!(error instanceof PlatformError)) {
      log.error({ event: "workflow_step_broke", executionId, workspaceId, stepId, err: error }, "step fails");
    }
    // A submission may have taken place though its answer was lost, or by a version that made it a little different.
    const isKnown = error instanceof PlatformError && !(error instanceof TaskConflictError);
    if (!isKnown && (await isOwnTask(pool, execution, taskId))) return { kind: "submitted" };
    if (!(error instanceof PlatformError)) return { kind: "failed", error: stepBroke(stepId) };
    // A move that is under way may still be called off; while it is not, nobody ends what others wait for.
    if (error instanceof WorkspaceNotOpenError)
      return { kind: "delayed", error: toTaskError(error), seconds: MOVE_SECONDS };
    if (error.status !== TOO_MANY_REQUESTS) return { kind: "failed", error: toTaskError(error) };
    const wait = error instanceof QueueFullError ? QUEUE_FULL_SECONDS : (error.retryAfterSeconds ?? 1);
    return { kind: "delayed", error: toTaskError(error), seconds: wait };
  }
}

async function conditionHolds(
  pool: AdvanceDeps["pool"],
  execution: ExecutionRow,
  { onlyIf }: WorkflowStep,
  steps: readonly StepRow[],
): Promise<boolean> {
  if (onlyIf === undefined) return true;
  const value = await resolve(pool, onlyIf.value, knownValues(execution, steps), new Allowance());
  return JSON.stringify(sortedJson(value)) === JSON.stringify(sortedJson(onlyIf.equals));
}

/** Submitted for this step before. */
async function isOwnTask(pool: AdvanceDeps["pool"], execution: ExecutionRow, taskId: string): Promise<boolean> {
  const { rowCount } = await pool.query(
    "SELECT FROM task_executions WHERE id = $1 AND workspace_id = $2 AND parent_execution_id = $3",
    [taskId, execution.workspaceId, execution.executionId],
  );
  return rowCount === 1;
}

async function note(client: PoolClient, executionId: string, row: StepRow, outcome: Outcome): Promise<void> {
  const { stepId, taskId } = row;
  const set = (assignments: string, ...values: unknown[]) =>
    client.query(`UPDATE workflow_steps SET ${assignments} WHERE execution_id = $1 AND step_id = $2`, [
      executionId,
      stepId,
      ...values,
    ]);
  const tell = (body: WorkflowEventBody) => appendEvents(client, executionId, [body]);
  switch (outcome.kind) {
    case "submitted":
      await set("status = 'submitted', error = NULL");
      if (taskId !== null) await tell({ type: "workflow_step_submitted", stepId, taskId });
      return;
    case "left_out":
      await set(
        "status = 'skipped', skip_reason = 'condition', error = NULL, task_id = NULL, ended_at = clock_timestamp()",
      );
      return tell({ type: "workflow_step_skipped", stepId, reason: "condition" });
    case "failed":
      await set(
        "status = 'failed', error = $3, task_id = NULL, ended_at = clock_timestamp()",
        JSON.stringify(outcome.error),
      );
      return tell({ type: "workflow_step_failed", stepId, error: outcome.error });
    case "delayed":
      // Told once, however often it is tried.
      if (row.error === null) await tell({ type: "workflow_step_delayed", stepId, error: outcome.error });
      await set("error = $3", JSON.stringify(outcome.error));
  }
}
