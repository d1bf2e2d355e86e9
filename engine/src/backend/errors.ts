/**
 * Every way in which a command can fail that its user can do something about. The message is the fact with its values,
 * the remedy is the next step; both are shown. Exit codes are Pulumi's own.
 */

export const exitCodes = {
  ok: 0,
  failure: 1,
  configuration: 2,
  stackNotFound: 6,
  changesNotExpected: 7,
  cancelled: 8,
} as const;

interface Details {
  readonly remedy?: string;
  /** @default 1 */
  readonly exitCode?: number;
  readonly cause?: unknown;
}

/** An error that is shown without a stack trace. */
export class EngineError extends Error {
  readonly code: string;
  readonly remedy: string | undefined;
  readonly exitCode: number;

  constructor(code: string, message: string, details: Details = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.code = code;
    this.remedy = details.remedy;
    this.exitCode = details.exitCode ?? exitCodes.failure;
  }
}

export class ProjectNotFoundError extends EngineError {
  constructor(folder: string) {
    super("PROJECT_NOT_FOUND", `no Pulumi.yaml project file found in ${folder} or any folder above it`, {
      remedy: "Run the command in a project's folder, or name it with -C.",
    });
  }
}

export class ProjectInvalidError extends EngineError {
  constructor(file: string, reason: string, cause?: unknown) {
    super("PROJECT_INVALID", `could not use ${file}: ${reason}`, { cause });
  }
}

/** Something that Pulumi has and this engine has not. */
export class UnsupportedError extends EngineError {
  /** @param reason Why not, or what does the same. */
  constructor(what: string, reason?: string, exitCode: number = exitCodes.failure) {
    super("UNSUPPORTED", `the embedded engine does not support ${what}${reason === undefined ? "" : `: ${reason}`}`, {
      remedy: "Put Pulumi's own `pulumi` (3.200 or later) on PATH, and it is used instead.",
      exitCode,
    });
  }
}

/** The command line itself is wrong. */
export class UsageError extends EngineError {
  constructor(message: string, exitCode: number = exitCodes.configuration) {
    super("USAGE", message, { exitCode });
  }
}

export class UnknownCommandError extends UnsupportedError {
  constructor(command: string, reason?: string) {
    super(`the command 'pulumi ${command}'`, reason);
  }
}

export class StackNotFoundError extends EngineError {
  constructor(stack: string) {
    super("STACK_NOT_FOUND", `no stack named '${stack}' found`, {
      remedy: "`pulumi stack ls` lists the stacks, `pulumi stack init` makes one.",
      exitCode: exitCodes.stackNotFound,
    });
  }
}

export class NoStackSelectedError extends EngineError {
  constructor() {
    super("NO_STACK_SELECTED", "no stack selected; specify a stack name with --stack", {
      remedy: "`pulumi stack select` or `pulumi stack init` chooses one for later commands too.",
      exitCode: exitCodes.stackNotFound,
    });
  }
}

export class StackExistsError extends EngineError {
  constructor(stack: string) {
    super("STACK_EXISTS", `stack '${stack}' already exists`);
  }
}

export class StackNotEmptyError extends EngineError {
  constructor(stack: string) {
    super(
      "STACK_NOT_EMPTY",
      `'${stack}' still has resources; removal rejected. Possible actions:\n` +
        `- Make sure that '${stack}' is the stack that you want to destroy\n` +
        "- Run `pulumi destroy` to delete the resources, then run `pulumi stack rm`\n" +
        "- Run `pulumi stack rm --force` to override this error",
    );
  }
}

export class StackLockedError extends EngineError {
  constructor(holders: readonly string[]) {
    super(
      "STACK_LOCKED",
      `the stack is currently locked by ${holders.length} lock(s). Either wait for the other process(es) to end or ` +
        `delete the lock file with \`pulumi cancel\`.\n${holders.map((holder) => `  ${holder}`).join("\n")}`,
      {
        remedy:
          "Cancel only when no such process is at work any more: it would go on, and write over the other's state.",
      },
    );
  }
}

export class ConfigError extends EngineError {
  constructor(message: string, cause?: unknown) {
    super("CONFIG", message, { cause });
  }
}

export class ChangesNotExpectedError extends EngineError {
  constructor(operation: string) {
    super("CHANGES_NOT_EXPECTED", `no changes were expected for ${operation} but changes were proposed`, {
      exitCode: exitCodes.changesNotExpected,
    });
  }
}

export class ConfirmationRequiredError extends EngineError {
  constructor(message: string) {
    super("CONFIRMATION_REQUIRED", message, { exitCode: exitCodes.configuration });
  }
}

export class DeclinedError extends EngineError {
  constructor(operation: string) {
    super("DECLINED", `confirmation declined, not proceeding with the ${operation}`);
  }
}

export class CancelledError extends EngineError {
  constructor(operation: string) {
    super("CANCELLED", `${operation} cancelled`, { exitCode: exitCodes.cancelled });
  }
}

/** The operation failed and its display has said why: nothing more is printed. */
export class ReportedFailure extends EngineError {
  constructor() {
    super("REPORTED", "the operation failed");
  }
}
