/** `pulumi state`: edits of a state by hand, under the stack's lock. */
import type { Deployment } from "../../backend/deployment.ts";
import { ConfirmationRequiredError, DeclinedError, EngineError, UsageError } from "../../backend/errors.ts";
import { omit } from "../../backend/records.ts";
import type { ResourceJson } from "../../backend/resource-json.ts";
import type { CommandContext } from "../context.ts";

export async function unprotect(
  context: CommandContext,
  urns: readonly string[],
  options: { readonly stack?: string; readonly all?: boolean; readonly yes?: boolean },
): Promise<void> {
  if (!options.all && urns.length === 0) throw new UsageError("name the URN of a resource to unprotect, or pass --all");
  const stack = await context.requireStack(options.stack);
  await confirm(context, options.yes ?? false);
  const store = await context.store();
  await store.locked(stack, async () => {
    const deployment = await store.read(stack);
    await store.write(stack, unprotected(deployment, options.all ? undefined : urns));
  });
  context.terminal.out(options.all ? "All resources unprotected\n" : `${urns.length} resources unprotected\n`);
}

/** @throws EngineError naming the URNs that the stack has not. */
function unprotected(deployment: Deployment, urns: readonly string[] | undefined): Deployment {
  const resources = deployment.resources ?? [];
  const live = resources.filter((resource) => resource["delete"] !== true);
  if (live.length === 0) throw new EngineError("RESOURCE_NOT_FOUND", "no resources found to unprotect");
  const known = new Set(live.map((resource) => resource.urn));
  const missing = (urns ?? []).filter((urn) => !known.has(urn));
  if (missing.length > 0)
    throw new EngineError(
      "RESOURCE_NOT_FOUND",
      missing.map((urn) => `no resource with URN ${urn} in the stack`).join("\n"),
    );
  return {
    ...deployment,
    resources: resources.map((resource) => {
      if (resource["delete"] === true || (urns !== undefined && !urns.includes(resource.urn))) return resource;
      return omit(resource, "protect") as ResourceJson;
    }),
  };
}

async function confirm(context: CommandContext, yes: boolean): Promise<void> {
  if (yes) return;
  if (!context.terminal.interactive) throw new ConfirmationRequiredError("non-interactive mode requires --yes flag");
  context.terminal.out("This command will edit your stack's state directly. ");
  const answer = await context.terminal.ask("Confirm? [yes/no] ");
  if (!["y", "yes"].includes((answer ?? "").trim().toLowerCase())) throw new DeclinedError("edit of the state");
}
