/** What lies between the command line's parser and what a command does. */
import type { Command, OptionValues } from "commander";
import type { CommandContext } from "./context.ts";

/** What every command may be given, before or after its name. */
export interface GlobalOptions {
  readonly cwd?: string;
  readonly color?: "always" | "never" | "auto" | "raw";
  readonly nonInteractive?: boolean;
  readonly disableIntegrityChecking?: boolean;
  readonly fullyQualifyStackNames?: boolean;
}

/** Makes the context of a command from the global flags that it was called with. */
export type MakeContext = (options: GlobalOptions) => CommandContext;

/** An action that gets the context, the command's positional arguments, and all flags that apply to it. */
export function action(
  makeContext: MakeContext,
  run: (context: CommandContext, positional: readonly (string | undefined)[], options: OptionValues) => Promise<void>,
): (...given: unknown[]) => Promise<void> {
  return async (...given) => {
    const command = given.at(-1) as Command;
    const options = command.optsWithGlobals();
    if (options["output"] === "json") options["json"] = true;
    await run(makeContext(options), command.processedArgs as (string | undefined)[], options);
  };
}
