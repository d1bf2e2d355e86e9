import type { ToolInput } from "../../../contracts/tools.ts";
import type { SandboxExit } from "../sandbox.ts";
import { InvalidCommandError } from "../sandbox-errors.ts";
import { literal, parseCommandLine, type CommandLine } from "./command-line.ts";
import { checkArguments, checkCommandLine } from "./command-rules.ts";
import { CutText, firstBytes } from "./cut-text.ts";
import { renderCommandLine } from "./render-command-line.ts";
import {
  CommandCancelledError,
  CommandFailedError,
  CommandOutOfMemoryError,
  CommandTimedOutError,
} from "./tool-errors.ts";
import type { Tool, ToolContext } from "./tool.ts";

/** What a result keeps of a command's output, and what those who follow the task see of it. */
export const OUTPUT_LIMIT_BYTES = { stdout: 100 * 1024, stderr: 50 * 1024 } as const;
/** What one command may write to the task's own log, which is there while the task runs. */
const LOG_LIMIT_BYTES = 50 * 1024 ** 2;

/**
 * Runs a program in the sandbox. `command` is parsed here; a line that needs a shell (pipes, redirections, expansion)
 * is written out again, quoted, for the `sh` inside the sandbox. A host shell never sees any of it.
 *
 * `ok` means exit code 0. A CommandFailedError with its exit code is what a caller may still take for a success; every
 * other error is none. Of a pipeline, the exit code is the last program's.
 */
export const executeCommand: Tool<"execute_command"> = async (input, context) => {
  const argv = toArguments(input);
  const output = new OutputKeeper(context);
  const exit = await context.sandbox.run(context.profile, {
    argv,
    cwd: input.cwd,
    environment: input.environment,
    ...(input.stdin === undefined ? {} : { stdin: input.stdin }),
    timeoutMs: input.timeoutSeconds * 1000,
    signal: context.signal,
    onOutput: (stream, text) => output.push(stream, text),
  });
  const error = explain(exit, input, context);
  return {
    ok: error === null,
    exitCode: exit.exitCode,
    error,
    output: {
      exitCode: exit.exitCode,
      signal: exit.signal,
      timedOut: exit.timedOut,
      outOfMemory: exit.outOfMemory,
      ...output.result(),
      durationMs: Math.round(exit.durationMs),
    },
  };
};

function toArguments({ argv, command, cwd }: ToolInput<"execute_command">): readonly [string, ...string[]] {
  if (command === undefined) {
    const [program, ...args] = argv ?? [];
    if (program === undefined) throw new InvalidCommandError("it has no program"); // the schema refuses it before
    checkArguments([program, ...args]);
    return [program, ...args];
  }
  const line = parseCommandLine(command);
  checkCommandLine(line, cwd);
  return plainArguments(line) ?? ["/bin/sh", "-c", renderCommandLine(line)];
}

/** The arguments of a line that needs no shell at all. */
function plainArguments(line: CommandLine): readonly [string, ...string[]] | undefined {
  const [first, ...more] = line.flatMap(({ pipeline }) => pipeline);
  if (first === undefined || more.length > 0) return undefined;
  if (first.assignments.length > 0 || first.redirections.length > 0) return undefined;
  const [program, ...args] = first.words.map(literal);
  if (program === undefined || program === "cd" || args.includes(undefined)) return undefined;
  return [program, ...args.filter((argument) => argument !== undefined)];
}

function explain(exit: SandboxExit, input: ToolInput<"execute_command">, { profile, signal }: ToolContext) {
  if (exit.exitCode === 0) return null;
  if (exit.timedOut) return new CommandTimedOutError(input.timeoutSeconds);
  if (exit.outOfMemory) return new CommandOutOfMemoryError(profile.limits.memoryMb);
  if (signal.aborted) return new CommandCancelledError();
  return new CommandFailedError(exit.signal ?? `exit code ${exit.exitCode ?? "?"}`);
}

/** Sends a command's output where it belongs: to the log, to those who watch, and, cut, into the result. */
class OutputKeeper {
  readonly #context: ToolContext;
  readonly #kept = { stdout: new CutText(OUTPUT_LIMIT_BYTES.stdout), stderr: new CutText(OUTPUT_LIMIT_BYTES.stderr) };
  #shown = { stdout: 0, stderr: 0 };
  #loggedBytes = 0;

  constructor(context: ToolContext) {
    this.#context = context;
  }

  push(stream: "stdout" | "stderr", text: string): void {
    this.#kept[stream].push(text);
    this.#log(text);
    this.#show(stream, text);
  }

  result() {
    const { stdout, stderr } = this.#kept;
    return {
      stdout: stdout.toString(),
      stderr: stderr.toString(),
      stdoutBytes: stdout.totalBytes,
      stderrBytes: stderr.totalBytes,
      truncated: stdout.isCut || stderr.isCut,
    };
  }

  #log(text: string): void {
    if (this.#loggedBytes > LOG_LIMIT_BYTES) return;
    this.#loggedBytes += Buffer.byteLength(text);
    this.#context.log(text);
    if (this.#loggedBytes > LOG_LIMIT_BYTES) this.#context.log(`\n[the log of this command ends here]\n`);
  }

  #show(stream: "stdout" | "stderr", text: string): void {
    const room = OUTPUT_LIMIT_BYTES[stream] - this.#shown[stream];
    if (room < 0) return;
    const part = firstBytes(text, room);
    this.#shown[stream] += Buffer.byteLength(text);
    if (part !== "") this.#context.onOutput(stream, part);
    if (part !== text) this.#context.onOutput(stream, "\n[cut here; write long output to a file below artifacts/]\n");
  }
}
