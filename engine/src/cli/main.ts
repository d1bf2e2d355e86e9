/** The embedded engine's command line. */
import { CommanderError, type Command } from "commander";
import { EngineError, exitCodes, ReportedFailure } from "../backend/errors.ts";
import type { GlobalOptions } from "./action.ts";
import { CommandContext } from "./context.ts";
import { buildProgram } from "./program.ts";
import { processTerminal } from "./terminal.ts";

/** Runs a command; resolves to the exit code of the process. */
export async function main(args: readonly string[]): Promise<number> {
  const program = buildProgram(makeContext);
  // who reads may go away (`| head`): an operation goes on to its end all the same
  for (const stream of [process.stdout, process.stderr]) stream.on("error", ignoreBrokenPipe);
  refuseWhatIsUnknown(program);
  program.helpCommand("help [command]", "tell of a command");
  try {
    // alone, `pulumi` says what it can do
    await program.parseAsync(args.length === 0 ? ["--help"] : args, { from: "user" });
    return exitCodes.ok;
  } catch (error) {
    return report(error);
  }
}

function ignoreBrokenPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
}

function makeContext(options: GlobalOptions): CommandContext {
  if (options.cwd !== undefined) changeFolder(options.cwd);
  const terminal = processTerminal(process.env, {
    nonInteractive: options.nonInteractive ?? false,
    color: options.color ?? "auto",
  });
  return new CommandContext({
    env: process.env,
    terminal,
    folder: process.cwd(),
    unchecked: options.disableIntegrityChecking ?? false,
    fullNames: options.fullyQualifyStackNames ?? false,
  });
}

function changeFolder(folder: string): void {
  try {
    process.chdir(folder);
  } catch (cause) {
    throw new EngineError("FOLDER_NOT_FOUND", `could not change to the folder ${folder}`, { cause });
  }
}

/** Nothing that was asked for is passed over: what is not known is named, and nothing runs. */
function refuseWhatIsUnknown(command: Command): void {
  command.exitOverride().configureOutput({ writeErr: () => undefined });
  command.helpCommand(false);
  for (const child of command.commands) refuseWhatIsUnknown(child);
}

function report(error: unknown): number {
  const say = (text: string): void => void process.stderr.write(text);
  if (error instanceof CommanderError) return reportUsage(error, say);
  if (error instanceof ReportedFailure) return error.exitCode;
  if (error instanceof EngineError) {
    say(`error: ${error.message}\n${error.remedy === undefined ? "" : `${error.remedy}\n`}`);
    return error.exitCode;
  }
  if (error instanceof Error && "remedy" in error) {
    say(`error: ${error.message}\n${String(error.remedy)}\n`);
    return exitCodes.failure;
  }
  // no one foresaw this: the whole of it is what a report of the fault needs
  say(`error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return exitCodes.failure;
}

function reportUsage(error: CommanderError, say: (text: string) => void): number {
  if (error.exitCode === 0) return exitCodes.ok; // --help
  const unknownVerb = error.code === "commander.unknownCommand" || error.code === "commander.excessArguments";
  const hint = unknownVerb || error.code === "commander.unknownOption" ? notThere : "";
  say(`${error.message}\n${hint}`);
  return unknownVerb ? exitCodes.failure : exitCodes.configuration;
}

const notThere =
  "The embedded engine has no such command or flag. Put Pulumi's own `pulumi` (3.200 or later) on PATH, and it is used.\n";
