import { TaskConflictError, WorkspaceNotFoundError } from "../../contracts/errors.ts";
import type { PlanLimits, PlanTier } from "../../contracts/plan.ts";
import type { AgentTask, TaskStatus } from "../../contracts/task.ts";
import { withTransaction, type Pool, type PoolClient, type Queryable } from "../runtime/database.ts";
import { checkLoad, checkStorable, checkTimeout, fingerprint, type WorkspaceLoad } from "./submission.ts";
import { STATUS_COLUMNS, toTaskStatus, type StatusRow } from "./task-record.ts";

export interface Submission {
  readonly status: TaskStatus;
  /** False when the task was there already. */
  readonly isNew: boolean;
}

/**
 * Records a task as queued, once. When this resolves it is committed.
 *
 * @throws TaskConflictError, WorkspaceNotFoundError, QueueFullError, SubmissionRateExceededError, TimeoutAbovePlanError,
 * TaskNotStorableError
 */
export async function submitTask(
  pool: Pool,
  task: AgentTask,
  options: { readonly planLimits: Readonly<Record<PlanTier, PlanLimits>>; readonly retryOf?: string },
): Promise<Submission> {
  checkStorable(task);
  const print = fingerprint(task);
  const known = await findSubmitted(pool, task.taskId, print);
  if (known !== undefined) return { status: known, isNew: false };

  const status = await withTransaction(pool, async (client) => {
    // Submissions of one workspace pass one at a time from here: its limits are exact.
    const plan = await lockWorkspace(client, task.workspaceId);
    const limits = options.planLimits[plan];
    checkTimeout(task, plan, limits);
    checkLoad(task.workspaceId, await measureLoad(client, task.workspaceId), limits);
    return insertTask(client, task, print, options.retryOf);
  });
  if (status !== undefined) return { status, isNew: true };

  // The same id came from two sides at once, and the other one was first.
  const other = await findSubmitted(pool, task.taskId, print);
  if (other === undefined) throw new TaskConflictError(task.taskId);
  return { status: other, isNew: false };
}

async function findSubmitted(database: Queryable, taskId: string, print: Buffer): Promise<TaskStatus | undefined> {
  const { rows } = await database.query<StatusRow & { fingerprint: Buffer }>(
    `SELECT ${STATUS_COLUMNS}, fingerprint FROM task_executions WHERE id = $1`,
    [taskId],
  );
  const row = rows[0];
  if (row === undefined) return undefined;
  if (!row.fingerprint.equals(print)) throw new TaskConflictError(taskId);
  return toTaskStatus(row);
}

async function lockWorkspace(client: PoolClient, workspaceId: string): Promise<PlanTier> {
  const { rows } = await client.query<{ plan: PlanTier }>(
    "SELECT plan FROM workspaces WHERE id = $1 FOR NO KEY UPDATE",
    [workspaceId],
  );
  const row = rows[0];
  if (row === undefined) throw new WorkspaceNotFoundError(workspaceId);
  return row.plan;
}

async function measureLoad(client: PoolClient, workspaceId: string): Promise<WorkspaceLoad> {
  const { rows } = await client.query<WorkspaceLoad>(
    `SELECT
       (SELECT count(*)::int FROM task_executions WHERE workspace_id = $1 AND status = 'queued') AS "queuedTasks",
       count(*)::int AS "submittedLastMinute",
       coalesce(60 - extract(epoch FROM now() - min(submitted_at)), 0)::float8 AS "secondsUntilNextSlot"
     FROM task_executions WHERE workspace_id = $1 AND submitted_at > now() - interval '60 seconds'`,
    [workspaceId],
  );
  return rows[0] ?? { queuedTasks: 0, submittedLastMinute: 0, secondsUntilNextSlot: 0 };
}

/** Undefined when the id is taken. */
async function insertTask(
  client: PoolClient,
  task: AgentTask,
  print: Buffer,
  retryOf: string | undefined,
): Promise<TaskStatus | undefined> {
  const { prompt, ...configuration } = task;
  const inserted = await client.query(
    `INSERT INTO task_executions (id, workspace_id, task_type, agent_id, prompt, configuration, fingerprint, priority,
       runner_backend, timeout_seconds, max_retries, resources_requested, retry_of, parent_execution_id, correlation_id,
       not_before, delayed)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'queued', $9, $10, $11, $12, $13, $14, $15, coalesce($15::timestamptz > now(), false))
     ON CONFLICT (id) DO NOTHING`,
    [
      task.taskId,
      task.workspaceId,
      task.taskType,
      task.agentId,
      prompt,
      JSON.stringify(configuration),
      print,
      task.priority,
      task.timeoutSeconds,
      task.maxRetries,
      JSON.stringify(task.resources),
      retryOf ?? null,
      task.parentExecutionId ?? null,
      task.correlationId ?? null,
      task.notBefore ?? null,
    ],
  );
  if (inserted.rowCount === 0) return undefined;
  const { rows } = await client.query<StatusRow>(
    `WITH queued AS (
       UPDATE task_executions SET status = 'queued', event_count = 2 WHERE id = $1 RETURNING ${STATUS_COLUMNS}
     ), events AS (
       INSERT INTO task_events (task_id, sequence, body)
       VALUES ($1, 1, '{"type": "task_submitted"}'), ($1, 2, '{"type": "task_queued"}')
     )
     SELECT * FROM queued`,
    [task.taskId],
  );
  const row = rows[0];
  return row === undefined ? undefined : toTaskStatus(row);
}
