import type { Command } from "commander";
import type { Finish } from "./arguments.ts";

const load = () => import("../commands/credentials.ts");

/** `workspace credentials`: what tasks, tools and the gateway are given; no value is ever shown. */
export function addCredentials(workspace: Command, finish: Finish): void {
  const credentials = workspace.command("credentials").description("secrets that tasks may be given; never shown");
  credentials
    .command("set")
    .description("set one, or change its value, which is read from the standard input or a file")
    .argument("<name...>")
    .usage("[options] [workspace] <name>")
    .requiredOption("--kind <kind>", "env, ssh_key, git_https, file or database")
    .option("--file <file>", "where the value is; `-` for the standard input", "-")
    .option("--variable <name>", "env: default, the credential's name; file: set to its path")
    .option("--host <host>", "ssh_key, git_https: host or host:port")
    .option("--user <name>", "ssh_key, git_https: who logs in")
    .option("--path <path>", "file: below the home of the task")
    .option("--known-hosts <file>", "ssh_key: lines as ssh-keyscan prints them")
    .action(async (args: string[], _options, command: Command) =>
      finish(await (await load()).credentialSet(args, command.optsWithGlobals())),
    );
  credentials
    .command("ls")
    .description("names and what they are for")
    .argument("[workspace]")
    .action(async (named: string | undefined, _options, command: Command) =>
      finish(await (await load()).credentialList(named, command.optsWithGlobals())),
    );
  credentials
    .command("rm")
    .description("remove some; tasks that run keep what they were given")
    .argument("<name...>")
    .usage("[options] [workspace] <name...>")
    .action(async (args: string[], _options, command: Command) =>
      finish(await (await load()).credentialRemove(args, command.optsWithGlobals())),
    );
}

/** `admin credential-keys`: the keys that credentials are encrypted with. */
export function addCredentialKeys(admin: Command, finish: Finish): void {
  const keys = admin.command("credential-keys").description("keys that credentials are encrypted with");
  keys
    .command("ls", { isDefault: true })
    .description("how many credentials each decrypts")
    .action(async (_options, command: Command) =>
      finish(await (await load()).credentialKeys(command.optsWithGlobals())),
    );
  keys
    .command("rotate")
    .description("encrypt with the first key what another one has encrypted; may be repeated")
    .action(async (_options, command: Command) =>
      finish(await (await load()).credentialKeysRotate(command.optsWithGlobals())),
    );
}
