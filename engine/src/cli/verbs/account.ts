/** Who is at work where: `login`, `logout`, `whoami`, `about`, `version`. */
import { Option, type Command } from "commander";
import { action, type MakeContext } from "../action.ts";
import { jsonFlag, stackFlag } from "./common-flags.ts";

export function addAccountCommands(program: Command, makeContext: MakeContext): void {
  const load = () => import("../commands/login.ts");
  const unknownToStores = ["--interactive", "--insecure"].map((flag) => new Option(flag).hideHelp());
  const login = program
    .command("login [url]")
    .description("keep state in a store: file://<folder> or s3://<bucket>/<folder>?region=...&endpoint=...")
    .option("-c, --cloud-url <url>", "as the argument")
    .option("-l, --local", "file://~")
    .addOption(new Option("--default-org <name>", "of Pulumi Cloud").hideHelp());
  for (const option of unknownToStores) login.addOption(option);
  login.action(action(makeContext, async (context, [url], options) => (await load()).login(context, url, options)));
  program
    .command("logout [url]")
    .description("forget the store that was logged in to")
    .option("-c, --cloud-url <url>", "as the argument")
    .option("-l, --local", "file://~")
    .option("--all", "every store")
    .action(action(makeContext, async (context, [url], options) => (await load()).logout(context, url, options)));
  jsonFlag(program.command("whoami").description("print the user's name; with -v the state store too")).action(
    action(makeContext, async (context, _, options) => (await load()).whoami(context, options)),
  );
  stackFlag(jsonFlag(program.command("about").description("tell of the engine and its surroundings")))
    .option("-t, --transitive", "dependencies of dependencies too")
    .action(
      action(makeContext, async (context, _, options) =>
        (await import("../commands/about.ts")).about(context, options),
      ),
    );
  program
    .command("version")
    .description("print the version and which engine this is")
    .action(action(makeContext, async (context) => (await import("../commands/version.ts")).version(context)));
}
