/** `pulumi config` and what it can be told to do. */
import type { Command } from "commander";
import { action, type MakeContext } from "../action.ts";
import { collect, refuseSubcommand, stackFlag } from "./common-flags.ts";
import { refuseVerbs } from "./refused.ts";

const pathFlag = ["--path", "the key is a path into a list or map"] as const;

export function addConfigCommands(program: Command, makeContext: MakeContext): void {
  const config = stackFlag(program.command("config").description("a stack's configuration")).option(
    "--config-file <file>",
    "instead of Pulumi.<stack>.yaml",
  );
  const load = () => import("../commands/config.ts");
  const loadMany = () => import("../commands/config-many.ts");
  config
    .command("list", { isDefault: true, hidden: true })
    .option("-j, --json", "as JSON")
    .option("--show-secrets", "secrets in the clear")
    .option("--open [when]", "environments are Pulumi Cloud's: there are none to open")
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
    .option(...pathFlag)
    .option("-j, --json", "as JSON")
    .option("--open [when]", "environments are Pulumi Cloud's: there are none to open")
    .action(action(makeContext, async (context, [key = ""], options) => (await load()).get(context, key, options)));
  config
    .command("set <key> [value]")
    .description("set a value; standard input when none is given")
    .option(...pathFlag)
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
    .command("set-all")
    .description("set several values: all or none")
    .option("--path", "keys are paths into lists and maps")
    .option("--plaintext <key=value>", "a value as it is; may be repeated", collect)
    .option("--secret <key=value>", "a value to encrypt; may be repeated", collect)
    .option("--json <text>", "values as `pulumi config --json --show-secrets` prints them")
    .action(action(makeContext, async (context, _, options) => (await loadMany()).setAll(context, options)));
  config
    .command("rm <key>")
    .alias("remove")
    .alias("delete")
    .description("remove a value")
    .option(...pathFlag)
    .action(action(makeContext, async (context, [key = ""], options) => (await load()).rm(context, key, options)));
  config
    .command("rm-all <keys...>")
    .alias("remove-all")
    .alias("delete-all")
    .description("remove several values")
    .option("--path", "keys are paths into lists and maps")
    .action(
      action(makeContext, async (context, [keys], options) =>
        // commander hands over an argument with dots as a list, which the type of an action's arguments does not tell
        (await loadMany()).rmAll(context, (keys ?? []) as unknown as string[], options),
      ),
    );
  config
    .command("cp [key]")
    .alias("copy")
    .description("copy a value, or all of them, to another stack")
    .option("-d, --dest <stack>", "the other stack")
    .option(...pathFlag)
    .action(action(makeContext, async (context, [key], options) => (await loadMany()).copy(context, key, options)));
  config
    .command("refresh")
    .description("set the values that the last update had")
    .option("-f, --force", "keep no copy of the file that is replaced")
    .action(
      action(makeContext, async (context, _, options) =>
        (await import("../commands/config-refresh.ts")).refresh(context, options),
      ),
    );
  refuseVerbs(config, "config", { env: "environments (Pulumi ESC) are Pulumi Cloud's" });
}
