/** `pulumi destroy`: what it spares, and what is left to do when all is gone. */
import { UsageError } from "../../backend/errors.ts";
import type { ResourceJson } from "../../backend/resource-json.ts";
import { removeStack } from "../commands/stack.ts";
import type { CommandContext } from "../context.ts";
import type { OperationOptions } from "./options.ts";
import { operate } from "./run-operation.ts";

export async function destroy(context: CommandContext, options: OperationOptions): Promise<void> {
  const { terminal } = context;
  const constrained = (options.target ?? []).length > 0;
  if (constrained && options.excludeProtected)
    throw new UsageError("you cannot specify --target and --exclude-protected", 1);
  const stack = await context.requireStack(options.stack);
  const { resources = [] } = options.excludeProtected ? await (await context.store()).read(stack) : {};
  const spared = resources.filter(isProtected).map(({ urn }) => urn);
  if (spared.length > 0 && spared.length === resources.length) {
    if (!options.json)
      terminal.out(
        `There were no unprotected resources to destroy. There are still ${spared.length} protected resources ` +
          "associated with this stack.\n",
      );
    return;
  }
  await operate(context, "destroy", { ...options, exclude: [...(options.exclude ?? []), ...spared] });
  if (options.previewOnly) return;
  const name = await context.displayName(stack);
  if (spared.length > 0) {
    if (!options.json)
      terminal.out(
        `All unprotected resources were destroyed. There are still ${spared.length} protected resources ` +
          "associated with this stack.\n",
      );
  } else if (options.remove && !constrained) {
    await removeStack(context, stack, {});
    if (!options.json) terminal.out(`The resources in the stack have been deleted, and the stack '${name}' removed.\n`);
  } else if (!options.json && !constrained && (options.exclude ?? []).length === 0)
    terminal.out(
      "The resources in the stack have been deleted, but the history and configuration associated with the stack " +
        `are still maintained.\nIf you want to remove the stack completely, run \`pulumi stack rm ${name}\`.\n`,
    );
}

function isProtected(resource: ResourceJson): boolean {
  return resource["protect"] === true;
}
