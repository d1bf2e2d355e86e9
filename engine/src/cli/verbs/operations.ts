/** `preview`, `up`, `refresh`, `destroy` and their flags. */
import { Option, type Command } from "commander";
import { action, type MakeContext } from "../action.ts";
import type { CommandContext } from "../context.ts";
import { policyPackFlags } from "../operation/policy-packs.ts";
import type { OperationOptions } from "../operation/options.ts";
import { collect, count } from "./common-flags.ts";

const load = () => import("../operation/run-operation.ts");

export function addOperationCommands(program: Command, makeContext: MakeContext): void {
  const add = (
    name: string,
    description: string,
    run: (context: CommandContext, options: OperationOptions) => Promise<void>,
  ): Command =>
    commonFlags(program.command(name).description(description)).action(
      action(makeContext, (context, _, options) => run(context, options)),
    );

  programFlags(
    add("preview", "show what `up` would do", async (context, options) => (await load()).preview(context, options)),
  ).alias("pre");
  programFlags(
    confirmFlags(
      add("up", "bring a stack to what its program says", async (context, options) =>
        (await load()).operate(context, "update", options),
      ),
    ),
  ).alias("update");
  confirmFlags(
    add("refresh", "bring a stack's state to what is there", async (context, options) =>
      (await load()).operate(context, "refresh", options),
    ),
  ).option("--preview-only", "show it, and do nothing");
  confirmFlags(
    add("destroy", "delete all that a stack holds", async (context, options) =>
      (await load()).operate(context, "destroy", options),
    ),
  )
    .option("--preview-only", "show it, and do nothing")
    .option("--refresh [when]", "refresh the state first");
}

function commonFlags(command: Command): Command {
  return command
    .option("-s, --stack <name>", "the stack; the selected one otherwise")
    .option("--config-file <file>", "instead of Pulumi.<stack>.yaml")
    .option("-j, --json", "a preview as one JSON document, anything else as a line of JSON for each event")
    .option("--diff", "show each property that differs")
    .option("--event-log <file>", "write every event there, as lines of JSON; tcp://<host:port> sends them to a server")
    .option("-m, --message <text>", "kept in the stack's history")
    .option("-p, --parallel <count>", "how many steps may run at once", count)
    .option("-t, --target <urn>", "only this resource; may be repeated", collect)
    .option("--target-dependents", "and those that depend on a target")
    .option("--exclude <urn>", "not this resource; may be repeated", collect)
    .option("--expect-no-changes", "fail when there are changes")
    .option("--show-secrets", "secret outputs in the clear")
    .option("--suppress-outputs", "do not show outputs")
    .option("--exec-kind <kind>", "kept in the stack's history")
    .addOption(new Option("--client <address>", "where a language runtime serves the program").hideHelp());
}

function confirmFlags(command: Command): Command {
  return command.option("-y, --yes", "do not ask").option("-f, --skip-preview", "no preview first, and do not ask");
}

function programFlags(command: Command): Command {
  return policyPackFlags(command)
    .option("-r, --refresh [when]", "refresh the state first")
    .option("--replace <urn>", "replace this resource; may be repeated", collect)
    .option("--target-replace <urn>", "only this resource, and replace it; may be repeated", collect);
}
