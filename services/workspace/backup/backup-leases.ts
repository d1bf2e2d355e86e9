import { randomUUID } from "node:crypto";
import type { BackupRun, TreeComparison } from "../../../contracts/backup.ts";
import type { TaskError } from "../../../contracts/task.ts";
import { withTransaction, type Pool } from "../../runtime/database.ts";
import { ACTIVE_TASKS, RUN_JSON, type RunRow } from "./run-record.ts";

const IS_DUE = `(c.state = 'pending' AND c.due_at <= now() - $1::float8 * interval '1 second'
  OR c.state = 'running' AND c.lease_expires_at < now() - $1::float8 * interval '1 second')`;

export interface ClaimedRun {
  readonly run: BackupRun;
  readonly token: string;
  /** The moment of the claim by the database's clock, as its text; every task's times are by that one. */
  readonly claimedAt: string;
  /** Tasks of the workspace that ran, were let in or paused in the moment of the claim. */
  readonly activeTasks: number;
}

/** What a run ends with. */
export interface RunOutcome {
  readonly snapshotId?: string;
  readonly fileCount?: number;
  readonly totalBytes?: number;
  readonly addedBytes?: number;
  readonly unreadable?: number;
  readonly tasksRan?: boolean;
  readonly comparison?: TreeComparison;
}

/** A worker that is lost so often in one run is lost because of it. */
const MAX_ATTEMPTS = 5;
const FIRST_RETRY_SECONDS = 30;

/** What a worker reads and writes of the runs that it does; every write names the lease's token. */
export class BackupLeases {
  readonly #pool: Pool;
  readonly #workerId: string;
  readonly #leaseSeconds: number;

  constructor(deps: { readonly pool: Pool; readonly workerId: string; readonly leaseSeconds: number }) {
    this.#pool = deps.pool;
    this.#workerId = deps.workerId;
    this.#leaseSeconds = deps.leaseSeconds;
  }

  /**
   * The run that is due longest, one of a lost worker included; undefined when there is none.
   *
   * @param overdueSeconds What it must be due for at least. @default 0
   */
  async claim(overdueSeconds = 0): Promise<ClaimedRun | undefined> {
    const due = await this.#pool.query(`SELECT FROM workspace_backups c WHERE ${IS_DUE} LIMIT 1`, [overdueSeconds]);
    if (due.rowCount === 0) return undefined;
    const token = randomUUID();
    try {
      return await withTransaction(this.#pool, async (client) => {
        // Admission under way is waited for: what it lets in is counted below, and the next sees the restore.
        await client.query("SELECT FROM leadership WHERE role = 'dispatcher' FOR UPDATE");
        const { rows } = await client.query<RunRow & Pick<ClaimedRun, "claimedAt">>(
          `UPDATE workspace_backups b SET state = 'running', attempt = attempt + 1, lease_token = $1, worker_id = $2,
             lease_expires_at = now() + $3::float8 * interval '1 second', started_at = coalesce(started_at, now()),
             error = NULL
           WHERE b.id = (
             SELECT c.id FROM workspace_backups c
             WHERE ${IS_DUE.replaceAll("$1", "$4")}
               AND NOT EXISTS (SELECT FROM workspace_backups o
                 WHERE o.workspace_id = c.workspace_id AND o.state = 'running' AND o.id <> c.id)
             ORDER BY c.due_at LIMIT 1 FOR UPDATE SKIP LOCKED
           ) RETURNING ${RUN_JSON} AS run, now()::text AS "claimedAt"`,
          [token, this.#workerId, this.#leaseSeconds, overdueSeconds],
        );
        const [claimed] = rows;
        if (claimed === undefined) return undefined;
        const counted = await client.query<{ active: number }>(ACTIVE_TASKS, [claimed.run.workspaceId]);
        return { ...claimed, token, activeTasks: counted.rows[0]?.active ?? 0 };
      });
    } catch (error) {
      if ((error as { code?: unknown }).code === "23505") return undefined; // another worker took the workspace's other run
      throw error;
    }
  }

  /** Prolongs the lease. Resolves to whether the run is still this worker's. */
  async keep({ run, token }: ClaimedRun): Promise<boolean> {
    const { rowCount } = await this.#pool.query(
      `UPDATE workspace_backups SET lease_expires_at = now() + $3::float8 * interval '1 second'
       WHERE id = $1 AND lease_token = $2`,
      [run.runId, token, this.#leaseSeconds],
    );
    return rowCount === 1;
  }

