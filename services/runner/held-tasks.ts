import type { TaskEventBody } from "../../contracts/task-event.ts";
import { prepared, type Queryable } from "../runtime/database.ts";
import { toJsonb } from "../runtime/storable-text.ts";
import type { AttemptEnd } from "./claimed-task.ts";

/** Events that the holder of a task adds to it. */
export interface EventBatch {
  readonly taskId: string;
  readonly token: string;
  /** Counts from 1 per claim, so that a batch that was written already is known. */
  readonly batch: number;
  readonly bodies: readonly TaskEventBody[];
}

/** The end that the holder of a task gives it. */
export interface HeldEnd {
  readonly taskId: string;
  readonly token: string;
  readonly end: AttemptEnd;
  /** What is to be recorded before the last event. */
  readonly bodies: readonly TaskEventBody[];
}

export interface EndedTask {
  readonly status: AttemptEnd["status"];
  readonly executionTimeMs: number;
}

/** Whether a task that somebody else has locked is waited for or left out. */
export type WhenLocked = "wait" | "skip";

export interface HeldWrite {
  readonly whenLocked: WhenLocked;
  /** The writer tells followers of the events by himself, so the record does not. */
  readonly toldElsewhere: boolean;
}

/**
 * First, so that it holds for what the triggers add: whether followers are told elsewhere, `on` or `off`. A setting of
 * the transaction alone.
 */
const TOLD_ELSEWHERE = "(SELECT set_config('automatos.told_elsewhere', $2, true)) AS told (elsewhere)";

const lockHeld = (whenLocked: WhenLocked): string => `
  SELECT t.id FROM task_executions t JOIN asked ON asked.id = t.id
  WHERE t.status = 'running' AND t.lease_token = asked.token
  ORDER BY t.id FOR NO KEY UPDATE OF t ${whenLocked === "skip" ? "SKIP LOCKED" : ""}`;

const append = (whenLocked: WhenLocked): string => `
  WITH asked AS (
    SELECT * FROM ${TOLD_ELSEWHERE},
      jsonb_to_recordset($1::jsonb) AS asked (id uuid, token uuid, batch int, bodies jsonb)
  ), held AS (${lockHeld(whenLocked)}
  ), counted AS (
    UPDATE task_executions t SET event_count = t.event_count + jsonb_array_length(asked.bodies), event_batch = asked.batch
    FROM asked JOIN held ON held.id = asked.id
    WHERE t.id = asked.id AND t.lease_token = asked.token AND t.status = 'running' AND t.event_batch = asked.batch - 1
    RETURNING t.id, t.lease_token, t.event_count - jsonb_array_length(asked.bodies) AS base, asked.bodies
  ), appended AS (
    INSERT INTO task_events (task_id, sequence, body)
    SELECT id, base + position, body FROM counted, jsonb_array_elements(bodies) WITH ORDINALITY AS event (body, position)
  )
  SELECT lease_token FROM counted
  UNION ALL
  SELECT t.lease_token FROM task_executions t JOIN asked ON asked.id = t.id
  WHERE t.status = 'running' AND t.lease_token = asked.token AND t.event_batch = asked.batch`;

// An accepted request to cancel wins. The trigger adds the last event behind those that come along.
const finish = (whenLocked: WhenLocked): string => `
  WITH asked AS (
    SELECT * FROM ${TOLD_ELSEWHERE}, jsonb_to_recordset($1::jsonb) AS asked (id uuid, token uuid, status task_state, result jsonb,
      "errorCode" text, "errorMessage" text, "errorRemedy" text, steps jsonb, "tokensUsed" bigint, bodies jsonb)
  ), held AS (${lockHeld(whenLocked)}
  ), finished AS (
    UPDATE task_executions t
    SET status = CASE WHEN t.cancel_requested_at IS NULL THEN asked.status ELSE 'cancelled' END,
        result = CASE WHEN t.cancel_requested_at IS NULL THEN asked.result END,
        error_code = CASE WHEN t.cancel_requested_at IS NULL THEN asked."errorCode" END,
        error_message = CASE WHEN t.cancel_requested_at IS NULL THEN asked."errorMessage" END,
        error_remedy = CASE WHEN t.cancel_requested_at IS NULL THEN asked."errorRemedy" END,
        steps = asked.steps, tokens_used = asked."tokensUsed",
        event_count = t.event_count + jsonb_array_length(asked.bodies)
    FROM asked JOIN held ON held.id = asked.id
    WHERE t.id = asked.id AND t.lease_token = asked.token AND t.status = 'running'
    RETURNING t.id, t.lease_token, t.status, t.execution_time_ms, asked.bodies,
      t.event_count - 1 - jsonb_array_length(asked.bodies) AS base
  ), appended AS (
    INSERT INTO task_events (task_id, sequence, body)
    SELECT id, base + position, body FROM finished, jsonb_array_elements(bodies) WITH ORDINALITY AS event (body, position)
  )
  SELECT lease_token, status, execution_time_ms FROM finished
  UNION ALL
  SELECT t.lease_token, t.status, t.execution_time_ms FROM task_executions t JOIN asked ON asked.id = t.id
  WHERE is_terminal(t.status) AND t.lease_token = asked.token`;

const APPEND = { wait: append("wait"), skip: append("skip") };
const FINISH = { wait: finish("wait"), skip: finish("skip") };

/**
 * Appends events to tasks, all in one statement.
 *
 * @returns In the order of `batches`: whether they are written. False: the lease is lost, or the task was left out.
 */
export async function appendEvents(
  database: Queryable,
  batches: readonly EventBatch[],
  { whenLocked, toldElsewhere }: HeldWrite,
): Promise<boolean[]> {
  const asked = batches.map(({ taskId, token, batch, bodies }) => ({ id: taskId, token, batch, bodies }));
  const { rows } = await database.query<{ lease_token: string }>(
    prepared(APPEND[whenLocked], [toJsonb(asked), toldElsewhere ? "on" : "off"]),
  );
  const written = new Set(rows.map(({ lease_token: token }) => token));
  return batches.map(({ token }) => written.has(token));
}

/**
 * Ends tasks, all in one statement and commit: their results, their last events, their leases.
 *
 * @returns In the order of `ends`: how each has ended. Undefined: the lease is lost, or the task was left out.
 */
export async function finishTasks(
  database: Queryable,
  ends: readonly HeldEnd[],
  { whenLocked, toldElsewhere }: HeldWrite,
): Promise<(EndedTask | undefined)[]> {
  const asked = ends.map(({ taskId, token, end, bodies }) => ({
    ...{
      id: taskId,
      token,
      status: end.status,
      result: end.result,
      steps: end.steps,
      tokensUsed: end.tokensUsed,
      bodies,
    },
    ...{ errorCode: end.error?.code, errorMessage: end.error?.message, errorRemedy: end.error?.remedy },
  }));
  const { rows } = await database.query<{
    lease_token: string;
    status: EndedTask["status"];
    execution_time_ms: number;
  }>(prepared(FINISH[whenLocked], [toJsonb(asked), toldElsewhere ? "on" : "off"]));
  const byToken = new Map(
    rows.map((row) => [row.lease_token, { status: row.status, executionTimeMs: row.execution_time_ms }]),
  );
  return ends.map(({ token }) => byToken.get(token));
}
