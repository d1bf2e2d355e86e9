import { PlatformError } from "../../../contracts/errors.ts";

export class InvalidToolInputError extends PlatformError {
  constructor(tool: string, problems: string) {
    super("INVALID_TOOL_INPUT", `the input of ${tool} is not valid: ${problems}`, {
      remedy: "Correct the input; docs/reference lists each tool's fields.",
      status: 400,
    });
  }
}

export class UnknownToolError extends PlatformError {
  constructor(tool: string) {
    super("UNKNOWN_TOOL", `there is no tool ${JSON.stringify(tool.slice(0, 100))}`, {
      remedy: "Use one of the tools that the workspace offers.",
      status: 404,
    });
  }
}

/** The command line has something that is not understood, or that would need a shell. */
export class CommandSyntaxError extends PlatformError {
  constructor(problem: string, remedy: string) {
    super("COMMAND_SYNTAX", `the command line cannot be run: ${problem}`, { remedy, status: 400 });
  }
}

export class CommandNotAllowedError extends PlatformError {
  constructor(program: string) {
    super("COMMAND_NOT_ALLOWED", `program ${JSON.stringify(program.slice(0, 200))} is not on the list of programs`, {
      remedy: "Use a program of the list in docs/reference, for example a script run by python3, node or make.",
      status: 403,
    });
  }
}

export class CommandBlockedError extends PlatformError {
  constructor(pattern: string) {
    super("COMMAND_BLOCKED", `the command has \`${pattern}\`, which is blocked`, {
      remedy: "Do without it: a sandbox has no other user, device, container or host to work on.",
      status: 403,
    });
  }
}

export class CommandTimedOutError extends PlatformError {
  constructor(timeoutSeconds: number) {
    super("COMMAND_TIMED_OUT", `the command ran longer than its ${timeoutSeconds} s and was killed`, {
      remedy: "Raise timeoutSeconds, or split the work into several commands.",
      status: 504,
    });
  }
}

export class CommandOutOfMemoryError extends PlatformError {
  constructor(memoryMb: number) {
    super("COMMAND_OUT_OF_MEMORY", `the command needed more than its ${memoryMb} MiB of memory and was killed`, {
      remedy: "Raise the task's resources.memoryMb, or have the command use less (fewer parallel jobs).",
      status: 507,
    });
  }
}

/** It came to an end of its own, with an exit code other than 0 or by a signal: whether that is a failure is the caller's to judge. */
export class CommandFailedError extends PlatformError {
  constructor(end: string) {
    super("COMMAND_FAILED", `the command ended with ${end}`, {
      remedy: "Read its output: stderr comes with the result, the end of it too when it was cut.",
      status: 422,
    });
  }
}

export class CommandCancelledError extends PlatformError {
  constructor() {
    super("COMMAND_CANCELLED", "the command was stopped before it had ended", {
      remedy: "Run the task again if it is still wanted.",
      status: 409,
    });
  }
}

export class InvalidPatternError extends PlatformError {
  constructor(says: string) {
    super("INVALID_PATTERN", `the expression cannot be searched for: ${says || "the search failed"}`, {
      remedy: "Correct the regular expression (Perl-compatible), or set regex to false to search for the text itself.",
      status: 400,
    });
  }
}

export class SearchFailedError extends PlatformError {
  constructor(says: string) {
    super("SEARCH_FAILED", `the search ended without an answer: ${says || "git grep failed"}`, {
      remedy: "Search in a smaller folder, or read the files with other tools.",
      status: 500,
    });
  }
}

export class SearchTimedOutError extends PlatformError {
  constructor(timeoutSeconds: number) {
    super("SEARCH_TIMED_OUT", `the search ran longer than its ${timeoutSeconds} s and was stopped`, {
      remedy: "Search in a smaller folder, give `include` patterns, or use a simpler expression.",
      status: 504,
    });
  }
}

export class DiskFullError extends PlatformError {
  constructor(cause: unknown) {
    super("DISK_FULL", "no space is left for the workspace's files", {
      remedy: "Drop cached repositories or artifacts, or move the workspace to a larger plan.",
      status: 507,
      cause,
    });
  }
}
