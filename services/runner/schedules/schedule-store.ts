import { isDeepStrictEqual } from "node:util";
import { randomUUID } from "node:crypto";
import { WorkspaceNotFoundError } from "../../../contracts/errors.ts";
import type {
  Schedule,
  ScheduleCreation,
  ScheduleDefinition,
  ScheduleRun,
  ScheduleRunPage,
  ScheduleRunQuery,
} from "../../../contracts/schedule.ts";
import { microsOf, parseCursor, timeOf, toPage } from "../../runtime/cursor.ts";
import { withTransaction, type Pool, type PoolClient } from "../../runtime/database.ts";
import { checkRunnable } from "../submission.ts";
import { CronTimes } from "./cron.ts";
import { ScheduleConflictError, ScheduleNotFoundError, TooManySchedulesError } from "./errors.ts";
import { RUN_JSON, SCHEDULE_COLUMNS, type ScheduleRow } from "./schedule-record.ts";

/** Schedules of one workspace; each is a row that the scheduler looks at when its time comes. */
const MAX_SCHEDULES = 100;
const UNIQUE_VIOLATION = "23505";

/** The schedules of workspaces in the record. Every method throws ScheduleNotFoundError for what is not there. */
export class ScheduleStore {
  readonly #pool: Pool;

  constructor(deps: { readonly pool: Pool }) {
    this.#pool = deps.pool;
  }

  /**
   * The same id again with the same contents is the same schedule.
   *
   * @throws InvalidCronError, NothingToRunError, ScheduleConflictError, TooManySchedulesError, WorkspaceNotFoundError
   */
  async create(workspaceId: string, creation: ScheduleCreation): Promise<Schedule> {
    const { scheduleId = randomUUID(), ...definition } = creation;
    check(scheduleId, definition);
    return withTransaction(this.#pool, async (client) => {
      // One at a time in a workspace: their number is exact.
      const workspace = await client.query("SELECT FROM workspaces WHERE id = $1 FOR NO KEY UPDATE", [workspaceId]);
      if (workspace.rowCount === 0) throw new WorkspaceNotFoundError(workspaceId);
      const all = await listAll(client, workspaceId);
      const same = all.find((schedule) => schedule.scheduleId === scheduleId);
      if (same !== undefined) {
        if (isSame(same, definition)) return same;
        throw new ScheduleConflictError(definition.name);
      }
      if (all.length >= MAX_SCHEDULES) throw new TooManySchedulesError(workspaceId, MAX_SCHEDULES);
      const inserted = await client.query(
        `INSERT INTO schedules (id, workspace_id, name, cron, time_zone, task, overlap, catch_up_seconds, next_run_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING`,
        [scheduleId, workspaceId, ...(await columnsOf(client, definition))],
      );
      if (inserted.rowCount === 0) throw new ScheduleConflictError(definition.name);
      return this.#read(client, workspaceId, scheduleId);
    });
  }

  /** All of a workspace, by name. */
  async list(workspaceId: string): Promise<Schedule[]> {
    return listAll(this.#pool, workspaceId);
  }

  async get(workspaceId: string, scheduleId: string): Promise<Schedule> {
    return this.#read(this.#pool, workspaceId, scheduleId);
  }

  /** @throws InvalidCronError, NothingToRunError, ScheduleConflictError */
  async replace(workspaceId: string, scheduleId: string, definition: ScheduleDefinition): Promise<Schedule> {
    check(scheduleId, definition);
    return withTransaction(this.#pool, async (client) => {
      await client
        .query(
          `UPDATE schedules SET name = $3, cron = $4, time_zone = $5, task = $6, overlap = $7, catch_up_seconds = $8,
             next_run_at = $9, updated_at = now()
           WHERE id = $1 AND workspace_id = $2`,
          [scheduleId, workspaceId, ...(await columnsOf(client, definition))],
        )
        .catch((error: unknown) => {
          if ((error as { code?: unknown }).code === UNIQUE_VIOLATION) throw new ScheduleConflictError(definition.name);
          throw error;
        });
      return this.#read(client, workspaceId, scheduleId);
    });
  }

  /** Stops it, or has it go on with the next time: those that pass while it is paused are not made up for. Idempotent. */
  async setPaused(workspaceId: string, scheduleId: string, paused: boolean): Promise<Schedule> {
    return withTransaction(this.#pool, async (client) => {
      await client.query("SELECT FROM schedules WHERE id = $1 FOR NO KEY UPDATE", [scheduleId]);
      const schedule = await this.#read(client, workspaceId, scheduleId);
      if (schedule.paused === paused) return schedule;
      const next = paused ? null : await nextRun(client, schedule);
      await client.query("UPDATE schedules SET next_run_at = $2, updated_at = now() WHERE id = $1", [scheduleId, next]);
      return this.#read(client, workspaceId, scheduleId);
    });
  }

  /** Its tasks stay. */
  async remove(workspaceId: string, scheduleId: string): Promise<void> {
    const { rowCount } = await this.#pool.query("DELETE FROM schedules WHERE id = $1 AND workspace_id = $2", [
      scheduleId,
      workspaceId,
    ]);
    if (rowCount === 0) throw new ScheduleNotFoundError(scheduleId);
  }

  /** The newest first. @throws InvalidCursorError */
  async runs(workspaceId: string, scheduleId: string, query: ScheduleRunQuery): Promise<ScheduleRunPage> {
    const before = query.cursor === undefined ? undefined : parseCursor(query.cursor);
    await this.get(workspaceId, scheduleId);
    const { rows } = await this.#pool.query<{ id: string; micros: string; run: ScheduleRun }>(
      `SELECT r.id, ${microsOf("r.due_at")} AS micros, ${RUN_JSON} AS run FROM schedule_runs r
       WHERE r.schedule_id = $1 AND ($3::uuid IS NULL OR (r.due_at, r.id) < (${timeOf(2)}, $3))
       ORDER BY r.due_at DESC, r.id DESC LIMIT $4`,
      [scheduleId, before?.micros ?? null, before?.id ?? null, query.limit + 1],
    );
    const page = toPage(rows, query.limit);
    return { items: page.rows.map(({ run }) => run), nextCursor: page.nextCursor };
  }

  async #read(database: Pick<Pool, "query">, workspaceId: string, scheduleId: string): Promise<ScheduleRow> {
    const { rows } = await database.query<ScheduleRow>(
      `SELECT ${SCHEDULE_COLUMNS} FROM schedules s WHERE s.id = $1 AND s.workspace_id = $2`,
      [scheduleId, workspaceId],
    );
    const row = rows[0];
    if (row === undefined) throw new ScheduleNotFoundError(scheduleId);
    return row;
  }
}

