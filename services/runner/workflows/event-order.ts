import type { WorkflowEvent } from "../../../contracts/workflow-event.ts";
import { prepared, withTransaction, type Pool, type PoolClient, type Queryable } from "../../runtime/database.ts";
import type { EventPage } from "../event-feed.ts";
import { ExecutionNotFoundError } from "./errors.ts";

/** Events that a follower holds at once, as with a task's. */
const PAGE_EVENTS = 200;
/** A page ends with the event that reaches this. */
const PAGE_BYTES = 1_048_576;
/** Events that are given their numbers at once. */
const PLACED_AT_ONCE = 500;

/**
 * The events of the execution's own and of its tasks' that have no number yet, in the order in which they are to get
 * one: by their times, but never one of a source before an earlier one of the same, and the last of all at the end. One
 * statement sees one moment, at which nothing is there without what led to it.
 */
const UNPLACED = `
  WITH sources AS (
    SELECT NULL::text AS step_id, NULL::uuid AS task_id, l.placed_own AS placed
    FROM workflow_event_logs l JOIN workflow_executions e ON e.id = l.execution_id
    WHERE l.execution_id = $1 AND e.event_count > l.placed_own
    UNION ALL
    SELECT s.step_id, s.task_id, s.placed FROM workflow_executions e JOIN workflow_steps s ON s.execution_id = e.id
      JOIN task_executions t ON t.id = s.task_id AND t.workspace_id = e.workspace_id
    WHERE s.execution_id = $1 AND NOT s.kept AND s.status NOT IN ('waiting', 'starting') AND t.event_count > s.placed
  ), unplaced AS (
    SELECT step_id, task_id, sequence, is_last, max(at) OVER (PARTITION BY task_id ORDER BY sequence) AS at
    FROM sources CROSS JOIN LATERAL (
      (SELECT sequence, at, false AS is_last FROM task_events
       WHERE task_events.task_id = sources.task_id AND sequence > placed ORDER BY sequence LIMIT $2)
      UNION ALL
      (SELECT sequence, at, body ->> 'type' = 'workflow_ended' FROM workflow_events
       WHERE sources.task_id IS NULL AND execution_id = $1 AND sequence > placed ORDER BY sequence LIMIT $2)
    ) events
  )
  SELECT step_id AS "stepId", task_id AS "taskId", sequence FROM unplaced
  ORDER BY is_last, at, step_id NULLS FIRST, sequence LIMIT $2`;

const READ_PAGE = `
  WITH pieces AS (
    SELECT o.* FROM workflow_event_order o
    WHERE o.execution_id = $1 AND last > $2 AND (o.task_id IS NULL OR EXISTS (
      SELECT FROM task_executions t JOIN workflow_executions e ON e.workspace_id = t.workspace_id
      WHERE t.id = o.task_id AND e.id = $1
    ))
    ORDER BY last LIMIT $4
  ), numbered AS (
    SELECT p.first + events.sequence - p.first_sequence AS number, p.step_id, p.task_id, events.*
    FROM pieces p CROSS JOIN LATERAL (
      (SELECT sequence, at, body FROM task_events
       WHERE p.task_id IS NOT NULL AND task_events.task_id = p.task_id
         AND sequence BETWEEN p.first_sequence + greatest(0, $2 + 1 - p.first) AND p.first_sequence + p.last - p.first
       ORDER BY sequence LIMIT $4)
      UNION ALL
      (SELECT sequence, at, body FROM workflow_events
       WHERE p.task_id IS NULL AND execution_id = $1
         AND sequence BETWEEN p.first_sequence + greatest(0, $2 + 1 - p.first) AND p.first_sequence + p.last - p.first
       ORDER BY sequence LIMIT $4)
    ) events
    ORDER BY number LIMIT $4
  ), measured AS (
    SELECT *, octet_length(body::text) AS bytes, sum(octet_length(body::text)) OVER (ORDER BY number) AS total FROM numbered
  )
  SELECT number::int AS number, step_id AS "stepId", task_id AS "taskId", sequence, at, body, total::int AS total,
    (SELECT placed::int FROM workflow_event_logs WHERE execution_id = $1) AS newest
  FROM measured WHERE total - bytes < $3 ORDER BY number`;

