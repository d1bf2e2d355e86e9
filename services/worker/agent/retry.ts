import { setTimeout as delay } from "node:timers/promises";
import type { PlatformError } from "../../../contracts/errors.ts";
import { CallFailure } from "./call-failure.ts";

export interface RetryRules {
  /** How often a thing is tried in all. */
  readonly attempts: number;
  /** Waited before the second try; it doubles each time, with up to half of it more. */
  readonly firstWaitMs: number;
  /** The longest that is waited, and the longest that the other side may ask for. */
  readonly maxWaitMs: number;
}

/** Behind the gateway, which tries other providers by itself: what is left are minutes of trouble, not hours. */
export const DEFAULT_RETRY: RetryRules = { attempts: 6, firstWaitMs: 1_000, maxWaitMs: 60_000 };

export interface RetryOptions {
  readonly rules: RetryRules;
  readonly signal: AbortSignal;
  readonly tokensUsed: number;
  readonly onRetry: (error: PlatformError, waitMs: number) => void;
}

/**
 * Tries until it works. Only failures that pass are tried again; the other side's Retry-After is kept to.
 *
 * @throws CallFailure that says after how many tries; the signal's reason when it fires
 */
export async function withRetries<T>(
  attempt: () => Promise<T>,
  { rules, signal, tokensUsed, onRetry }: RetryOptions,
): Promise<T> {
  for (let attempts = 1; ; attempts++) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof CallFailure)) throw error;
      const explained = error.explain(attempts, tokensUsed);
      const backoffMs = Math.min(rules.maxWaitMs, rules.firstWaitMs * 2 ** (attempts - 1)) * (1 + Math.random() / 2);
      const waitMs =
        error.retryAfterSeconds === undefined
          ? backoffMs
          : Math.max(rules.firstWaitMs, error.retryAfterSeconds * 1_000);
      const isOver = error.kind !== "transient" || attempts >= rules.attempts;
      if (isOver || (error.retryAfterSeconds ?? 0) * 1_000 > rules.maxWaitMs) {
        throw new CallFailure(error.kind, () => explained, error.retryAfterSeconds);
      }
      onRetry(explained, Math.round(waitMs));
      await delay(waitMs, undefined, { signal });
    }
  }
}
