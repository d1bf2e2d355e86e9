/** `pulumi stack` and its subcommands but for outputs. */
import type { Deployment } from "../../backend/deployment.ts";
import { NoStackSelectedError, StackNotFoundError } from "../../backend/errors.ts";
import { qualifiedName, type StackReference } from "../../backend/stack-reference.ts";
import { StackSettings } from "../../backend/stack-settings.ts";
import type { CommandContext } from "../context.ts";
import { humanTime } from "../dates.ts";
import { printedTable } from "../json.ts";
import { confirm } from "./confirm.ts";
import { copyConfig } from "./config-many.ts";
import { printOutputs, visibleOutputs } from "./stack-output.ts";
import { resourceRows } from "./stack-tree.ts";

export interface StackOption {
  readonly stack?: string;
}

export async function init(
  context: CommandContext,
  argument: string | undefined,
  options: StackOption & { readonly select?: boolean; readonly copyConfigFrom?: string },
): Promise<void> {
  const name = argument ?? options.stack ?? (await askForName(context));
  const stack = await context.reference(name);
  const source = options.copyConfigFrom === undefined ? undefined : await context.requireStack(options.copyConfigFrom);
  await createStack(context, stack);
  if (source !== undefined) await copyConfig(context, source, stack);
  if (options.select ?? true) await context.select(stack);
}

export async function select(
  context: CommandContext,
  argument: string | undefined,
  options: StackOption & { readonly create?: boolean },
): Promise<void> {
  const name = argument ?? options.stack;
  if (name === undefined) throw new NoStackSelectedError();
  const stack = await context.reference(name);
  if (!(await (await context.store()).exists(stack))) {
    if (!options.create) throw new StackNotFoundError(stack.name);
    await createStack(context, stack);
  }
  await context.select(stack);
}

export async function unselect(context: CommandContext): Promise<void> {
  if ((await context.currentStack()) === undefined) return;
  await context.select(undefined);
  context.terminal.err("Stack was unselected\n");
}

export async function show(
  context: CommandContext,
  options: StackOption & {
    readonly showName?: boolean;
    readonly showUrns?: boolean;
    readonly showIds?: boolean;
    readonly showSecrets?: boolean;
  },
): Promise<void> {
  const stack = await context.requireStack(options.stack);
  const { out } = context.terminal;
  if (options.showName) {
    out(`${stack.name}\n`);
    return;
  }
  const deployment = await (await context.store()).read(stack);
  out(`Current stack is ${stack.name}:\n`);
  const { time, version } = deployment.manifest ?? {};
  if (typeof time === "string") out(`    Last updated: ${humanTime(new Date(time))} (${time})\n`);
  else out("    No updates yet; run `pulumi up`\n");
  if (typeof version === "string") out(`    Pulumi version used: ${version}\n`);
  printResources(context, deployment, options);
  if ((deployment.resources ?? []).length > 0) {
    out("\n");
    printOutputs(context, await visibleOutputs(context, stack, deployment, options.showSecrets ?? false));
  }
  out("\nUse `pulumi stack select` to change stack; `pulumi stack ls` lists known ones\n");
}

export async function rm(
  context: CommandContext,
  argument: string | undefined,
  options: StackOption & {
    readonly yes?: boolean;
    readonly force?: boolean;
    readonly preserveConfig?: boolean;
    readonly removeBackups?: boolean;
  },
): Promise<void> {
  const stack = await context.requireStack(argument ?? options.stack);
  await confirm(context, options.yes, {
    text: `This will permanently remove the '${stack.name}' stack!`,
    what: "removal",
    wanted: stack.name,
  });
  await removeStack(context, stack, options);
  context.terminal.out(`Stack '${stack.name}' has been removed!\n`);
}

/** The stack, its settings, and the selection where it was the selected one. */
export async function removeStack(
  context: CommandContext,
  stack: StackReference,
  options: { readonly force?: boolean; readonly preserveConfig?: boolean; readonly removeBackups?: boolean },
): Promise<void> {
  const wasCurrent = await context.currentStack();
  const store = await context.store();
  await store.remove(stack, { force: options.force ?? false, removeBackups: options.removeBackups ?? false });
  const project = await context.findProject();
  if (!options.preserveConfig && project?.name === stack.project)
    await (await StackSettings.load(project, stack.name)).delete();
  if (wasCurrent !== undefined && qualifiedName(wasCurrent) === qualifiedName(stack)) await context.select(undefined);
}

async function createStack(context: CommandContext, stack: StackReference): Promise<void> {
  const project = await context.findProject();
  // a passphrase that is missing or wrong is said before anything is made
  if (project?.name === stack.project) await context.crypter(await StackSettings.load(project, stack.name));
  await (await context.store()).create(stack);
  context.terminal.err(`Created stack '${stack.name}'\n`);
}

async function askForName(context: CommandContext): Promise<string> {
  if (!context.terminal.interactive) throw new NoStackSelectedError();
  const answer = await context.terminal.ask("Please enter your desired stack name: ");
  if (answer === undefined || answer.trim() === "") throw new NoStackSelectedError();
  return answer.trim();
}

function printResources(
  context: CommandContext,
  deployment: Deployment,
  options: { readonly showUrns?: boolean; readonly showIds?: boolean },
): void {
  const { out } = context.terminal;
  const resources = deployment.resources ?? [];
  out(`Current stack resources (${resources.length}):\n`);
  if (resources.length === 0) out("    No resources currently in this stack\n");
  else out(printedTable(["TYPE", "NAME"], resourceRows(resources, options), "    "));
}
