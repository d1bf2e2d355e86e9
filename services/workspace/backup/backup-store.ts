import { randomUUID } from "node:crypto";
import type { z } from "zod";
import type {
  BackupRequest,
  BackupRun,
  BackupRunKind,
  BackupRunPage,
  BackupRunQuery,
  BackupSettings,
  RestoreRequest,
} from "../../../contracts/backup.ts";
import { microsOf, parseCursor, timeOf, toPage } from "../../runtime/cursor.ts";
import type { Queryable } from "../../runtime/database.ts";
import {
  BackupNotConfiguredError,
  BackupNotFoundError,
  BackupRunConflictError,
  NoBackupError,
  WorkspaceBusyError,
} from "./errors.ts";
import { ACTIVE_TASKS, IS_USABLE, RUN_JSON, type RunRow } from "./run-record.ts";

interface NewRun {
  readonly runId: string;
  readonly workspaceId: string;
  readonly kind: BackupRunKind;
  readonly backupId: string | null;
  /** Null: its time had come. */
  readonly by: string | null;
}

/** Backups in the record, for those who ask for them; a worker does them (backup-worker.ts). */
export class BackupStore {
  readonly #database: Queryable;
  readonly #isConfigured: boolean;

  constructor(deps: { readonly pool: Queryable; readonly isConfigured: boolean }) {
    this.#database = deps.pool;
    this.#isConfigured = deps.isConfigured;
  }

  /** A backup that waits or runs already is the one that is meant. @throws BackupNotConfiguredError */
  async requestBackup(workspaceId: string, request: z.output<typeof BackupRequest>, by: string): Promise<BackupRun> {
    this.#requireConfigured();
    const runId = request.runId ?? randomUUID();
    return this.#insert({ runId, workspaceId, kind: "backup", backupId: null, by });
  }

  /** @throws BackupNotConfiguredError, BackupNotFoundError, NoBackupError, WorkspaceBusyError, BackupRunConflictError */
  async requestRestore(workspaceId: string, request: z.output<typeof RestoreRequest>, by: string): Promise<BackupRun> {
    return this.#requestOf("restore", workspaceId, request, by, async () => {
      const { rows } = await this.#database.query<{ active: number }>(ACTIVE_TASKS, [workspaceId]);
      const active = rows[0]?.active ?? 0;
      if (active > 0) throw new WorkspaceBusyError(workspaceId, active);
    });
  }

  /** @throws BackupNotConfiguredError, BackupNotFoundError, NoBackupError, BackupRunConflictError */
  async requestCheck(workspaceId: string, request: z.output<typeof RestoreRequest>, by: string): Promise<BackupRun> {
    return this.#requestOf("check", workspaceId, request, by, async () => undefined);
  }

  /** @throws BackupNotFoundError */
  async get(workspaceId: string, runId: string): Promise<BackupRun> {
    const run = await this.#find(workspaceId, runId);
    if (run === undefined) throw new BackupNotFoundError(runId);
    return run;
  }

  /** The newest first. @throws InvalidCursorError */
  async list(workspaceId: string, query: z.output<typeof BackupRunQuery>): Promise<z.output<typeof BackupRunPage>> {
    const before = query.cursor === undefined ? undefined : parseCursor(query.cursor);
    const { rows } = await this.#database.query<RunRow & { id: string; micros: string }>(
      `SELECT b.id, ${microsOf("b.requested_at")} AS micros, ${RUN_JSON} AS run FROM workspace_backups b
       WHERE b.workspace_id = $1 AND ($2::text IS NULL OR b.kind = $2)
         AND ($4::uuid IS NULL OR (b.requested_at, b.id) < (${timeOf(3)}, $4))
       ORDER BY b.requested_at DESC, b.id DESC LIMIT $5`,
      [workspaceId, query.kind ?? null, before?.micros ?? null, before?.id ?? null, query.limit + 1],
    );
    const page = toPage(rows, query.limit);
    return { items: page.rows.map(({ run }) => run), nextCursor: page.nextCursor };
  }

  async settings(workspaceId: string): Promise<BackupSettings> {
    const { rows } = await this.#database.query<BackupSettings>(
      "SELECT scheduled FROM workspace_backup_plans WHERE workspace_id = $1",
      [workspaceId],
    );
    return rows[0] ?? { scheduled: true };
  }

  async changeSettings(workspaceId: string, { scheduled }: BackupSettings): Promise<BackupSettings> {
    // Its times are found anew: those that passed meanwhile are not made up for.
    await this.#database.query(
      `INSERT INTO workspace_backup_plans (workspace_id, scheduled) VALUES ($1, $2)
       ON CONFLICT (workspace_id) DO UPDATE SET scheduled = excluded.scheduled, schedules = NULL
       WHERE workspace_backup_plans.scheduled <> excluded.scheduled`,
      [workspaceId, scheduled],
    );
    return { scheduled };
  }

  async #requestOf(
    kind: "restore" | "check",
    workspaceId: string,
    request: z.output<typeof RestoreRequest>,
    by: string,
    check: () => Promise<void>,
  ): Promise<BackupRun> {
    this.#requireConfigured();
    const runId = request.runId ?? randomUUID();
    const present = await this.#find(workspaceId, runId);
    if (present?.kind === kind) return present;
    const { rows } = await this.#database.query<{ id: string }>(
      `SELECT b.id FROM workspace_backups b WHERE b.workspace_id = $1 AND ($2::uuid IS NULL OR b.id = $2) AND ${IS_USABLE}
       ORDER BY b.finished_at DESC LIMIT 1`,
      [workspaceId, request.backupId ?? null],
    );
    const backupId = rows[0]?.id;
    if (backupId === undefined) {
      throw request.backupId === undefined ? new NoBackupError(workspaceId) : new BackupNotFoundError(request.backupId);
    }
    await check();
    return this.#insert({ runId, workspaceId, kind, backupId, by });
  }

  async #insert(run: NewRun): Promise<BackupRun> {
    await insertRun(this.#database, run);
    const { rows } = await this.#database.query<RunRow>(
      `SELECT ${RUN_JSON} AS run FROM workspace_backups b
       WHERE b.workspace_id = $1 AND (b.id = $2 OR (b.kind = $3 AND b.state IN ('pending', 'running')))
       ORDER BY b.id = $2 DESC LIMIT 1`,
      [run.workspaceId, run.runId, run.kind],
    );
    const present = rows[0]?.run;
    if (present === undefined) return this.#insert({ ...run, runId: randomUUID() }); // the one before it has just ended
    if (present.runId === run.runId ? present.kind === run.kind : run.kind === "backup") return present;
    throw new BackupRunConflictError(present.runId, present.kind);
  }

  async #find(workspaceId: string, runId: string): Promise<BackupRun | undefined> {
    const { rows } = await this.#database.query<RunRow>(
      `SELECT ${RUN_JSON} AS run FROM workspace_backups b WHERE b.workspace_id = $1 AND b.id = $2`,
      [workspaceId, runId],
    );
    return rows[0]?.run;
  }

  #requireConfigured(): void {
    if (!this.#isConfigured) throw new BackupNotConfiguredError();
  }
}

/** No-op where one of its kind waits or runs, and where the id is taken. */
export async function insertRun(database: Queryable, run: NewRun): Promise<void> {
  await database.query(
    `INSERT INTO workspace_backups (id, workspace_id, kind, requested_by, backup_id) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT DO NOTHING`,
    [run.runId, run.workspaceId, run.kind, run.by, run.backupId],
  );
}
