import { ApprovalDecision, type ApprovalAnswer } from "../../contracts/approval.ts";
import type { JsonValue } from "../../contracts/json.ts";
import type { AgentTask, TaskError } from "../../contracts/task.ts";
import type { TaskEventBody } from "../../contracts/task-event.ts";
import type { Queryable } from "../runtime/database.ts";
import { LeaseLostError } from "./errors.ts";
import { ANSWERS, type Answers } from "./pauses/approval-record.ts";
import { recordPause, saveCheckpoint } from "./pauses/record-pause.ts";
import { storable, toJsonb } from "../runtime/storable-text.ts";
import { DEFINITION_COLUMNS, toAgentTask, type DefinitionRow } from "./task-record.ts";
import type { TaskEnd, TaskPause } from "./task-runner.ts";

/** A task that this process may run until its lease ends. `token` fences: without it nothing is written for the task. */
export interface ClaimedTask {
  readonly task: AgentTask;
  readonly attempt: number;
  readonly token: string;
  /** Somebody asked to cancel it before it was claimed. */
  readonly cancelRequested: boolean;
  /** What it saved last; null where it did not. */
  readonly checkpoint: JsonValue | null;
  /** What people have answered to its questions, by callId. */
  readonly approvals: ReadonlyMap<string, ApprovalAnswer>;
  /** It asked a question that nobody answered in time. */
  readonly approvalExpired: boolean;
  /** How long it ran before, in attempts that ended in a pause. */
  readonly ranMs: number;
}

/** How an attempt ends: as the work said, or as the runner decided. */
export type AttemptEnd = Omit<TaskEnd, "status"> & {
  readonly status: "completed" | "failed" | "cancelled" | "timed_out";
};

interface ClaimRow extends DefinitionRow {
  readonly attempt: number;
  readonly cancel_requested: boolean;
  readonly checkpoint: JsonValue | null;
  readonly ran_ms: number;
  readonly answers: Answers | null;
}

/**
 * What a worker writes about the tasks that it runs. Every write names the lease's token and is refused by the record
 * when the lease is another's; each can be sent again when its answer was lost with the connection.
 */
export class TaskLeases {
  readonly #database: Queryable;
  readonly #workerId: string;
  readonly #leaseSeconds: number;

  constructor(deps: { readonly pool: Queryable; readonly workerId: string; readonly leaseSeconds: number }) {
    this.#database = deps.pool;
    this.#workerId = deps.workerId;
    this.#leaseSeconds = deps.leaseSeconds;
  }

  /** Starts an admitted task under `token`. Undefined when there is nothing to start: another has it, or it ended. */
  async claim(taskId: string, token: string): Promise<ClaimedTask | undefined> {
    const { rows } = await this.#database.query<ClaimRow>(
      `WITH claimed AS (
         UPDATE task_executions
         SET status = 'running', attempt = attempt + 1, started_at = now(), lease_token = $2,
             event_count = event_count + 1, event_batch = 0
         WHERE id = $1 AND status = 'queued' AND admitted_at IS NOT NULL
         RETURNING *
       ), leased AS (
         INSERT INTO leases (task_id, token, worker_id, expires_at)
         SELECT id, $2, $3, now() + $4::float8 * interval '1 second' FROM claimed
       ), started AS (
         INSERT INTO task_events (task_id, sequence, body)
         SELECT id, event_count, jsonb_build_object('type', 'task_started', 'workerId', $3::text, 'attempt', attempt)
         FROM claimed
       ), found AS (
         SELECT * FROM claimed
         UNION ALL
         SELECT * FROM task_executions WHERE id = $1 AND status = 'running' AND lease_token = $2
       )
       SELECT ${DEFINITION_COLUMNS}, attempt, cancel_requested_at IS NOT NULL AS cancel_requested,
         c.body AS checkpoint, coalesce(c.ran_ms, 0) AS ran_ms,
         CASE WHEN c.task_id IS NOT NULL THEN ${ANSWERS} END AS answers
       FROM found t LEFT JOIN task_checkpoints c ON c.task_id = t.id`,
      [taskId, token, this.#workerId, this.#leaseSeconds],
    );
    const row = rows[0];
    if (row === undefined) return undefined;
    return {
      task: toAgentTask(row),
      attempt: row.attempt,
      token,
      cancelRequested: row.cancel_requested,
      checkpoint: row.checkpoint,
      ranMs: row.ran_ms,
      ...readAnswers(row.answers ?? {}),
    };
  }