interface PageRow {
  readonly number: number;
  readonly stepId: string | null;
  readonly taskId: string | null;
  readonly sequence: number;
  readonly at: Date;
  readonly body: WorkflowEvent["body"];
  readonly total: number;
  readonly newest: number;
}

interface Unplaced {
  readonly stepId: string | null;
  readonly taskId: string | null;
  readonly sequence: number;
}

/** The events behind number `after`. Gives numbers to more of them where there are none. @throws ExecutionNotFoundError */
export async function readEvents(pool: Pool, executionId: string, after: number): Promise<EventPage<WorkflowEvent>> {
  const page = await readPage(pool, executionId, after);
  if (page !== undefined) return page;
  const { placed, ended } = await placeEvents(pool, executionId);
  // Somebody else may have placed some since.
  const more = placed > after ? await readPage(pool, executionId, after) : undefined;
  return more ?? { events: [], bytes: 0, ended, newest: placed };
}

async function readPage(
  database: Queryable,
  executionId: string,
  after: number,
): Promise<EventPage<WorkflowEvent> | undefined> {
  const { rows } = await database.query<PageRow>(prepared(READ_PAGE, [executionId, after, PAGE_BYTES, PAGE_EVENTS]));
  const last = rows.at(-1);
  if (last === undefined) return undefined;
  const events = rows.map(({ number, stepId, taskId, sequence, at, body }): WorkflowEvent => {
    const task = stepId === null || taskId === null ? null : { stepId, taskId, sequence };
    return { executionId, sequence: number, at: at.toISOString(), task, body };
  });
  return { events, bytes: last.total, ended: false, newest: last.newest };
}

/**
 * Gives numbers to events that have none yet. The order is made once, by whoever follows first, and kept: all who follow
 * see the same, and can come back with a number. Resolves to how many have one now, and whether no more will come.
 */
async function placeEvents(
  pool: Pool,
  executionId: string,
): Promise<{ readonly placed: number; readonly ended: boolean }> {
  return withTransaction(pool, async (client) => {
    const log = await client.query<{ placed: number }>(
      "SELECT placed::int FROM workflow_event_logs WHERE execution_id = $1 FOR UPDATE",
      [executionId],
    );
    const before = log.rows[0]?.placed;
    if (before === undefined) throw new ExecutionNotFoundError(executionId);
    const { rows } = await client.query<Unplaced>(UNPLACED, [executionId, PLACED_AT_ONCE]);
    if (rows.length > 0) {
      await keepOrder(client, executionId, before, rows);
      return { placed: before + rows.length, ended: false };
    }
    const { rowCount } = await client.query(
      `SELECT FROM workflow_executions e JOIN workflow_event_logs l ON l.execution_id = e.id
       WHERE e.id = $1 AND e.status <> 'running' AND l.placed_own = e.event_count`,
      [executionId],
    );
    return { placed: before, ended: rowCount === 1 };
  });
}

async function keepOrder(
  client: PoolClient,
  executionId: string,
  before: number,
  events: readonly Unplaced[],
): Promise<void> {
  const pieces: { first: number; last: number; step: string | null; task: string | null; sequence: number }[] = [];
  for (const [index, { stepId, taskId, sequence }] of events.entries()) {
    const number = before + index + 1;
    const piece = pieces.at(-1);
    if (piece?.task === taskId && piece.sequence + (number - piece.first) === sequence) piece.last = number;
    else pieces.push({ first: number, last: number, step: stepId, task: taskId, sequence });
  }
  await client.query(
    `WITH given AS (
       SELECT * FROM jsonb_to_recordset($2::jsonb)
         AS given (first bigint, last bigint, step text, task uuid, sequence int)
     ), counted AS (
       UPDATE workflow_event_logs SET placed = placed + $3,
         placed_own = placed_own + (SELECT coalesce(sum(last - first + 1), 0)::int FROM given WHERE step IS NULL)
       WHERE execution_id = $1
     ), steps AS (
       UPDATE workflow_steps s SET placed = s.placed + sums.events
       FROM (SELECT step, sum(last - first + 1)::int AS events FROM given WHERE step IS NOT NULL GROUP BY step) sums
       WHERE s.execution_id = $1 AND s.step_id = sums.step
     )
     INSERT INTO workflow_event_order (execution_id, first, last, step_id, task_id, first_sequence)
     SELECT $1, first, last, step, task, sequence FROM given`,
    [executionId, JSON.stringify(pieces), events.length],
  );
}
