/** When a call that failed is made again: pure rules, without a clock. */

/** How a call failed. */
export type Failure =
  /** Turned away before anything was done (HTTP 429, Cloudflare's 1015): every call may be made again. */
  | { readonly kind: "turned-away"; readonly retryAfterSeconds: number | undefined }
  /** No answer, or the server failed: the effect may be there. */
  | { readonly kind: "unknown"; readonly why: string };

export interface RetryPolicy {
  /** Tries in all, the first one included. */
  readonly tries: number;
  /** Bound of the first wait where the server names none; it doubles with each try. */
  readonly baseMs: number;
  readonly capMs: number;
  /** A server that asks for more is not waited for: the user is told instead. */
  readonly maxRetryAfterSeconds: number;
}

export const RETRY_POLICY: RetryPolicy = { tries: 7, baseMs: 500, capMs: 30_000, maxRetryAfterSeconds: 120 };

/**
 * Milliseconds to wait before the next try; undefined: there is none.
 *
 * @param tried How many tries there have been.
 * @param repeatable Whether the call may be made twice without harm.
 * @param random From 0 to below 1.
 */
export function delayBeforeRetry(
  failure: Failure,
  tried: number,
  repeatable: boolean,
  random: number,
  policy: RetryPolicy = RETRY_POLICY,
): number | undefined {
  if (tried >= policy.tries) return undefined;
  const backoff = Math.min(policy.capMs, policy.baseMs * 2 ** (tried - 1));
  if (failure.kind === "unknown") return repeatable ? backoff * random : undefined;
  const asked = failure.retryAfterSeconds;
  if (asked === undefined) return backoff * (0.5 + random / 2);
  // never before the time that was asked for, and not all waiters in the same moment
  return asked > policy.maxRetryAfterSeconds ? undefined : asked * 1_000 + policy.baseMs * random;
}

/** `Retry-After` in seconds: a number, or a date (RFC 9110, section 10.2.3). Undefined where it is neither. */
export function parseRetryAfter(header: string | null, nowMs: number): number | undefined {
  if (header === null) return undefined;
  if (/^\s*\d+\s*$/.test(header)) return Number(header);
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, (at - nowMs) / 1_000);
}

/** Cloudflare's page for a client that was blocked for its rate. Source: Cloudflare's list of 1xxx errors. */
export function isCloudflareRateLimit(status: number, body: string): boolean {
  return (status === 429 || status === 403 || status === 503) && /\berror(?: code)?:?\s*1015\b/i.test(body);
}
