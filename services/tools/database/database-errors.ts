import { PlatformError } from "../../../contracts/errors.ts";

export class DatabaseNotFoundError extends PlatformError {
  constructor(name: string, known: readonly string[]) {
    super("DATABASE_NOT_FOUND", `the workspace has no database ${JSON.stringify(name)}`, {
      remedy:
        known.length > 0
          ? `Use one of: ${known.join(", ")}.`
          : "Add one as a credential of kind `database`, or have an administrator set tools.database_query.databases.",
      status: 404,
    });
  }
}

/** The URL of the database has a form that is not taken. Nothing of it is shown: it holds a password. */
export class DatabaseUrlInvalidError extends PlatformError {
  constructor(name: string, problem: string) {
    super("DATABASE_URL_INVALID", `the URL of database ${name} ${problem}`, {
      remedy:
        "Set it to postgres://user:password@host:port/database?sslmode=verify-full (or disable), percent-encoded.",
      status: 422,
    });
  }
}

/** No connection came about. Where to is not said: it may be what nobody should know. */
export class DatabaseUnreachableError extends PlatformError {
  constructor(name: string, reason: string, cause: unknown) {
    super("DATABASE_UNREACHABLE", `database ${name} cannot be used: ${reason}`, {
      remedy: "Check that it is up, and the role, password and TLS of its URL.",
      status: 502,
      cause,
    });
  }
}

/** The role can do more than read. */
export class DatabaseRoleNotReadOnlyError extends PlatformError {
  constructor(name: string, problems: readonly string[], statements: readonly string[]) {
    super("DATABASE_ROLE_NOT_READ_ONLY", `the role of database ${name} can do more than read: ${problems.join("; ")}`, {
      remedy: `Use a role of its own for this, which may only read, e.g.: ${statements.join(" ")}`,
      status: 403,
    });
  }
}

/** What the database says to a statement. */
export class DatabaseQueryFailedError extends PlatformError {
  constructor(name: string, sqlState: string, says: string) {
    super("DATABASE_QUERY_FAILED", `database ${name} refuses the query: ${says} (SQLSTATE ${sqlState})`, {
      remedy: "Correct the statement. It must be one statement that reads: SELECT, VALUES, TABLE, EXPLAIN or SHOW.",
      status: 422,
    });
  }
}

export class DatabaseAnswerTooLargeError extends PlatformError {
  constructor(name: string, maxBytes: number) {
    super("DATABASE_ANSWER_TOO_LARGE", `database ${name} sent more than ${maxBytes} bytes`, {
      remedy: "Select fewer or shorter columns; cut long values with left() or substring().",
      status: 422,
    });
  }
}
