/**
 * An error of Railway's API, or of what was asked of it. `message` states the fact and ends with the next step, as the
 * engine shows nothing else; no secret is ever part of it.
 */
export class RailwayError extends Error {
  readonly code: RailwayErrorCode;
  readonly remedy: string;

  constructor(code: RailwayErrorCode, fact: string, remedy: string) {
    super(`${fact} (${code}). ${remedy}`);
    this.name = new.target.name;
    this.code = code;
    this.remedy = remedy;
  }
}

export type RailwayErrorCode =
  | "RAILWAY_AMBIGUOUS"
  | "RAILWAY_ANSWER_UNKNOWN"
  | "RAILWAY_DEPLOY_FAILED"
  | "RAILWAY_LIMIT_REACHED"
  | "RAILWAY_NAME_TAKEN"
  | "RAILWAY_NOT_FOUND"
  | "RAILWAY_OUTCOME_UNKNOWN"
  | "RAILWAY_PROTECTED"
  | "RAILWAY_RATE_LIMITED"
  | "RAILWAY_REFUSED"
  | "RAILWAY_TIMED_OUT"
  | "RAILWAY_TOKEN_MISSING"
  | "RAILWAY_UNAUTHORIZED";

/** What an operation was asked for is not there, or is not shown to this token. */
export class RailwayNotFoundError extends RailwayError {
  constructor(operation: string, said: string) {
    super(
      "RAILWAY_NOT_FOUND",
      `Railway knows no such thing (${operation}: ${said})`,
      "Run `pulumi refresh` if it was deleted by hand; otherwise check the id, and that the token's workspace owns it.",
    );
  }
}

export class RailwayNameTakenError extends RailwayError {
  constructor(operation: string, said: string) {
    super(
      "RAILWAY_NAME_TAKEN",
      `Railway refused a name that is taken (${operation}: ${said})`,
      "Choose another name, or take the existing one over with importId.",
    );
  }
}

/** The call may or may not have had its effect: the connection was lost, or the server failed. */
export class RailwayOutcomeUnknownError extends RailwayError {
  constructor(operation: string, why: string, tries: number) {
    super(
      "RAILWAY_OUTCOME_UNKNOWN",
      `no answer of Railway's API to ${operation} after ${tries} ${tries === 1 ? "try" : "tries"} (${why})`,
      "Run the same command again: what was made already is found by its name and not made twice.",
    );
  }
}

interface Said {
  readonly message: string;
  readonly code: string | undefined;
}

const NOT_AUTHORIZED = /not authorized|unauthorized|not authenticated|project token not found|two factor/i;
const NOT_FOUND = /not found|does not exist/i;
const TAKEN = /already exists|already in use|already taken|must be unique|not available/i;
const LIMIT = /limit|quota|exceed|upgrade|maximum|not allowed on .* plan/i;

/**
 * The error for what GraphQL's answer says. Railway documents no codes, so its words decide as well.
 *
 * @param confidential Whether the words may repeat secrets that were sent: they are not shown then.
 */
export function errorOfAnswer(operation: string, said: Said, confidential: boolean): RailwayError {
  const shown = confidential ? "its words may hold what was sent, and are not shown" : oneLine(said.message);
  const text = `${said.code ?? ""} ${said.message}`;
  if (NOT_AUTHORIZED.test(text)) return unauthorized(operation, shown);
  if (NOT_FOUND.test(text)) return new RailwayNotFoundError(operation, shown);
  if (TAKEN.test(text)) return new RailwayNameTakenError(operation, shown);
  if (LIMIT.test(text)) {
    return new RailwayError(
      "RAILWAY_LIMIT_REACHED",
      `a limit of the Railway plan is reached (${operation}: ${shown})`,
      "Free some of it, ask for less, or move the Railway workspace to a larger plan.",
    );
  }
  return new RailwayError(
    "RAILWAY_REFUSED",
    `Railway refused ${operation} (${shown})`,
    "Correct the resource's arguments; components/pilot/railway/README.md says what Railway takes.",
  );
}

export function unauthorized(operation: string, said: string): RailwayError {
  return new RailwayError(
    "RAILWAY_UNAUTHORIZED",
    `Railway does not let this token do it (${operation}: ${said})`,
    "Make a workspace token in Railway's settings and set it with `npm run pulumi -- config set --secret automatos:railwayToken`.",
  );
}

/** Words of a server as part of one line of ours. */
export function oneLine(text: string): string {
  const MAX = 300;
  // control characters of a foreign server do not reach the terminal
  const line = text.replaceAll(/[\s\u0000-\u001f\u007f]+/g, " ").trim();
  return line.length > MAX ? `${line.slice(0, MAX)}...` : line;
}
