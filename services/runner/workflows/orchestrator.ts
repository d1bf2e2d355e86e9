import { isTransient, prepared } from "../../runtime/database.ts";
import type { NotificationListener } from "../../runtime/listener.ts";
import { Leadership } from "../admission/leadership.ts";
import { advance } from "./advance.ts";
import { Rests } from "./rests.ts";
import type { AdvanceDeps } from "./submit-steps.ts";
import { Turns, type Turn } from "./turns.ts";

export interface OrchestratorDeps extends AdvanceDeps {
  /** Started by its owner. */
  readonly listener: NotificationListener;
  /** Names this process among those that could do it. */
  readonly holder: string;
}

const TICK_MS = 1_000;
const LEADERSHIP_SECONDS = 5;
/** What notifications have not told of is found so often. */
const SWEEP_EVERY_TICKS = 5;
const BATCH = 200;
/** Executions that are moved on at once: each holds a connection while it submits over others of the same pool. */
const AT_ONCE = 4;

/** A few of each workspace before more of any. */
const inTurns = (found: string): string => `
  SELECT id AS "executionId", workspace_id AS "workspaceId" FROM (
    SELECT id, workspace_id, due_at, row_number() OVER (PARTITION BY workspace_id ORDER BY due_at, id) AS place
    FROM workflow_executions WHERE ${found} AND id <> ALL ($2::uuid[])
  ) found ORDER BY place, due_at LIMIT $1`;
const DUE = inTurns("due_at <= now()");
const ENDED = inTurns(`id IN (
  SELECT s.execution_id FROM workflow_steps s JOIN task_executions t ON t.id = s.task_id
  WHERE s.status = 'submitted' AND is_terminal(t.status) AND t.workspace_id = workflow_executions.workspace_id)`);
const TOLD = `
  SELECT id AS "executionId", workspace_id AS "workspaceId" FROM workflow_executions
  WHERE id = ANY ($1::uuid[]) AND status = 'running'`;

/**
 * Moves executions on: at once when one of their tasks ends, and by the clock what nobody has told of. Runs in every API
 * process, since a worker may make no tasks. One of them at a time listens and sweeps, which saves the others the work; that
 * nothing is done twice does not rest on it (advance.ts).
 */
export class Orchestrator {
  readonly #deps: OrchestratorDeps;
  readonly #leadership: Leadership;
  readonly #turns = new Turns(AT_ONCE);
  readonly #rests = new Rests();
  readonly #running = new Set<Promise<void>>();
  /** By notifications, which name no workspace. */
  readonly #told = new Set<string>();
  #reading: Promise<void> | undefined;
  #unsubscribe: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #tick: Promise<void> | undefined;
  #ticks = 0;
  #leads = false;
  #isClosed = false;

  constructor(deps: OrchestratorDeps) {
    this.#deps = deps;
    this.#leadership = new Leadership({ role: "workflows", holder: deps.holder, seconds: LEADERSHIP_SECONDS });
  }

  start(): void {
    this.#unsubscribe = this.#deps.listener.subscribe("automatos_workflows", (executionId) => {
      if (!this.#leads) return;
      this.#told.add(executionId);
      this.#reading ??= this.#readTold();
    });
    this.#timer = setInterval(() => void (this.#tick ??= this.#look()), TICK_MS);
  }

  /** Has an execution moved on soon, whoever leads: it was begun or cancelled here. Returns at once. */
  kick(turn: Turn): void {
    this.#rests.forget(turn.executionId);
    this.#add(turn);
  }

  /** Ends what it does at present; what waits is found by the next to lead. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#unsubscribe?.();
    this.#turns.clear();
    await Promise.all([this.#tick, this.#reading]);
    await Promise.all(this.#running);
    await this.#leadership.release(this.#deps.pool).catch(() => undefined); // it runs out by itself
  }

  async #look(): Promise<void> {
    const { pool, log } = this.#deps;
    try {
      this.#leads = await this.#leadership.acquire(pool);
      if (this.#leads) {
        const statements = this.#ticks++ % SWEEP_EVERY_TICKS === 0 ? [DUE, ENDED] : [DUE];
        for (const statement of statements) {
          const { rows } = await pool.query<Turn>(statement, [BATCH, this.#rests.all()]);
          for (const turn of rows) this.#add(turn);
        }
      }
    } catch (error) {
      this.#leads = false;
      const level = isTransient(error) ? "warn" : "error";
      log[level]({ event: "workflows_not_read", err: error }, "workflows are looked at again in a moment");
    }
    // In the same turn as the end, so that the next tick finds none running.
    this.#tick = undefined;
  }

  /** Those of a moment together: a graph that moves on tells much at once. */
  async #readTold(): Promise<void> {
    const { pool, log } = this.#deps;
    while (this.#told.size > 0 && !this.#isClosed) {
      const ids = [...this.#told];
      this.#told.clear();
      try {
        const { rows } = await pool.query<Turn>(prepared(TOLD, [ids]));
        for (const turn of rows) this.#add(turn);
      } catch (error) {
        log.warn({ event: "workflows_not_read", err: error }, "what was told is found by the clock");
      }
    }
    this.#reading = undefined;
  }

  #add(turn: Turn): void {
    if (this.#isClosed || this.#rests.has(turn.executionId)) return;
    this.#turns.add(turn);
    this.#next();
  }

  #next(): void {
    for (let turn = this.#turns.take(); turn !== undefined; turn = this.#turns.take()) {
      const { executionId } = turn;
      const run = this.#advance(executionId).finally(() => {
        this.#turns.done(executionId);
        this.#running.delete(run);
        this.#next();
      });
      this.#running.add(run);
    }
  }

  async #advance(executionId: string): Promise<void> {
    try {
      await advance(this.#deps, executionId);
      this.#rests.forget(executionId);
    } catch (error) {
      // It is due still, or again soon: the record has what was done and what was not.
      const isPassing = isTransient(error);
      const restMs = this.#rests.threw(executionId, isPassing ? "passing" : "lasting");
      const fields = { event: "workflow_not_advanced", executionId, restMs, err: error };
      this.#deps.log[isPassing ? "warn" : "error"](fields, "workflow is tried again");
    }
  }
}
