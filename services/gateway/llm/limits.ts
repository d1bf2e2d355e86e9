/** Bounds of the gateway's LLM half; those of a provider are in its configuration. */
export interface LlmLimits {
  /** Calls that one task may have under way at this gateway. @default 8 */
  readonly maxCallsPerTask: number;
  /** @default 8 MiB */
  readonly maxRequestBytes: number;
  /** Bodies of requests held at once, of all tasks. @default 256 MiB */
  readonly maxBufferedBytes: number;
  /** @default 32 MiB */
  readonly maxAnswerBytes: number;
  /** Of one event of a stream. @default 1 MiB */
  readonly maxEventBytes: number;
  /** For a request's body to arrive. @default 60000 */
  readonly requestTimeoutMs: number;
  /** @default 5000 */
  readonly connectTimeoutMs: number;
  /** Until an answer begins, which for one in a single piece is its end. @default 240000 */
  readonly firstByteTimeoutMs: number;
  /** Between two pieces of an answer. @default 60000 */
  readonly idleTimeoutMs: number;
  /** Calls of one target in a row before the next one. @default 3 */
  readonly attemptsPerTarget: number;
  /** After this time since its beginning a call is not tried again. @default 60000 */
  readonly retryWithinMs: number;
  /** A provider that asks for a longer wait than this is not waited for. @default 20000 */
  readonly maxRetryAfterMs: number;
  /** The wait before the second attempt, doubled before each that follows, and halved to whole by chance. @default 500 */
  readonly firstBackoffMs: number;
  /** For a slot of a provider. @default 30000 */
  readonly slotWaitMs: number;
  /** Failures in a row after which a provider is skipped. @default 5 */
  readonly circuitFailures: number;
  /** For how long. @default 30000 */
  readonly circuitRestMs: number;
}

const MIB = 1024 ** 2;

export const DEFAULT_LLM_LIMITS: LlmLimits = {
  maxCallsPerTask: 8,
  maxRequestBytes: 8 * MIB,
  maxBufferedBytes: 256 * MIB,
  maxAnswerBytes: 32 * MIB,
  maxEventBytes: MIB,
  requestTimeoutMs: 60_000,
  connectTimeoutMs: 5_000,
  firstByteTimeoutMs: 240_000,
  idleTimeoutMs: 60_000,
  attemptsPerTarget: 3,
  retryWithinMs: 60_000,
  maxRetryAfterMs: 20_000,
  firstBackoffMs: 500,
  slotWaitMs: 30_000,
  circuitFailures: 5,
  circuitRestMs: 30_000,
};
