/** `pulumi plugin` and `pulumi install`. */
import { Option, type Command } from "commander";
import { action, type MakeContext } from "../action.ts";
import { jsonFlag, yesFlag } from "./common-flags.ts";
import { refuseVerbs } from "./refused.ts";

export function addPluginCommands(program: Command, makeContext: MakeContext): void {
  const plugin = program.command("plugin").description("the plugins of resource providers");
  const load = () => import("../commands/plugin.ts");
  jsonFlag(plugin.command("ls").alias("list").description("list those in Pulumi's home"))
    .option("-p, --project", "those that this project's dependencies name")
    .action(action(makeContext, async (context, _, options) => (await load()).list(context, options)));
  plugin
    .command("install [kind] [name] [version]")
    .description("see that a plugin, or each that this project's dependencies name, is there; nothing is downloaded")
    .option("-f, --file <file>", "from a program or a folder")
    .option("--reinstall", "although it is there")
    .option("--exact", "that version and no later one")
    .addOption(new Option("--server <url>", "where to download from").hideHelp())
    .addOption(new Option("--checksum <sum>", "of the download").hideHelp())
    .addOption(new Option("--parallel <count>", "how many at once").hideHelp())
    .action(
      action(makeContext, async (context, [kind, name, version], options) =>
        (await load()).install(context, { kind, name, version }, options),
      ),
    );
  yesFlag(plugin.command("rm [kind] [name] [version]").alias("remove").description("remove plugins from Pulumi's home"))
    .option("-a, --all", "all of them")
    .action(
      action(makeContext, async (context, [kind, name, version], options) =>
        (await load()).rm(context, { kind, name, version }, options),
      ),
    );
  refuseVerbs(plugin, "plugin", { run: "the program `pulumi-resource-<name>` can be run by itself" });
  program
    .command("install")
    .description("install the packages that the program needs, and see that its plugins are there")
    .option("--no-dependencies", "not the packages")
    .option("--no-plugins", "do not look for the plugins")
    .option("--reinstall", "although they are there")
    .addOption(new Option("--parallel <count>", "how many at once").hideHelp())
    .addOption(new Option("--use-language-version-tools", "fnm or nvm choose the version of Node").hideHelp())
    .action(
      action(makeContext, async (context, _, options) =>
        (await import("../commands/install.ts")).install(context, options),
      ),
    );
}