  /** Resolves to whether it was this worker's to end. */
  async succeed({ run, token }: ClaimedRun, outcome: RunOutcome): Promise<boolean> {
    const { rowCount } = await this.#pool.query(
      `UPDATE workspace_backups SET state = 'succeeded', finished_at = now(), lease_token = NULL, lease_expires_at = NULL,
         snapshot_id = coalesce($3, snapshot_id), file_count = $4, total_bytes = $5, added_bytes = $6, unreadable = $7,
         tasks_ran = $8, comparison = $9
       WHERE id = $1 AND lease_token = $2`,
      [
        run.runId,
        token,
        outcome.snapshotId ?? null,
        outcome.fileCount ?? null,
        outcome.totalBytes ?? null,
        outcome.addedBytes ?? null,
        outcome.unreadable ?? null,
        outcome.tasksRan ?? null,
        outcome.comparison === undefined ? null : JSON.stringify(outcome.comparison),
      ],
    );
    return rowCount === 1;
  }

  /** Ends it, or lets it wait for its next try where the failure may pass. Resolves to what became of it. */
  async fail(
    { run, token }: ClaimedRun,
    error: TaskError,
    options: { readonly mayPass: boolean; readonly comparison?: TreeComparison | undefined },
  ): Promise<"failed" | "pending" | "lost"> {
    const again = options.mayPass && run.attempt < MAX_ATTEMPTS;
    const { rowCount } = await this.#pool.query(
      `UPDATE workspace_backups SET state = CASE WHEN $4 THEN 'pending' ELSE 'failed' END, error = $3,
         finished_at = CASE WHEN NOT $4 THEN now() END, lease_token = NULL, lease_expires_at = NULL, comparison = $6,
         due_at = now() + $5::float8 * interval '1 second'
       WHERE id = $1 AND lease_token = $2`,
      [
        run.runId,
        token,
        JSON.stringify(error),
        again,
        FIRST_RETRY_SECONDS * 2 ** (run.attempt - 1),
        options.comparison === undefined ? null : JSON.stringify(options.comparison),
      ],
    );
    if (rowCount !== 1) return "lost";
    return again ? "pending" : "failed";
  }

  /** Lets it wait for any worker at once: this one stops. The try does not count. */
  async handBack({ run, token }: ClaimedRun): Promise<void> {
    await this.#pool.query(
      `UPDATE workspace_backups SET state = 'pending', attempt = attempt - 1, lease_token = NULL, lease_expires_at = NULL,
         due_at = now() WHERE id = $1 AND lease_token = $2`,
      [run.runId, token],
    );
  }

  isWornOut({ run }: ClaimedRun): boolean {
    return run.attempt > MAX_ATTEMPTS;
  }

  /** Notes which backups retention has removed after a run: those up to it of which the repository has no snapshot. */
  async noteRemoved({ runId, workspaceId }: BackupRun, kept: readonly string[]): Promise<void> {
    await this.#pool.query(
      `UPDATE workspace_backups b SET removed_at = now()
       WHERE b.workspace_id = $1 AND b.kind = 'backup' AND b.state = 'succeeded' AND b.removed_at IS NULL
         AND b.finished_at <= (SELECT o.finished_at FROM workspace_backups o WHERE o.id = $3)
         AND NOT EXISTS (SELECT FROM unnest($2::text[]) AS kept (id) WHERE starts_with(kept.id, b.snapshot_id))`,
      [workspaceId, kept, runId],
    );
  }

  /** Whether tasks of the workspace have run since the claim, or run now. */
  async tasksRanSince({ run, claimedAt }: ClaimedRun): Promise<boolean> {
    const { rowCount } = await this.#pool.query(
      `SELECT FROM task_executions t WHERE t.workspace_id = $1 AND (t.status = 'running' OR t.completed_at >= $2) LIMIT 1`,
      [run.workspaceId, claimedAt],
    );
    return (rowCount ?? 0) > 0;
  }

  /** @throws when there is none, which its foreign key rules out. */
  async find(runId: string): Promise<BackupRun> {
    const { rows } = await this.#pool.query<RunRow>(
      `SELECT ${RUN_JSON} AS run FROM workspace_backups b WHERE b.id = $1`,
      [runId],
    );
    if (rows[0] === undefined) throw new Error(`backup ${runId} is not in the record`);
    return rows[0].run;
  }
}
