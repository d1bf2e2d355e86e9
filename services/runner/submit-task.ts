import { TaskConflictError, WorkspaceNotFoundError, WorkspaceNotOpenError } from "../../contracts/errors.ts";
import type { PlanLimits, PlanTier } from "../../contracts/plan.ts";
import type { AgentTask, TaskStatus } from "../../contracts/task.ts";
import type { WorkspaceState } from "../../contracts/workspace-move.ts";
import { Batcher } from "../runtime/batcher.ts";
import { prepared, withTransaction, type Pool, type PoolClient, type Queryable } from "../runtime/database.ts";
import { instantOrNull } from "../runtime/instant.ts";
import { checkLoad, checkStorable, checkPlan, fingerprint, type WorkspaceLoad } from "./submission.ts";
import { STATUS_COLUMNS, toTaskStatus, type StatusRow } from "./task-record.ts";

export interface Submission {
  readonly status: TaskStatus;
  /** False when the task was there already. */
  readonly isNew: boolean;
}

/** A task on its way into the record. */
interface Candidate {
  readonly task: AgentTask;
  readonly print: Buffer;
  readonly retryOf: string | undefined;
}

export interface SubmitterDeps {
  readonly pool: Pool;
  readonly planLimits: Readonly<Record<PlanTier, PlanLimits>>;
}

/** What became of a candidate: recorded, refused by a limit, there already (by its id), or not looked at. */
type Answer = TaskStatus | Error | "id_taken" | "workspace_busy";

const NOTHING: WorkspaceLoad = { queuedTasks: 0, submittedLastMinute: 0, secondsUntilNextSlot: 0 };

/** Records tasks as queued, each once; those that come while others are being recorded, together. */
export class Submitter {
  readonly #deps: SubmitterDeps;
  readonly #batcher: Batcher<Candidate, Exclude<Answer, Error>>;

  constructor(deps: SubmitterDeps) {
    this.#deps = deps;
    this.#batcher = new Batcher({ run: (candidates) => this.#record(candidates, "skip") });
  }

  /**
   * When this resolves, the task is committed.
   *
   * @throws TaskConflictError, WorkspaceNotFoundError, QueueFullError, SubmissionRateExceededError,
   * TimeoutAbovePlanError, ResourcesAbovePlanError, TaskNotStorableError, WorkspaceNotOpenError
   */
  async submit(task: AgentTask, options: { readonly retryOf?: string } = {}): Promise<Submission> {
    checkStorable(task);
    const candidate: Candidate = { task, print: fingerprint(task), retryOf: options.retryOf };
    let answer = await this.#batcher.add(candidate).catch(asAnswer);
    // Whoever holds up one workspace holds up its own submissions alone.
    if (answer === "workspace_busy") {
      [answer = "id_taken"] = await this.#record([candidate], "wait").catch((error: unknown) => [asAnswer(error)]);
    }
    if (typeof answer === "object" && !(answer instanceof Error)) return { status: answer, isNew: true };
    // A task that was submitted before is answered for, whatever its workspace may submit now.
    const known = await findSubmitted(this.#deps.pool, candidate);
    if (known !== undefined) return { status: known, isNew: false };
    throw answer instanceof Error ? answer : new TaskConflictError(task.taskId);
  }

  async #record(candidates: readonly Candidate[], locked: "skip" | "wait"): Promise<Answer[]> {
    return withTransaction(this.#deps.pool, async (client) => {
      const workspaceIds = [...new Set(candidates.map(({ task }) => task.workspaceId))];
      // Submissions of one workspace pass one at a time from here: its limits are exact.
      const workspaces = await lockWorkspaces(client, workspaceIds, locked);
      const loads = await measureLoads(client, [...workspaces.keys()]);
      const refusals = new Map<Candidate, Answer>();
      for (const candidate of candidates) {
        const { workspaceId } = candidate.task;
        const workspace = workspaces.get(workspaceId);
        const load = loads.get(workspaceId) ?? NOTHING;
        const refusal =
          workspace !== undefined
            ? this.#refusal(candidate.task, workspace, load)
            : locked === "skip"
              ? "workspace_busy"
              : new WorkspaceNotFoundError(workspaceId);
        if (refusal === undefined) loads.set(workspaceId, withOneMore(load));
        else refusals.set(candidate, refusal);
      }
      const recorded = await insertTasks(
        client,
        candidates.filter((candidate) => !refusals.has(candidate)),
      );
      return candidates.map((candidate) => refusals.get(candidate) ?? recorded.get(candidate) ?? "id_taken");
    });
  }

  #refusal(task: AgentTask, { plan, state, peer }: LockedWorkspace, load: WorkspaceLoad): Error | undefined {
    if (state !== "open") return new WorkspaceNotOpenError(task.workspaceId, state, peer);
    const limits = this.#deps.planLimits[plan];
    try {
      checkPlan(task, plan, limits);
      checkLoad(task.workspaceId, load, limits);
      return undefined;
    } catch (error) {
      return error as Error;
    }
  }
}

/** A commit whose answer was lost may have taken place: the record is asked before the error is told. */
const asAnswer = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));

const withOneMore = (load: WorkspaceLoad): WorkspaceLoad => ({
  queuedTasks: load.queuedTasks + 1,
  submittedLastMinute: load.submittedLastMinute + 1,
  secondsUntilNextSlot: load.submittedLastMinute === 0 ? 60 : load.secondsUntilNextSlot,
});

