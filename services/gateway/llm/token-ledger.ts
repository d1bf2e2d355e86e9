import type { LlmTokens } from "../../../contracts/llm.ts";

export interface ReserveRequest {
  readonly callId: string;
  readonly taskId: string;
  readonly workspaceId: string;
  /** The name in the configuration. */
  readonly model: string;
  /** Estimated. */
  readonly promptTokens: number;
  /** The most that the answer may have. */
  readonly wantedOutput: number;
  /** Output without which a call is not worth making: less left is an exhausted budget. */
  readonly leastOutput: number;
  /** Output below which a call waits for what other calls of the same budget may give back. */
  readonly worthOutput: number;
}

export type Reservation =
  | { readonly decision: "granted"; readonly outputTokens: number }
  /** The task has ended, waits, or is being cancelled; or the token names another workspace. */
  | { readonly decision: "task_not_running" }
  | { readonly decision: "task_budget_exhausted"; readonly used: number; readonly budget: number }
  | {
      readonly decision: "workspace_budget_exhausted";
      readonly used: number;
      readonly budget: number;
      readonly resetsAt: string;
    }
  /** Enough is left, but calls under way have it. */
  | { readonly decision: "reserved" };

/** How a call ended, as it is recorded. */
export type CallOutcome = "completed" | "cut_off" | "client_left" | "refused" | "failed";

export interface Settlement {
  readonly callId: string;
  /** Who answered; null where nobody did. */
  readonly provider: string | null;
  readonly tokens: LlmTokens;
  /** Whether the provider did not say what it used. */
  readonly estimated: boolean;
  readonly attempts: number;
  readonly durationMs: number;
  readonly outcome: CallOutcome;
}

/**
 * The account of tokens. Calls of all gateways draw on it at once: reservations keep them together within the budgets of
 * task and workspace, as long as prompts have no more tokens than was estimated.
 */
export interface TokenLedger {
  /** Sets tokens aside. Rejects when it cannot be known whether there are any: no call is made then. */
  reserve(request: ReserveRequest): Promise<Reservation>;
  /** Records what was used and gives back the rest, now or, while the record is away, later. Never rejects. */
  settle(settlement: Settlement): void;
}
