import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { PlanLimits, PlanTier } from "../../../contracts/plan.ts";
import { isTransient, type Pool } from "../../runtime/database.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { Reservation, ReserveRequest, Settlement, TokenLedger } from "./token-ledger.ts";

interface ReserveRow {
  readonly decision: Reservation["decision"];
  readonly output_tokens: string | null;
  readonly budget: string | null;
  readonly used_tokens: string | null;
  readonly resets_at: Date | null;
}

const HEARTBEAT_MS = 5_000;
const LOST_AFTER_SECONDS = 20;
const FIRST_RETRY_MS = 200;
const LAST_RETRY_MS = 5_000;

/** The account in the record, by the functions of migration 0009: the gateway's role can do nothing else to it. */
export class PostgresTokenLedger implements TokenLedger {
  readonly #pool: Pool;
  readonly #planLimits: string;
  readonly #log: Logger;
  readonly #gatewayId: string;
  readonly #lostAfterSeconds: number;
  readonly #settling = new Set<Promise<void>>();
  readonly #closing = new AbortController();
  #heartbeat: NodeJS.Timeout | undefined;

  constructor(deps: {
    readonly pool: Pool;
    readonly planLimits: Readonly<Record<PlanTier, PlanLimits>>;
    readonly log: Logger;
    /** Names this gateway among all. @default a new one */
    readonly gatewayId?: string;
    /** A gateway silent for so long has lost its reservations. @default 20 */
    readonly lostAfterSeconds?: number;
  }) {
    this.#pool = deps.pool;
    this.#planLimits = JSON.stringify(deps.planLimits);
    this.#log = deps.log;
    this.#gatewayId = deps.gatewayId ?? randomUUID();
    this.#lostAfterSeconds = deps.lostAfterSeconds ?? LOST_AFTER_SECONDS;
  }

  /** Keeps this gateway's reservations, and gives back those of gateways that died. */
  start(): void {
    this.#heartbeat = setInterval(() => void this.beat(), HEARTBEAT_MS);
    void this.beat();
  }

  /** One heartbeat. Never rejects: the next one follows. Resolves to the number of lost calls that were closed. */
  async beat(): Promise<number> {
    try {
      const { rows } = await this.#pool.query<{ closed: number }>("SELECT llm_heartbeat($1, $2) AS closed", [
        this.#gatewayId,
        this.#lostAfterSeconds,
      ]);
      const closed = rows[0]?.closed ?? 0;
      if (closed > 0) this.#log.warn({ event: "llm_calls_lost", calls: closed }, "calls of lost gateways were closed");
      return closed;
    } catch (error) {
      this.#log.warn({ event: "llm_heartbeat_failed", err: error }, "heartbeat failed");
      return 0;
    }
  }

  async reserve(request: ReserveRequest): Promise<Reservation> {
    const { callId, taskId, workspaceId, model, promptTokens, wantedOutput, leastOutput, worthOutput } = request;
    const { rows } = await this.#pool.query<ReserveRow>(
      "SELECT * FROM llm_reserve($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
      [
        ...[callId, this.#gatewayId, taskId, workspaceId, model],
        ...[promptTokens, wantedOutput, leastOutput, worthOutput, this.#planLimits],
      ],
    );
    const [row] = rows;
    if (row === undefined) throw new Error("the reservation has no answer"); // cannot be: the function has one row
    const [used, budget] = [Number(row.used_tokens), Number(row.budget)];
    switch (row.decision) {
      case "granted":
        return { decision: "granted", outputTokens: Number(row.output_tokens) };
      case "task_budget_exhausted":
        return { decision: row.decision, used, budget };
      case "workspace_budget_exhausted":
        return { decision: row.decision, used, budget, resetsAt: row.resets_at?.toISOString() ?? "" };
      default:
        return { decision: row.decision };
    }
  }

  settle(settlement: Settlement): void {
    const done = this.#settle(settlement).finally(() => this.#settling.delete(done));
    this.#settling.add(done);
  }

  async #settle({ callId, provider, tokens, estimated, attempts, durationMs, outcome }: Settlement): Promise<void> {
    for (let waitMs = FIRST_RETRY_MS; ; waitMs = Math.min(waitMs * 2, LAST_RETRY_MS)) {
      try {
        await this.#pool.query("SELECT llm_settle($1, $2, $3, $4, $5, $6, $7, $8)", [
          ...[callId, provider, tokens.prompt, tokens.completion, estimated, attempts, durationMs, outcome],
        ]);
        return;
      } catch (error) {
        if (!isTransient(error) || this.#closing.signal.aborted) {
          // The reservation stays until this gateway counts as lost; then the prompt's estimate is what is charged.
          this.#log.error({ event: "llm_settle_failed", callId, err: error }, "tokens of a call were not recorded");
          return;
        }
        this.#log.warn({ event: "llm_settle_delayed", callId, err: error }, "tokens are recorded later");
        await delay(waitMs, undefined, { signal: this.#closing.signal }).catch(() => undefined);
      }
    }
  }

  /** Resolves when every settlement is recorded, for which the record gets one more chance where it is away. */
  async close(): Promise<void> {
    clearInterval(this.#heartbeat);
    this.#closing.abort();
    await Promise.all(this.#settling);
  }
}