async function findSubmitted(database: Queryable, { task, print }: Candidate): Promise<TaskStatus | undefined> {
  const { rows } = await database.query<StatusRow & { fingerprint: Buffer }>(
    `SELECT ${STATUS_COLUMNS}, fingerprint FROM task_executions WHERE id = $1`,
    [task.taskId],
  );
  const row = rows[0];
  if (row === undefined) return undefined;
  if (!row.fingerprint.equals(print)) throw new TaskConflictError(task.taskId);
  return toTaskStatus(row);
}

/** In one order everywhere, so that no two wait for each other. */
const LOCK_WORKSPACES = `SELECT id, plan, state, move_peer AS peer FROM workspaces WHERE id = ANY ($1::uuid[])
  ORDER BY id FOR NO KEY UPDATE`;

interface LockedWorkspace {
  readonly plan: PlanTier;
  readonly state: WorkspaceState;
  /** Where it goes to, comes from or is. */
  readonly peer: string | null;
}

async function lockWorkspaces(
  client: PoolClient,
  workspaceIds: readonly string[],
  locked: "skip" | "wait",
): Promise<Map<string, LockedWorkspace>> {
  const statement = locked === "skip" ? `${LOCK_WORKSPACES} SKIP LOCKED` : LOCK_WORKSPACES;
  const { rows } = await client.query<LockedWorkspace & { id: string }>(prepared(statement, [workspaceIds]));
  return new Map(rows.map((row) => [row.id, row]));
}

const MEASURE_LOADS = `
  SELECT asked.id, queued.tasks AS "queuedTasks", late.tasks AS "submittedLastMinute", late.seconds AS "secondsUntilNextSlot"
  FROM unnest($1::uuid[]) AS asked (id)
  CROSS JOIN LATERAL (
    SELECT count(*)::int AS tasks FROM task_executions t WHERE t.workspace_id = asked.id AND t.status = 'queued'
  ) queued
  CROSS JOIN LATERAL (
    SELECT count(*)::int AS tasks, coalesce(60 - extract(epoch FROM now() - min(submitted_at)), 0)::float8 AS seconds
    FROM task_executions t WHERE t.workspace_id = asked.id AND t.submitted_at > now() - interval '60 seconds'
  ) late`;

async function measureLoads(client: PoolClient, workspaceIds: readonly string[]): Promise<Map<string, WorkspaceLoad>> {
  const { rows } = await client.query<WorkspaceLoad & { id: string }>(prepared(MEASURE_LOADS, [workspaceIds]));
  return new Map(rows.map(({ id, ...load }) => [id, load]));
}

const INSERT_TASKS = `
  WITH inserted AS (
    INSERT INTO task_executions (id, workspace_id, task_type, agent_id, prompt, configuration, fingerprint, priority,
      runner_backend, timeout_seconds, max_retries, resources_requested, retry_of, parent_execution_id, correlation_id,
      not_before, delayed, status, event_count)
    SELECT id, "workspaceId", "taskType", "agentId", prompt, configuration, decode(print, 'hex'), priority,
      'queued', "timeoutSeconds", "maxRetries", resources, "retryOf", "parentExecutionId", "correlationId",
      "notBefore", coalesce("notBefore" > now(), false), 'queued', 2
    FROM jsonb_to_recordset($1::jsonb) AS given (
      id uuid, "workspaceId" uuid, "taskType" text, "agentId" text, prompt text, configuration jsonb, print text,
      priority task_priority, "timeoutSeconds" int, "maxRetries" int, resources jsonb, "retryOf" uuid,
      "parentExecutionId" uuid, "correlationId" text, "notBefore" timestamptz)
    ON CONFLICT (id) DO NOTHING
    RETURNING ${STATUS_COLUMNS}
  ), events AS (
    INSERT INTO task_events (task_id, sequence, body)
    SELECT id, sequence, body FROM inserted
    CROSS JOIN (VALUES (1, '{"type": "task_submitted"}'::jsonb), (2, '{"type": "task_queued"}')) AS events (sequence, body)
  )
  SELECT * FROM inserted`;

/** The status of those that were new. */
async function insertTasks(client: PoolClient, candidates: readonly Candidate[]): Promise<Map<Candidate, TaskStatus>> {
  // Of two with the same id in one batch, the first one counts.
  const byId = new Map([...candidates].reverse().map((candidate) => [candidate.task.taskId, candidate]));
  if (byId.size === 0) return new Map();
  const given = [...byId.values()].reverse().map(({ task, print, retryOf }) => {
    const { prompt, ...configuration } = task;
    const { taskId, workspaceId, taskType, agentId, priority, timeoutSeconds, maxRetries, resources } = task;
    const { parentExecutionId, correlationId } = task;
    return {
      ...{ id: taskId, workspaceId, taskType, agentId, prompt, configuration, print: print.toString("hex"), retryOf },
      ...{ priority, timeoutSeconds, maxRetries, resources, parentExecutionId, correlationId },
      notBefore: instantOrNull(task.notBefore),
    };
  });
  const { rows } = await client.query<StatusRow>(prepared(INSERT_TASKS, [JSON.stringify(given)]));
  return new Map(
    rows.flatMap((row) => {
      const candidate = byId.get(row.id);
      return candidate === undefined ? [] : [[candidate, toTaskStatus(row)] as const];
    }),
  );
}
