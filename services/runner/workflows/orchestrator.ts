import { isTransient } from "../../runtime/database.ts";
import type { NotificationListener } from "../../runtime/listener.ts";
import { Leadership } from "../admission/leadership.ts";
import { advance } from "./advance.ts";
import type { AdvanceDeps } from "./submit-steps.ts";

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

const DUE = "SELECT id FROM workflow_executions WHERE due_at <= now() ORDER BY due_at LIMIT $1";
const ENDED = `
  SELECT DISTINCT s.execution_id AS id FROM workflow_steps s JOIN task_executions t ON t.id = s.task_id
  WHERE s.status = 'submitted' AND is_terminal(t.status) LIMIT $1`;

/**
 * Moves executions on: at once when one of their tasks ends, and by the clock what nobody has told of. Runs in every API
 * process, since a worker may make no tasks. One of them at a time listens and sweeps, which saves the others the work; that
 * nothing is done twice does not rest on it (advance.ts).
 */
export class Orchestrator {
  readonly #deps: OrchestratorDeps;
  readonly #leadership: Leadership;
  /** Waiting, in order; one that is named again while it is moved on waits again. */
  readonly #waiting = new Set<string>();
  readonly #running = new Map<string, Promise<void>>();
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
      if (this.#leads) this.kick(executionId);
    });
    this.#timer = setInterval(() => void (this.#tick ??= this.#look()), TICK_MS);
  }

  /** Has an execution moved on soon, whoever leads: it was begun or cancelled here. Returns at once. */
  kick(executionId: string): void {
    if (this.#isClosed) return;
    this.#waiting.add(executionId);
    this.#next();
  }

  /** Ends what it does at present; what waits is found by the next to lead. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#unsubscribe?.();
    this.#waiting.clear();
    await this.#tick;
    await Promise.all(this.#running.values());
    await this.#leadership.release(this.#deps.pool).catch(() => undefined); // it runs out by itself
  }

  async #look(): Promise<void> {
    const { pool, log } = this.#deps;
    try {
      this.#leads = await this.#leadership.acquire(pool);
      if (this.#leads) {
        const statements = this.#ticks++ % SWEEP_EVERY_TICKS === 0 ? [DUE, ENDED] : [DUE];
        for (const statement of statements) {
          const { rows } = await pool.query<{ id: string }>(statement, [BATCH]);
          for (const { id } of rows) this.kick(id);
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

  #next(): void {
    for (const executionId of this.#waiting) {
      if (this.#running.size >= AT_ONCE) return;
      if (this.#running.has(executionId)) continue;
      this.#waiting.delete(executionId);
      const run = this.#advance(executionId).finally(() => {
        this.#running.delete(executionId);
        this.#next();
      });
      this.#running.set(executionId, run);
    }
  }

  async #advance(executionId: string): Promise<void> {
    try {
      await advance(this.#deps, executionId);
    } catch (error) {
      // It is due still, or again soon: the record has what was done and what was not.
      const level = isTransient(error) ? "warn" : "error";
      this.#deps.log[level]({ event: "workflow_not_advanced", executionId, err: error }, "workflow is tried again");
    }
  }
}
