import { PlatformError } from "../../contracts/errors.ts";

export class CommandNotFoundError extends PlatformError {
  constructor(program: string) {
    super("COMMAND_NOT_FOUND", `program ${JSON.stringify(program.slice(0, 200))} is not there or may not be executed`, {
      remedy: "Install it on the worker's machine, or give the path of a program in the workspace, such as ./run.py.",
      status: 422,
    });
  }
}

export class CommandTooLongError extends PlatformError {
  constructor(cause: unknown) {
    super("COMMAND_TOO_LONG", "the command's arguments and environment are more than the kernel passes on", {
      remedy: "Write the data to a file in the workspace and give the command its path.",
      status: 413,
      cause,
    });
  }
}

/** A NUL byte cannot be handed to a program. */
export class InvalidCommandError extends PlatformError {
  constructor(reason: string) {
    super("INVALID_COMMAND", `the command cannot be run: ${reason}`, {
      remedy: "Correct the arguments or the environment and call again.",
      status: 400,
    });
  }
}

/** The sandbox could not be set up around a command: the machine's fault, not the command's. What it said is the cause. */
export class SandboxFailedError extends PlatformError {
  constructor(reason: string) {
    super("SANDBOX_FAILED", "the sandbox could not be set up around the command", {
      remedy: "Look for the cause in the worker's log; no command runs without the sandbox.",
      status: 503,
      cause: new Error(reason), // names folders of the host: not for those who wrote the command
    });
  }
}

export class GatewayUnreachableError extends PlatformError {
  constructor() {
    super("GATEWAY_UNREACHABLE", "the sandbox's way to the gateway did not open", {
      remedy: "Check that the gateway runs and that the workspaces' users may connect to its socket.",
      status: 503,
    });
  }
}

export class CredentialFilesRefusedError extends PlatformError {
  constructor() {
    super(
      "CREDENTIAL_FILES_REFUSED",
      "credentials of kinds ssh_key and file need a sandbox, and AUTOMATOS_SANDBOX is none",
      {
        remedy: "Run with AUTOMATOS_SANDBOX=bubblewrap, or give the task credentials of kind env alone.",
        status: 422,
      },
    );
  }
}
