/** `pulumi state`: edits of a state by hand. */
import type { Command } from "commander";
import { action, type MakeContext } from "../action.ts";
import { stackFlag, yesFlag } from "./common-flags.ts";
import { refuseVerbs } from "./refused.ts";

export function addStateCommands(program: Command, makeContext: MakeContext): void {
  const state = program.command("state").description("edit a stack's state");
  const load = () => import("../commands/state.ts");
  const edit = (name: string, description: string): Command =>
    yesFlag(stackFlag(state.command(name).description(description)));
  const urnsOf = (positional: readonly unknown[]): string[] => (positional[0] ?? []) as string[];

  edit("delete [urns...]", "forget resources; they stay where they are")
    .alias("rm")
    .alias("remove")
    .option("--force", "although they are protected")
    .option("--target-dependents", "and what depends on them")
    .option("--all", "every resource")
    .action(
      action(makeContext, async (context, given, options) =>
        (await import("../commands/state-delete.ts")).remove(context, urnsOf(given), options),
      ),
    );
  edit("unprotect [urns...]", "allow resources to be deleted")
    .option("--all", "every resource")
    .action(
      action(makeContext, async (context, given, options) => (await load()).unprotect(context, urnsOf(given), options)),
    );
  edit("protect [urns...]", "keep resources from being deleted")
    .option("--all", "every resource")
    .action(
      action(makeContext, async (context, given, options) => (await load()).protect(context, urnsOf(given), options)),
    );
  edit("taint [urns...]", "have resources replaced by the next update").action(
    action(makeContext, async (context, given, options) => (await load()).taint(context, urnsOf(given), options)),
  );
  edit("untaint [urns...]", "have them replaced no more")
    .option("--all", "every resource")
    .action(
      action(makeContext, async (context, given, options) => (await load()).untaint(context, urnsOf(given), options)),
    );
  edit("rename <urn> <new-name>", "give a resource another name").action(
    action(makeContext, async (context, [urn = "", name = ""], options) =>
      (await import("../commands/state-rename.ts")).rename(context, urn, name, options),
    ),
  );
  refuseVerbs(state, "state", {
    edit: "`pulumi stack export`, an editor and `pulumi stack import` do the same",
    get: "`pulumi stack export` prints all of the state",
    move: "`pulumi stack export` and `stack import` of both stacks do the same",
    repair: "`pulumi --disable-integrity-checking stack export`, an editor and `stack import` do the same",
    upgrade: "this engine makes no store in the layout without projects",
  });
}
