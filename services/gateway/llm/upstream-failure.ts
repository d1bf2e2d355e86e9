export type FailureReason =
  | "connection"
  | "timeout"
  | "rate_limited"
  | "status"
  | "redirect"
  | "malformed"
  | "too_large"
  | "circuit_open"
  | "no_slot";

/** A provider gave no answer that could be passed on. Says nothing of what it sent: that may hold prompts, or its key. */
export class UpstreamFailure extends Error {
  readonly reason: FailureReason;
  readonly status: number | undefined;
  /** What the provider asked for; undefined where it asked for nothing. */
  readonly retryAfterMs: number | undefined;
  /** Whether the same provider may well answer the same request in a moment. */
  readonly isPassing: boolean;

  constructor(
    reason: FailureReason,
    details: {
      readonly status?: number;
      readonly retryAfterMs?: number | undefined;
      readonly isPassing?: boolean;
      readonly cause?: unknown;
    } = {},
  ) {
    super(details.status === undefined ? reason : `${reason} ${details.status}`, { cause: details.cause });
    this.reason = reason;
    this.status = details.status;
    this.retryAfterMs = details.retryAfterMs;
    this.isPassing = details.isPassing ?? true;
  }

  /** Whether it speaks against the provider as a whole, and not of this call, its rate or its model. */
  get isOutage(): boolean {
    return (
      this.reason === "connection" ||
      this.reason === "timeout" ||
      (this.reason === "status" && (this.status ?? 0) >= 500)
    );
  }

  /** For logs. */
  get fields(): Record<string, unknown> {
    const { cause } = this;
    const errorCode = cause instanceof Error && "code" in cause ? cause.code : undefined;
    return { reason: this.reason, status: this.status, errorCode };
  }
}

/** `Retry-After` in milliseconds from now: seconds or a date (RFC 9110, 10.2.3). Undefined where it is neither. */
export function retryAfterMs(header: string | string[] | undefined, nowMs = Date.now()): number | undefined {
  const text = Array.isArray(header) ? header[0] : header;
  if (text === undefined) return undefined;
  if (/^\d{1,9}(\.\d+)?$/.test(text)) return Number(text) * 1_000;
  const date = /^[A-Z][a-z]+,? /.test(text) ? Date.parse(text) : Number.NaN; // the parser takes `-1` for a year
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}
