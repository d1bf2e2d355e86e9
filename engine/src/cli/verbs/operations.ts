/** `preview`, `up`, `refresh`, `destroy`, `import`. */
import type { Command } from "commander";
import { action, type MakeContext } from "../action.ts";
import type { CommandContext } from "../context.ts";
import type { OperationOptions } from "../operation/options.ts";
import { policyPackFlags } from "../operation/policy-packs.ts";
import { collect, collectList } from "./common-flags.ts";
import {
  commonFlags,
  confirmFlags,
  dependentsFlags,
  excludeFlags,
  readFlags,
  refreshFlag,
  targetFlags,
} from "./operation-flags.ts";
import { refuseFlags } from "./refused.ts";

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

  const preview = add("preview", "show what `up` would do", async (context, options) =>
    (await load()).preview(context, options),
  ).alias("pre");
  programFlags(preview, "preview");

  const up = add("up", "bring a stack to what its program says", async (context, options) =>
    (await load()).operate(context, "update", options),
  ).alias("update");
  programFlags(confirmFlags(up), "up");
  refuseFlags(up, {
    "--continue-on-error": "of an update; `pulumi destroy` has it",
    "--plan <file>": "plans of what an update may do",
    "--strict": "plans of what an update may do",
    "--secrets-provider <kind>": "new stacks from templates",
  });

  const refresh = add("refresh", "bring a stack's state to what is there", async (context, options) =>
    (await load()).operate(context, "refresh", options),
  );
  dependentsFlags(excludeFlags(targetFlags(confirmFlags(refresh)), "-x, --exclude <urn>"))
    .option("--preview-only", "show it, and do nothing")
    .option("--clear-pending-creates", "forget creations that were cut short: nothing was made")
    .option("--skip-pending-creates", "do not ask about creations that were cut short")
    .option(
      "--import-pending-creates <urn-or-id>",
      "twice for each creation that was cut short and made something: its URN, then the id of what was made",
      collect,
    );
  refuseRunningTheProgram(refresh);

  const destroy = add("destroy", "delete all that a stack holds", async (context, options) =>
    (await import("../operation/destroy.ts")).destroy(context, options),
  ).aliases(["down", "dn"]);
  refreshFlag(excludeFlags(targetFlags(confirmFlags(destroy)), "-x, --exclude <urn>"))
    .option("--preview-only", "show it, and do nothing")
    .option("--exclude-protected", "not what is protected")
    .option("--continue-on-error", "go on to what a failure does not concern")
    .option("--remove", "then remove the stack and its settings too");
  refuseRunningTheProgram(destroy);
  refuseFlags(destroy, { "--ignore-protect": "`pulumi state unprotect` allows a resource to be deleted" });
  addImport(program, makeContext);
}

function addImport(program: Command, makeContext: MakeContext): void {
  const command = program
    .command("import [type] [name] [id]")
    .description("take resources into a stack that are there already");
  confirmFlags(commonFlags(command), "--skip-preview")
    .option("-f, --file <file>", "JSON with a list of resources")
    .option("--parent <name=urn>", "what it belongs to; the stack otherwise")
    .option("--provider <name=urn>", "a provider that the stack holds; the package's default otherwise")
    .option("--properties <names>", "the inputs to keep, with commas between them; all otherwise", collectList)
    .option("--protect [when]", "keep it from being deleted; `--protect=false` does not", "true")
    .option("--preview-only", "show it, and do nothing")
    .option("--generate-code [when]", "code cannot be generated without schemas: nothing but the state is changed")
    .option("-o, --out <file>", "where code would go; a list of what was imported is written there instead")
    .action(
      action(makeContext, async (context, [type, name, id], options) =>
        (await import("../operation/import.ts")).importResources(context, { type, name, id }, options),
      ),
    );
  refuseFlags(command, {
    "--from <converter>": "converters, which are programs of Pulumi's own",
    "--generate-resources <file>": "converters, which are programs of Pulumi's own",
  });
}

/** Of `preview` and `up`. */
function programFlags(command: Command, name: "preview" | "up"): void {
  const exclude = name === "preview" ? "-x, --exclude <urn>" : "--exclude <urn>";
  readFlags(refreshFlag(policyPackFlags(dependentsFlags(excludeFlags(targetFlags(command), exclude)))))
    .option("--replace <urn>", "replace this resource; may be repeated", collect)
    .option("--target-replace <urn>", "only this resource, and replace it; may be repeated", collect);
  refuseRunningTheProgram(command);
  refuseFlags(command, {
    "--ignore-protect": "`pulumi state unprotect` allows a resource to be deleted",
    ...(name === "preview" && {
      "--save-plan <file>": "plans of what an update may do",
      "--import-file <file>": "a list of what could be imported",
    }),
  });
}

/** What providers are told when the program runs beside a refresh or a destroy. */
function refuseRunningTheProgram(command: Command): void {
  refuseFlags(command, { "--run-program": "the program beside a refresh or a destroy" });
}
