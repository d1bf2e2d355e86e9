import { PlatformError } from "../../../contracts/errors.ts";
import { parseCommandLine, renderCommandLine } from "./command-line.ts";
import { checkArguments, checkCommandLine } from "./command-policy.ts";
import { OutputCutter } from "./output-cutter.ts";
import type { Tool, ToolInput } from "./tool.ts";

const MAX_STDOUT_BYTES = 102_400;
const MAX_STDERR_BYTES = 51_200;

export class CommandTimedOutError extends PlatformError {
  constructor(timeoutSeconds: number) {
    super("COMMAND_TIMED_OUT", `the command did not end within ${timeoutSeconds} s and was killed`, {
      remedy: "Raise timeoutSeconds of the step, or give the command less to do.",
      status: 504,
    });
  }
}

export class CommandOutOfMemoryError extends PlatformError {
  constructor(memoryMb: number) {
    super("COMMAND_OUT_OF_MEMORY", `the command needed more than ${memoryMb} MB and was killed`, {
      remedy: "Raise resources.memoryMb of the task, or give the command less to do.",
      status: 507,
    });
  }
}

/** What the sandbox runs: the vector as it is, or the parsed line through the shell inside the sandbox. */
function toArgv(input: ToolInput<"execute_command">): [string, ...string[]] {
  if (input.command !== undefined) {
    const line = parseCommandLine(input.command);
    checkCommandLine(line);
    return ["sh", "-c", renderCommandLine(line)];
  }
  const [program = "", ...rest] = input.argv ?? [];
  checkArguments([program, ...rest]);
  return [program, ...rest];
}

/**
 * Runs a command in the sandbox. Its answer holds stdout (at most 100 KB) and stderr (at most 50 KB); the task's log has
 * all of it. A command that times out or runs out of memory is a failed call; any exit code is the caller's to judge.
 */
export const executeCommand: Tool<"execute_command"> = async (input, context) => {
  const argv = toArgv(input);
  const cutters = {
    stdout: new OutputCutter(MAX_STDOUT_BYTES, (text) => context.onOutput("stdout", text)),
    stderr: new OutputCutter(MAX_STDERR_BYTES, (text) => context.onOutput("stderr", text)),
  };
  const exit = await context.sandbox.run(context.profile, {
    argv,
    cwd: input.cwd,
    environment: input.environment,
    timeoutMs: input.timeoutSeconds * 1_000,
    signal: context.signal,
    onOutput: (stream, text) => {
      cutters[stream].write(text);
      context.log(text);
    },
    ...(input.stdin !== undefined && { stdin: input.stdin }),
  });
  const output = {
    stdout: cutters.stdout.text,
    stderr: cutters.stderr.text,
    stdoutBytes: cutters.stdout.totalBytes,
    stderrBytes: cutters.stderr.totalBytes,
    signal: exit.signal,
  };
  const error = exit.timedOut
    ? new CommandTimedOutError(input.timeoutSeconds)
    : exit.outOfMemory
      ? new CommandOutOfMemoryError(context.profile.limits.memoryMb)
      : undefined;
  return error === undefined
    ? { ok: true, output, exitCode: exit.exitCode }
    : { ok: false, output, exitCode: exit.exitCode, error: error.toTaskError() };
};
