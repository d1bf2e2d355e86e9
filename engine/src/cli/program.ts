/** The commands and their flags. What a command does is loaded when it runs: `pulumi version` loads nothing else. */
import { Command, Option } from "commander";
import { action, type MakeContext } from "./action.ts";
import { addAccountCommands } from "./verbs/account.ts";
import { yesFlag, stackFlag } from "./verbs/common-flags.ts";
import { addConfigCommands } from "./verbs/config.ts";
import { addOperationCommands } from "./verbs/operations.ts";
import { addPluginCommands } from "./verbs/plugin.ts";
import { addRefusedCommands } from "./verbs/refused.ts";
import { addStackCommands } from "./verbs/stack.ts";
import { addStateCommands } from "./verbs/state.ts";
import { versionText } from "./versions.ts";

export function buildProgram(makeContext: MakeContext): Command {
  const program = new Command("pulumi").description("Infrastructure as code, by the embedded engine");
  addGlobalFlags(program);
  addOperationCommands(program, makeContext);
  stackFlag(yesFlag(program.command("cancel [stack-name]")))
    .description("remove the locks of a stack whose operation is gone")
    .action(
      action(makeContext, async (context, [name], options) =>
        (await import("./commands/cancel.ts")).cancel(context, name, options),
      ),
    );
  addStackCommands(program, makeContext);
  addConfigCommands(program, makeContext);
  addStateCommands(program, makeContext);
  addPluginCommands(program, makeContext);
  addAccountCommands(program, makeContext);
  addRefusedCommands(program);
  return program;
}

function addGlobalFlags(program: Command): void {
  program
    .version(versionText(), "--version", "print the version")
    .option("-C, --cwd <folder>", "run as if the command had been started in this folder")
    .addOption(new Option("--color <when>", "colours").choices(["always", "never", "auto", "raw"]).default("auto"))
    .option("--non-interactive", "never ask")
    .option("--fully-qualify-stack-names", "show stacks as organization/<project>/<stack>")
    .option("--disable-integrity-checking", "use a state whose resources do not fit together: to repair it")
    .option("-v, --verbose [level]", "with whoami, more; otherwise of Pulumi's own logs, which this engine has not");
  // of Pulumi's own logs and measurements: this engine has none, and what asks for them works without
  for (const flag of ["-e, --emoji", "--logflow", "--logtostderr", "--memprofilerate <rate>"])
    program.addOption(new Option(flag).hideHelp());
}
