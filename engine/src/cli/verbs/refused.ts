/** Commands that Pulumi has and this engine has not: each is refused by its name, with what would do it. */
import { Option, type Command } from "commander";
import { UnknownCommandError, UnsupportedError } from "../../backend/errors.ts";

/** @param reasons Why not, or what does it instead, by the command's name. */
export function refuseVerbs(parent: Command, prefix: string, reasons: Readonly<Record<string, string>>): void {
  for (const [name, reason] of Object.entries(reasons))
    parent
      .command(name, { hidden: true })
      .argument("[anything...]")
      .allowUnknownOption()
      .helpOption(false)
      .action(() => {
        throw new UnknownCommandError(`${prefix} ${name}`.trim(), reason);
      });
}

const cloud = "it is about Pulumi Cloud";
const schemas = "it needs schemas of providers, and code generators, which are programs of Pulumi's own";

/** Flags that Pulumi has and this engine has not. @param reasons What each is about, by its spelling. */
export function refuseFlags(command: Command, reasons: Readonly<Record<string, string>>): Command {
  for (const [flags, what] of Object.entries(reasons)) {
    const option = new Option(flags).hideHelp();
    command.addOption(option);
    command.on(`option:${option.name()}`, () => {
      throw new UnsupportedError(`${option.long ?? flags} of \`pulumi ${command.name()}\``, what);
    });
  }
  return command;
}

export function addRefusedCommands(program: Command): void {
  refuseVerbs(program, "", {
    ai: cloud,
    api: cloud,
    cloud,
    console: cloud,
    convert: schemas,
    "convert-trace": "this engine writes no traces",
    deployment: cloud,
    do: schemas,
    env: cloud,
    esc: cloud,
    events: "`--event-log` writes events; what reads them is Pulumi's own",
    "gen-completion": "`pulumi --help` lists the commands",
    "gen-markdown": "`pulumi --help` lists the commands",
    "generate-cli-spec": "`pulumi --help` lists the commands",
    insights: cloud,
    logs: "logs of clouds are read by their own command lines",
    neo: cloud,
    new: "templates are downloaded, and this engine downloads nothing; a project is a Pulumi.yaml and a program",
    org: cloud,
    package: schemas,
    policy: "packs are made and published by Pulumi's own; `--policy-pack` of an operation runs one",
    project: cloud,
    query: "queries are no longer part of Pulumi",
    "replay-events": "`--event-log` writes events; what replays them is Pulumi's own",
    schema: schemas,
    template: cloud,
    trace: "this engine writes no traces",
    "view-trace": "this engine writes no traces",
    watch: "`pulumi up --yes` is to be run again for each change",
  });
}
