import { pino, type Logger } from "pino";

export type { Logger } from "pino";

/** What agents say and what opens doors never reaches a log, wherever in an entry it stands at most two levels deep. */
const SECRET_KEYS = [
  "prompt",
  "systemPrompt",
  "credentials",
  "password",
  "secret",
  "token",
  "authorization",
  "cookie",
  "apiKey",
  "taskTokenKey",
  "databaseUrl",
  "connectionString",
];
const REDACTED_PATHS = SECRET_KEYS.flatMap((key) => [key, `*.${key}`, `*.*.${key}`]);

export interface LoggerOptions {
  /** The program that writes, as every line names it. */
  readonly service: string;
  /** @default "info" */
  readonly level?: string;
}

/**
 * One JSON line per unit of work on stdout: ids first, `event` as a stable name, a constant lower-case message without
 * data in it.
 *
 * @example log.info({ event: "task_started", taskId, workspaceId }, "task started");
 */
export function createLogger(options: LoggerOptions): Logger {
  return pino({
    base: { service: options.service, pid: process.pid },
    level: options.level ?? "info",
    redact: { paths: REDACTED_PATHS, censor: "[redacted]" },
    // pino's own serializer prints `cause` inside the message; a driver's error may hold parameters there.
    serializers: { err: describeError, error: describeError },
    timestamp: pino.stdTimeFunctions.isoTime,
  });
}

interface LoggedError {
  readonly type: string;
  readonly message: string;
  readonly code?: unknown;
  readonly stack: string | undefined;
  readonly cause?: LoggedError;
}

function describeError(thrown: unknown): LoggedError {
  if (!(thrown instanceof Error)) return { type: typeof thrown, message: String(thrown), stack: undefined };
  return {
    type: thrown.name,
    message: thrown.message,
    ...("code" in thrown ? { code: thrown.code } : {}),
    stack: thrown.stack,
    ...(thrown.cause === undefined ? {} : { cause: describeError(thrown.cause) }),
  };
}
