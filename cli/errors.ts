import type { Problem } from "../contracts/http-api.ts";
import { EXIT } from "./exit-codes.ts";

/** An error that is shown as a message and a remedy, and decides the exit status. */
export class CliError extends Error {
  readonly remedy: string;
  readonly exitCode: number;
  /** More lines that belong between message and remedy. */
  readonly details: readonly string[];

  constructor(
    message: string,
    options: { remedy: string; exitCode: number; details?: readonly string[]; cause?: unknown },
  ) {
    super(message, { cause: options.cause });
    this.name = new.target.name;
    this.remedy = options.remedy;
    this.exitCode = options.exitCode;
    this.details = options.details ?? [];
  }

  /** For `--json`. */
  toJSON(): unknown {
    return { error: { message: this.message, remedy: this.remedy, details: this.details } };
  }
}

export class UsageError extends CliError {
  constructor(message: string, remedy: string, details: readonly string[] = []) {
    super(message, { remedy, exitCode: EXIT.usage, details });
  }
}

export class ApiUnreachableError extends CliError {
  constructor(apiUrl: string, cause: unknown) {
    super(`the API at ${apiUrl} cannot be reached: ${reasonOf(cause)}`, {
      remedy: "Start it with `npm start`, or name another one with AUTOMATOS_API_URL or --api-url.",
      exitCode: EXIT.unreachable,
      cause,
    });
  }
}

export class UnexpectedAnswerError extends CliError {
  constructor(what: string, cause?: unknown) {
    super(`the API's answer to ${what} is not one that this version understands`, {
      remedy: "Compare `automatos version`: the command line and the API should be of the same version.",
      exitCode: EXIT.failed,
      cause,
    });
  }
}

/** The API said no, and why. */
export class ApiRefusalError extends CliError {
  readonly problem: Problem;
  readonly retryAfterSeconds: number | undefined;

  constructor(problem: Problem, retryAfterSeconds?: number) {
    const details = (problem.issues ?? []).map((issue) => `${issue.in}${issue.path}: ${issue.message}`);
    super(details.length > 1 ? problem.title.toLowerCase() : problem.detail, {
      remedy: problem.remedy,
      exitCode: EXIT.refused,
      details: details.length > 1 ? details : [],
    });
    this.problem = problem;
    this.retryAfterSeconds = retryAfterSeconds;
  }

  override toJSON(): unknown {
    return { error: this.problem };
  }
}

function reasonOf(cause: unknown): string {
  // fetch says "fetch failed" and keeps the reason one level below, of several addresses even two.
  let error: unknown = cause;
  while (error instanceof Error && error.cause !== undefined) error = error.cause;
  if (error instanceof AggregateError) error = error.errors[0];
  if (!(error instanceof Error)) return String(error);
  return error.message === "" ? ((error as NodeJS.ErrnoException).code ?? error.name) : error.message;
}