  /**
   * Appends events. `batch` counts from 1 per claim, so that a batch that was written already is known.
   *
   * @throws LeaseLostError
   */
  async append(lease: ClaimedTask, batch: number, bodies: readonly TaskEventBody[]): Promise<void> {
    const { taskId } = lease.task;
    const { rows } = await this.#database.query<{ written: boolean }>(
      `WITH counted AS (
         UPDATE task_executions SET event_count = event_count + $4::int, event_batch = $3
         WHERE id = $1 AND status = 'running' AND lease_token = $2 AND event_batch = $3 - 1
         RETURNING event_count - $4::int AS base
       ), appended AS (
         INSERT INTO task_events (task_id, sequence, body)
         SELECT $1, base + position, body
         FROM counted, jsonb_array_elements($5::jsonb) WITH ORDINALITY AS events (body, position)
       )
       SELECT true AS written FROM counted
       UNION ALL
       SELECT true FROM task_executions WHERE id = $1 AND status = 'running' AND lease_token = $2 AND event_batch = $3`,
      [taskId, lease.token, batch, bodies.length, toJsonb(bodies)],
    );
    if (rows.length === 0) throw new LeaseLostError(taskId);
  }

  /**
   * Ends the task: its result, its last event and its lease in one commit. An accepted request to cancel wins.
   *
   * @returns how the task has ended.
   * @throws LeaseLostError
   */
  async finish(
    lease: ClaimedTask,
    end: AttemptEnd,
  ): Promise<{ status: AttemptEnd["status"]; executionTimeMs: number }> {
    const { rows } = await this.#database.query<{ status: AttemptEnd["status"]; executionTimeMs: number }>(
      `WITH finished AS (
         UPDATE task_executions
         SET status = CASE WHEN cancel_requested_at IS NULL THEN $3::task_state ELSE 'cancelled' END,
             result = CASE WHEN cancel_requested_at IS NULL THEN $4::jsonb END,
             error_code = CASE WHEN cancel_requested_at IS NULL THEN $5 END,
             error_message = CASE WHEN cancel_requested_at IS NULL THEN $6 END,
             error_remedy = CASE WHEN cancel_requested_at IS NULL THEN $7 END,
             steps = $8::jsonb, tokens_used = $9
         WHERE id = $1 AND status = 'running' AND lease_token = $2
         RETURNING status, execution_time_ms
       )
       SELECT status, execution_time_ms AS "executionTimeMs" FROM finished
       UNION ALL
       SELECT status, execution_time_ms FROM task_executions
       WHERE id = $1 AND is_terminal(status) AND lease_token = $2`,
      [
        lease.task.taskId,
        lease.token,
        end.status,
        end.result === undefined ? null : toJsonb(end.result),
        end.error?.code ?? null,
        end.error === null ? null : storable(end.error.message),
        end.error === null ? null : storable(end.error.remedy),
        toJsonb(end.steps),
        end.tokensUsed,
      ],
    );
    const row = rows[0];
    if (row === undefined) throw new LeaseLostError(lease.task.taskId);
    return row;
  }

  /** @see saveCheckpoint */
  async save(lease: ClaimedTask, checkpoint: JsonValue): Promise<void> {
    await saveCheckpoint(this.#database, lease, checkpoint);
  }

  /** @see recordPause */
  async pause(lease: ClaimedTask, pause: TaskPause): Promise<"queued" | "cancelled"> {
    return recordPause(this.#database, lease, pause);
  }

  /** Gives a task back to the queue: this start does not count. No-op when the lease was lost. */
  async handBack(lease: ClaimedTask, error: TaskError): Promise<void> {
    await this.#database.query(
      `WITH returned AS (
         UPDATE task_executions
         SET status = CASE WHEN cancel_requested_at IS NULL THEN 'queued'::task_state ELSE 'cancelled' END,
             attempt = attempt - 1, event_count = event_count + (cancel_requested_at IS NULL)::int
         WHERE id = $1 AND status = 'running' AND lease_token = $2
         RETURNING id, status, event_count, attempt
       )
       INSERT INTO task_events (task_id, sequence, body)
       SELECT id, event_count, jsonb_build_object('type', 'task_requeued', 'attempt', attempt, 'error', $3::jsonb)
       FROM returned WHERE status = 'queued'`,
      [lease.task.taskId, lease.token, JSON.stringify(error)],
    );
  }

  /**
   * Renews leases, all in one statement.
   *
   * @returns the tokens that are still held.
   */
  async renew(tokens: readonly string[]): Promise<Set<string>> {
    const { rows } = await this.#database.query<{ token: string }>(
      `UPDATE leases SET expires_at = now() + $2::float8 * interval '1 second' WHERE token = ANY ($1::uuid[])
       RETURNING token`,
      [tokens, this.#leaseSeconds],
    );
    return new Set(rows.map(({ token }) => token));
  }

  /** Those of the tasks that somebody asked to cancel. */
  async findCancelled(taskIds: readonly string[]): Promise<string[]> {
    const { rows } = await this.#database.query<{ id: string }>(
      `SELECT id FROM task_executions WHERE id = ANY ($1::uuid[]) AND cancel_requested_at IS NOT NULL`,
      [taskIds],
    );
    return rows.map(({ id }) => id);
  }
}

function readAnswers(answers: Answers): Pick<ClaimedTask, "approvals" | "approvalExpired"> {
  const approvals = new Map<string, ApprovalAnswer>();
  for (const [callId, answer] of Object.entries(answers)) {
    const decision = ApprovalDecision.safeParse(answer.decision);
    if (decision.success) approvals.set(callId, { ...answer, decision: decision.data });
  }
  return { approvals, approvalExpired: Object.values(answers).some(({ decision }) => decision === "expired") };
}
