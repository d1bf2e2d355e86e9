/** Flags and their values that many commands have. */
import { InvalidArgumentError, Option, type Command } from "commander";
import { UnknownCommandError } from "../../backend/errors.ts";

export function stackFlag(command: Command): Command {
  return command.option("-s, --stack <name>", "the stack; the selected one otherwise");
}

export function yesFlag(command: Command): Command {
  return command.option("-y, --yes", "do not ask");
}

/** `--json`, and `--output json`, which says the same (action.ts). */
export function jsonFlag(command: Command, description = "as JSON"): Command {
  return command
    .option("-j, --json", description)
    .addOption(new Option("--output <format>").choices(["default", "json"]).hideHelp());
}

/** For flags that may be repeated. */
export function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

/** For flags that may be repeated, or hold several values with commas between them. */
export function collectList(value: string, before: readonly string[] = []): string[] {
  return [...before, ...value.split(",").filter((part) => part !== "")];
}

export function count(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) throw new InvalidArgumentError("it must be a whole number above 0");
  return number;
}

export function countFromZero(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 0) throw new InvalidArgumentError("it must be a whole number");
  return number;
}

/** What follows a command that has subcommands, and is none of them. */
export function refuseSubcommand(command: string, unknown: string | undefined): void {
  const [first] = (unknown ?? []) as readonly string[];
  if (first !== undefined) throw new UnknownCommandError(`${command} ${first}`);
}
