/** The flags that operations share. */
import { Option, type Command } from "commander";
import { collect, count, jsonFlag, stackFlag, yesFlag } from "./common-flags.ts";
import { refuseFlags } from "./refused.ts";

export function commonFlags(command: Command): Command {
  jsonFlag(stackFlag(command), "a preview as one JSON document, anything else as a line of JSON for each event")
    .option("--config-file <file>", "instead of Pulumi.<stack>.yaml")
    .option("-c, --config <key=value>", "set this first, and keep it; may be repeated", collect)
    .option("--config-path", "keys of --config are paths into lists and maps")
    .option("-m, --message <text>", "kept in the stack's history")
    .option("-p, --parallel <count>", "how many steps may run at once", count)
    .option("--expect-no-changes", "fail when there are changes")
    .option("--diff", "show each property that differs")
    .option("-d, --debug", "show messages for who looks for a fault")
    .option("--show-config", "show the configuration first")
    .option("--show-sames", "show what does not change too")
    .option("--show-replacement-steps", "show the steps that a replacement is made of")
    .option("--show-secrets", "secret outputs in the clear")
    .option("--suppress-outputs", "do not show outputs")
    .option("--urns", "URNs in place of types and names")
    .option("--event-log <file>", "write every event there, as lines of JSON; tcp://<host:port> sends them to a server")
    .option("--skip-config-validation", "although keys that Pulumi.yaml declares are not set");
  const hidden = [
    new Option("--exec-kind <kind>", "kept in the stack's history"),
    new Option("--exec-agent <agent>", "kept in the stack's history"),
    new Option("--client <address>", "where a language runtime serves the program"),
    // of Pulumi's display and Pulumi's downloads: what they ask for is so in any case
    new Option("--suppress-progress"),
    new Option("--suppress-permalink [when]"),
    new Option("--show-full-output [when]"),
    new Option("--skip-plugin-pre-install"),
  ];
  for (const option of hidden) command.addOption(option.hideHelp());
  return refuseFlags(command, {
    "--attach-debugger [what]": "attaching a debugger",
    "--neo": "Pulumi Cloud's assistant",
    "--copilot": "Pulumi Cloud's assistant",
  });
}

export function confirmFlags(command: Command, skipPreview = "-f, --skip-preview"): Command {
  return yesFlag(command).option(skipPreview, "no preview first, and do not ask");
}

export function targetFlags(command: Command): Command {
  return command
    .option("-t, --target <urn>", "only this resource; may be repeated", collect)
    .option("--target-dependents", "and those that depend on a target");
}

/** @param flags `-x` is not everywhere. */
export function excludeFlags(command: Command, flags: string): Command {
  return command.option(flags, "not this resource; may be repeated", collect);
}

export function dependentsFlags(command: Command): Command {
  return command.option("--exclude-dependents", "nor those that depend on it");
}

export function readFlags(command: Command): Command {
  return command.option("--show-reads", "show what is read and is none of the stack's");
}

export function refreshFlag(command: Command): Command {
  return command.option("-r, --refresh [when]", "refresh the state first");
}
