import type { QueryResultRow } from "pg";
import { WorkspaceNotFoundError, WorkspaceNotOpenError } from "../../../contracts/errors.ts";
import type { MoveState, MovingWorkspace, TableSum, WorkspaceState } from "../../../contracts/workspace-move.ts";
import { withTransaction, type Pool } from "../../runtime/database.ts";
import { MoveRefusedError, SchemaMismatchError, WorkspaceBusyError } from "./errors.ts";

interface StateRow {
  readonly state: WorkspaceState;
  readonly moveId: string | null;
  readonly peer: string | null;
  readonly runningTasks: number;
  readonly queuedTasks: number;
  readonly runningExecutions: number;
  readonly runningBackups: number;
  readonly done: boolean;
  readonly credentials: string[];
  readonly schema: string;
}

/** To sum or to remove a long history takes its time. */
const PATIENT_MS = 600_000;

/**
 * Where workspaces stand in a move. Each step may be taken again, by whoever goes on after a crash. At no time are both
 * sides open: the new home opens when the old one says `moved`, which whoever carries the workspace has to see to.
 */
export class MoveStore {
  readonly #pool: Pool;

  constructor(deps: { readonly pool: Pool }) {
    this.#pool = deps.pool;
  }

  /** @throws WorkspaceNotFoundError */
  async state(workspaceId: string): Promise<MoveState> {
    const { rows } = await this.#pool.query<StateRow>(
      `SELECT w.state, w.move_id AS "moveId", w.move_peer AS peer, live.running AS "runningTasks",
         live.queued AS "queuedTasks", live.executions AS "runningExecutions", live.backups AS "runningBackups",
         w.state = 'moved' AND w.move_done AS done,
         (SELECT coalesce(array_agg(name ORDER BY name), '{}') FROM credentials WHERE workspace_id = w.id) AS credentials,
         (SELECT max(name) FROM migrations) AS schema
       FROM workspaces w CROSS JOIN LATERAL count_live_work(w.id) live WHERE w.id = $1`,
      [workspaceId],
    );
    const [row] = rows;
    if (row === undefined) throw new WorkspaceNotFoundError(workspaceId);
    return { workspaceId, ...row };
  }

  /** @throws WorkspaceNotOpenError, WorkspaceNotFoundError */
  async requireOpen(workspaceId: string): Promise<void> {
    const { rows } = await this.#pool.query<{ state: WorkspaceState; peer: string | null }>(
      "SELECT state, move_peer AS peer FROM workspaces WHERE id = $1",
      [workspaceId],
    );
    const [row] = rows;
    if (row === undefined) throw new WorkspaceNotFoundError(workspaceId);
    if (row.state !== "open") throw new WorkspaceNotOpenError(workspaceId, row.state, row.peer);
  }

  /** Submits and changes are refused from now on. @throws WorkspaceNotFoundError, MoveRefusedError */
  async leave(workspaceId: string, moveId: string, to: string): Promise<MoveState> {
    return this.#step("leave", workspaceId, moveId, { peer: to });
  }

  /** It lives elsewhere from now on. @throws WorkspaceBusyError while something is under way; MoveRefusedError */
  async settle(workspaceId: string, moveId: string): Promise<MoveState> {
    await this.requireIdle(workspaceId);
    return this.#step("settle", workspaceId, moveId);
  }

  /** It is known to be open there. @throws MoveRefusedError */
  async finish(workspaceId: string, moveId: string): Promise<MoveState> {
    return this.#step("finish", workspaceId, moveId);
  }

  /**
   * Ends a move on the side that was left. The other side must have discarded it before.
   *
   * @throws MoveRefusedError, also once it is known to be open there
   */
  async reopen(workspaceId: string, moveId: string): Promise<MoveState> {
    return this.#step("reopen", workspaceId, moveId);
  }

  /** Makes room: what an earlier try brought, or was here before the workspace moved away, goes. */
  async arrive(
    workspaceId: string,
    moveId: string,
    arrival: { readonly from: string; readonly schema: string; readonly workspace: MovingWorkspace },
  ): Promise<MoveState> {
    const { name, plan, egressRules, toolPolicy, createdAt } = arrival.workspace;
    const here = await this.#schema();
    if (here !== arrival.schema) throw new SchemaMismatchError(here, arrival.schema);
    return this.#step("arrive", workspaceId, moveId, {
      peer: arrival.from,
      contents: { name, plan, egress_rules: egressRules, tool_policy: toolPolicy, created_at: createdAt },
    });
  }

  /** Its record is complete. @throws MoveRefusedError */
  async loaded(workspaceId: string, moveId: string): Promise<void> {
    await this.#step("loaded", workspaceId, moveId);
  }

  /** @throws MoveRefusedError while its record is not complete */
  async open(workspaceId: string, moveId: string): Promise<MoveState> {
    return this.#step("open", workspaceId, moveId);
  }

  /**
   * Forgets what has arrived, and lets nothing arrive by this move any more. Resolves to whether there was something.
   *
   * @throws MoveRefusedError when it is open already
   */
  async discard(workspaceId: string, moveId: string): Promise<boolean> {
    if ((await this.#take("discard", workspaceId, moveId)) === null) {
      throw new MoveRefusedError("discard", await this.state(workspaceId));
    }
    const { rows } = await this.#pool.query<{ had: boolean }>("SELECT had FROM discarded_moves WHERE move_id = $1", [
      moveId,
    ]);
    return rows[0]?.had ?? false;
  }

  /** Whether it is arriving by this move: its files can be removed. */
  async isArriving(workspaceId: string, moveId: string): Promise<boolean> {
    const { rowCount } = await this.#pool.query(
      "SELECT FROM workspaces WHERE id = $1 AND state = 'arriving' AND move_id = $2",
      [workspaceId, moveId],
    );
    return rowCount === 1;
  }

  /** Its record and files may be read as a whole. @throws MoveRefusedError, WorkspaceBusyError */
  async requireLeaving(workspaceId: string): Promise<void> {
    const state = await this.requireIdle(workspaceId);
    if (state.state !== "leaving" && state.state !== "moved") throw new MoveRefusedError("be read as a whole", state);
  }

  /** @throws MoveRefusedError */
  async requireArriving(workspaceId: string, moveId: string): Promise<void> {
    const state = await this.state(workspaceId);
    if (state.state !== "arriving" || state.moveId !== moveId)
      throw new MoveRefusedError("be written as a whole", state);
  }

  /** @throws WorkspaceBusyError */
  async requireIdle(workspaceId: string): Promise<MoveState> {
    const state = await this.state(workspaceId);
    const { runningTasks, queuedTasks, runningExecutions, runningBackups } = state;
    if (runningTasks + queuedTasks + runningExecutions + runningBackups > 0) throw new WorkspaceBusyError(state);
    return state;
  }

  /** What both sides compare. @throws WorkspaceNotFoundError */
  async sums(workspaceId: string): Promise<TableSum[]> {
    await this.state(workspaceId);
    const rows = await this.#patiently<{ name: string; row_count: string; checksum: string }>(
      "SELECT name, row_count, checksum FROM sum_workspace_rows($1)",
      [workspaceId],
    );
    return rows.map((row) => ({ table: row.name, rows: Number(row.row_count), checksum: row.checksum }));
  }

  async #step(
    step: string,
    workspaceId: string,
    moveId: string,
    options: { readonly peer?: string; readonly contents?: unknown } = {},
  ): Promise<MoveState> {
    const taken = await this.#take(step, workspaceId, moveId, options);
    const state = await this.state(workspaceId);
    if (taken === null) throw new MoveRefusedError(step, state);
    return state;
  }

  async #take(
    step: string,
    workspaceId: string,
    moveId: string,
    { peer, contents }: { readonly peer?: string; readonly contents?: unknown } = {},
  ): Promise<WorkspaceState | null> {
    const rows = await this.#patiently<{ state: WorkspaceState | null }>(
      "SELECT step_workspace_move($1, $2, $3, $4, $5) AS state",
      [workspaceId, moveId, step, peer ?? null, contents === undefined ? null : JSON.stringify(contents)],
    );
    return rows[0]?.state ?? null;
  }

  /** One statement with more time than others have. */
  async #patiently<Row extends QueryResultRow>(statement: string, values: unknown[]): Promise<Row[]> {
    return withTransaction(this.#pool, async (client) => {
      await client.query(`SET LOCAL statement_timeout = ${PATIENT_MS}`);
      return (await client.query<Row>(statement, values)).rows;
    });
  }

  async #schema(): Promise<string> {
    const { rows } = await this.#pool.query<{ name: string }>("SELECT max(name) AS name FROM migrations");
    return rows[0]?.name ?? "";
  }
}
