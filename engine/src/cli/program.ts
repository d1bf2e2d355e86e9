/** The commands and their flags. What a command does is loaded when it runs: `pulumi version` loads nothing else. */
import { Command, Option } from "commander";
import { UnknownCommandError } from "../backend/errors.ts";
import { action, type MakeContext } from "./action.ts";
import { addOperationCommands } from "./program-operations.ts";
import { versionText } from "./versions.ts";

export function buildProgram(makeContext: MakeContext): Command {
  const program = new Command("pulumi")
    .description("Infrastructure as code, by the embedded engine")
    .version(versionText(), "--version", "print the version")
    .option("-C, --cwd <folder>", "run as if the command had been started in this folder")
    .addOption(new Option("--color <when>", "colours").choices(["always", "never", "auto", "raw"]).default("auto"))
    .option("--non-interactive", "never ask")
    .option("--disable-integrity-checking", "use a state whose resources do not fit together: to repair it");

  program
    .command("version")
    .description("print the version and which engine this is")
    .action(action(makeContext, async (context) => (await import("./commands/version.ts")).version(context)));
  program
    .command("about")
    .description("tell of the engine and its surroundings")
    .action(action(makeContext, async (context) => (await import("./commands/version.ts")).about(context)));
  program
    .command("cancel [stack-name]")
    .description("remove the locks of a stack whose operation is gone")
    .option("-s, --stack <name>", "the stack; the selected one otherwise")
    .option("-y, --yes", "do not ask")
    .action(
      action(makeContext, async (context, [name], options) =>
        (await import("./commands/cancel.ts")).cancel(context, name, options),
      ),
    );
  addStackCommands(program, makeContext);
  addConfigCommands(program, makeContext);
  addStateCommands(program, makeContext);
  addOperationCommands(program, makeContext);
  return program;
}

/** What follows a command that has subcommands, and is none of them. */
function refuseSubcommand(command: string, unknown: string | undefined): void {
  const [first] = (unknown ?? []) as readonly string[];
  if (first !== undefined) throw new UnknownCommandError(`${command} ${first}`);
}

function addStackCommands(program: Command, makeContext: MakeContext): void {
  const stack = program
    .command("stack")
    .description("stacks and what they hold")
    .option("-s, --stack <name>", "the stack; the selected one otherwise");
  const load = () => import("./commands/stack.ts");
  stack
    .command("show", { isDefault: true, hidden: true })
    .option("-u, --show-urns", "each resource's URN")
    .option("-i, --show-ids", "each resource's id")
    .option("--show-secrets", "secret outputs in the clear")
    .option("--show-name", "the stack's name alone")
    .argument("[unknown...]")
    .action(
      action(makeContext, async (context, [unknown], options) => {
        refuseSubcommand("stack", unknown);
        await (await load()).show(context, options);
      }),
    );
  stack
    .command("init [stack-name]")
    .description("make a stack, and select it")
    .addOption(new Option("--secrets-provider <kind>", "how secrets are encrypted").choices(["default", "passphrase"]))
    .option("--no-select", "do not select it")
    .action(action(makeContext, async (context, [name], options) => (await load()).init(context, name, options)));
  stack
    .command("select [stack-name]")
    .description("select the stack that later commands are about")
    .option("-c, --create", "make it when there is none")
    .action(action(makeContext, async (context, [name], options) => (await load()).select(context, name, options)));
  stack
    .command("ls")
    .description("list stacks")
    .option("-j, --json", "as JSON")
    .option("-a, --all", "of every project")
    .action(action(makeContext, async (context, _, options) => (await load()).ls(context, options)));
  stack
    .command("rm [stack-name]")
    .description("remove a stack that holds nothing")
    .option("-y, --yes", "do not ask")
    .option("-f, --force", "although it holds resources; they stay where they are")
    .option("--preserve-config", "keep Pulumi.<stack>.yaml")
    .option("--remove-backups", "remove the copies of its state too")
    .action(action(makeContext, async (context, [name], options) => (await load()).rm(context, name, options)));
  stack
    .command("output [property-name]")
    .description("print what a stack exports")
    .option("-j, --json", "as JSON")
    .option("--shell", "as assignments for a shell")
    .option("--show-secrets", "secrets in the clear")
    .action(
      action(makeContext, async (context, [name], options) =>
        (await import("./commands/stack-output.ts")).output(context, name, options),
      ),
    );
  stack
    .command("export")
    .description("print a stack's state")
    .option("--file <file>", "write it there")
    .option("--show-secrets", "secrets in the clear")
    .action(
      action(makeContext, async (context, _, options) =>
        (await import("./commands/stack-transfer.ts")).exportStack(context, options),
      ),
    );
  stack
    .command("import")
    .description("replace a stack's state by an exported one")
    .option("--file <file>", "read it from there; standard input otherwise")
    .option("-f, --force", "although its resources are another stack's")
    .action(
      action(makeContext, async (context, _, options) =>
        (await import("./commands/stack-transfer.ts")).importStack(context, options),
      ),
    );
}

function addConfigCommands(program: Command, makeContext: MakeContext): void {
  const config = program
    .command("config")
    .description("a stack's configuration")
    .option("-s, --stack <name>", "the stack; the selected one otherwise")
    .option("--config-file <file>", "instead of Pulumi.<stack>.yaml");
  const load = () => import("./commands/config.ts");
  config
    .command("list", { isDefault: true, hidden: true })
    .option("-j, --json", "as JSON")
    .option("--show-secrets", "secrets in the clear")
    .argument("[unknown...]")
    .action(
      action(makeContext, async (context, [unknown], options) => {
        refuseSubcommand("config", unknown);
        await (await load()).list(context, options);
      }),
    );
  config
    .command("get <key>")
    .description("print one value")
    .option("--path", "the key is a path into a list or map")
    .option("-j, --json", "as JSON")
    .action(action(makeContext, async (context, [key = ""], options) => (await load()).get(context, key, options)));
  config
    .command("set <key> [value]")
    .description("set a value; standard input when none is given")
    .option("--path", "the key is a path into a list or map")
    .option("--secret", "encrypt it")
    .option("--plaintext", "do not, although it looks like a secret")
    .option("--type <type>", "string, bool, int or float")
    .option("--raw", "keep the line end of standard input")
    .action(
      action(makeContext, async (context, [key = "", value], options) =>
        (await load()).set(context, key, value, options),
      ),
    );
  config
    .command("rm <key>")
    .alias("remove")
    .description("remove a value")
    .option("--path", "the key is a path into a list or map")
    .action(action(makeContext, async (context, [key = ""], options) => (await load()).rm(context, key, options)));
}

function addStateCommands(program: Command, makeContext: MakeContext): void {
  const state = program.command("state").description("edit a stack's state");
  state
    .command("unprotect [urns...]")
    .description("allow resources to be deleted")
    .option("-s, --stack <name>", "the stack; the selected one otherwise")
    .option("--all", "every resource")
    .option("-y, --yes", "do not ask")
    .action(
      action(makeContext, async (context, [urns], options) =>
        (await import("./commands/state.ts")).unprotect(context, (urns ?? []) as unknown as string[], options),
      ),
    );
}
