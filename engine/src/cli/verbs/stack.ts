/** `pulumi stack` and what it can be told to do. */
import { Option, type Command } from "commander";
import { action, type MakeContext } from "../action.ts";
import { count, countFromZero, jsonFlag, refuseSubcommand, stackFlag, yesFlag } from "./common-flags.ts";
import { refuseVerbs } from "./refused.ts";

export function addStackCommands(program: Command, makeContext: MakeContext): void {
  const stack = stackFlag(program.command("stack").description("stacks and what they hold"));
  addLifeOfStacks(stack, makeContext);
  addViews(stack, makeContext);
  addTags(stack, makeContext);
  refuseVerbs(stack, "stack", {
    "change-owner": "stacks of a file or bucket have no owner",
    drift: "Pulumi Cloud detects drift; `pulumi refresh --preview-only` shows it here",
    migrate: "`pulumi stack export` and `stack import` move a stack between stores",
    schedule: "schedules are Pulumi Cloud's",
    webhook: "webhooks are Pulumi Cloud's",
  });
}

const load = () => import("../commands/stack.ts");

function addLifeOfStacks(stack: Command, makeContext: MakeContext): void {
  const secretsProvider = new Option("--secrets-provider <kind>", "how secrets are encrypted");
  stack
    .command("init [stack-name]")
    .alias("new")
    .description("make a stack, and select it")
    .addOption(secretsProvider.choices(["default", "passphrase"]))
    .option("--copy-config-from <stack>", "with the configuration of another stack")
    .option("--no-select", "do not select it")
    .action(action(makeContext, async (context, [name], options) => (await load()).init(context, name, options)));
  stack
    .command("select [stack-name]")
    .description("select the stack that later commands are about")
    .option("-c, --create", "make it when there is none")
    .addOption(new Option("--secrets-provider <kind>", "with --create").choices(["default", "passphrase"]))
    .action(action(makeContext, async (context, [name], options) => (await load()).select(context, name, options)));
  stack
    .command("unselect")
    .description("select no stack")
    .action(action(makeContext, async (context) => (await load()).unselect(context)));
  stack
    .command("rename <new-stack-name>")
    .description("give a stack another name")
    .action(
      action(makeContext, async (context, [name = ""], options) =>
        (await import("../commands/stack-rename.ts")).rename(context, name, options),
      ),
    );
  yesFlag(stack.command("rm [stack-name]").alias("remove").description("remove a stack that holds nothing"))
    .option("-f, --force", "although it holds resources; they stay where they are")
    .option("--preserve-config", "keep Pulumi.<stack>.yaml")
    .option("--remove-backups", "remove the copies of its state too")
    .action(action(makeContext, async (context, [name], options) => (await load()).rm(context, name, options)));
  stack
    .command("change-secrets-provider <new-secrets-provider>")
    .description("encrypt a stack's secrets anew, with another passphrase")
    .action(
      action(makeContext, async (context, [provider = ""], options) =>
        (await import("../commands/change-secrets-provider.ts")).changeSecretsProvider(context, provider, options),
      ),
    );
}

function addViews(stack: Command, makeContext: MakeContext): void {
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
  jsonFlag(stack.command("ls").alias("list").description("list stacks"))
    .option("-a, --all", "of every project")
    .option("-p, --project <name>", "of that project")
    .option("-o, --organization <name>", "of that organization; here there is one, `organization`")
    .option("-t, --tag <name[=value]>", "with that tag")
    .action(
      action(makeContext, async (context, _, options) =>
        (await import("../commands/stack-list.ts")).list(context, options),
      ),
    );
  jsonFlag(stack.command("history").alias("hist").description("what was done to a stack, the last first"))
    .option("--show-secrets", "secret values of the configuration in the clear")
    .option("--full-dates", "dates instead of how long ago")
    .option("--page-size <count>", "how many on a page; 0 shows all", countFromZero, 10)
    .option("--page <number>", "which page", count, 1)
    .action(
      action(makeContext, async (context, _, options) =>
        (await import("../commands/stack-history.ts")).history(context, options),
      ),
    );
  jsonFlag(stack.command("output [property-name]").description("print what a stack exports"))
    .option("--shell", "as assignments for a shell")
    .option("--show-secrets", "secrets in the clear")
    .action(
      action(makeContext, async (context, [name], options) =>
        (await import("../commands/stack-output.ts")).output(context, name, options),
      ),
    );
  stack
    .command("graph <filename>")
    .description("write a stack's resources and what they depend on as a graph in the DOT language")
    .option("--ignore-parent-edges", "without lines between parents and children")
    .option("--ignore-dependency-edges", "without lines between dependencies")
    .option("--dependency-edge-color <color>", "of lines between dependencies", "#246C60")
    .option("--parent-edge-color <color>", "of lines between parents and children", "#AA6639")
    .option("--short-node-name", "names instead of URNs")
    .option("--dot-fragment <text>", "put before all others, to style the graph")
    .action(
      action(makeContext, async (context, [file = ""], options) =>
        (await import("../commands/stack-graph.ts")).graph(context, file, options as never),
      ),
    );
  stack
    .command("export")
    .description("print a stack's state")
    .option("--file <file>", "write it there")
    .addOption(new Option("--version <number>", "of an update").hideHelp())
    .option("--show-secrets", "secrets in the clear")
    .action(
      action(makeContext, async (context, _, options) =>
        (await import("../commands/stack-transfer.ts")).exportStack(context, options),
      ),
    );
  stack
    .command("import")
    .description("replace a stack's state by an exported one")
    .option("--file <file>", "read it from there; standard input otherwise")
    .option("-f, --force", "although its resources are another stack's")
    .action(
      action(makeContext, async (context, _, options) =>
        (await import("../commands/stack-transfer.ts")).importStack(context, options),
      ),
    );
}

function addTags(stack: Command, makeContext: MakeContext): void {
  const tag = stack.command("tag").description("names and values that a stack is marked with");
  const loadTags = () => import("../commands/stack-tag.ts");
  jsonFlag(tag.command("ls").alias("list").description("list them")).action(
    action(makeContext, async (context, _, options) => (await loadTags()).list(context, options)),
  );
  tag
    .command("get <name>")
    .description("print the value of one")
    .action(
      action(makeContext, async (context, [name = ""], options) => (await loadTags()).get(context, name, options)),
    );
  tag
    .command("set <name> <value>")
    .description("set one")
    .action(
      action(makeContext, async (context, [name = "", value = ""], options) =>
        (await loadTags()).set(context, name, value, options),
      ),
    );
  tag
    .command("rm <name>")
    .alias("remove")
    .alias("delete")
    .description("remove one")
    .action(
      action(makeContext, async (context, [name = ""], options) => (await loadTags()).rm(context, name, options)),
    );
}