async function listAll(database: Pick<Pool, "query">, workspaceId: string): Promise<ScheduleRow[]> {
  const { rows } = await database.query<ScheduleRow>(
    `SELECT ${SCHEDULE_COLUMNS} FROM schedules s WHERE s.workspace_id = $1 ORDER BY s.name`,
    [workspaceId],
  );
  return rows;
}

function check(scheduleId: string, { task }: ScheduleDefinition): void {
  checkRunnable({ ...task, taskId: `of schedule ${scheduleId}` });
}

/** Whether it is paused does not count: it may have been stopped since it was made. */
function isSame(one: ScheduleDefinition | ScheduleRow, other: ScheduleDefinition | ScheduleRow): boolean {
  const contents = ({
    name,
    cron,
    timeZone,
    task,
    overlap,
    catchUpSeconds,
  }: ScheduleDefinition | ScheduleRow): unknown =>
    // As the record keeps it: what is undefined is not there.
    JSON.parse(JSON.stringify({ name, cron, timeZone, task, overlap, catchUpSeconds }));
  return isDeepStrictEqual(contents(one), contents(other));
}

async function columnsOf(client: PoolClient, definition: ScheduleDefinition): Promise<unknown[]> {
  const { name, cron, timeZone, task, overlap, catchUpSeconds, paused } = definition;
  const next = await nextRun(client, definition);
  return [name, cron, timeZone, JSON.stringify(task), overlap, catchUpSeconds, paused ? null : next];
}

/** By the record's clock. @throws InvalidCronError */
async function nextRun(
  client: PoolClient,
  { cron, timeZone }: Pick<Schedule, "cron" | "timeZone">,
): Promise<Date | null> {
  const times = new CronTimes(cron, timeZone);
  const { rows } = await client.query<{ now: Date }>("SELECT now()");
  return rows[0] === undefined ? null : times.after(rows[0].now);
}
