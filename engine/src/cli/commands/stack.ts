/** `pulumi stack` and its subcommands but for outputs. */
import type { Deployment } from "../../backend/deployment.ts";
import { ConfirmationRequiredError, DeclinedError, NoStackSelectedError } from "../../backend/errors.ts";
import { StackNotFoundError } from "../../backend/errors.ts";
import { findProject } from "../../backend/project.ts";
import { qualifiedName, type StackReference } from "../../backend/stack-reference.ts";
import { StackSettings } from "../../backend/stack-settings.ts";
import type { CommandContext } from "../context.ts";
import { printedTable, structJson } from "../json.ts";
import { printOutputs, visibleOutputs } from "./stack-output.ts";
import { resourceRows } from "./stack-tree.ts";

export interface StackOption {
  readonly stack?: string;
}

export async function init(
  context: CommandContext,
  argument: string | undefined,
  options: StackOption & { readonly select?: boolean },
): Promise<void> {
  const name = argument ?? options.stack ?? (await askForName(context));
  const stack = await context.reference(name);
  await createStack(context, stack);
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

export async function ls(
  context: CommandContext,
  options: { readonly json?: boolean; readonly all?: boolean },
): Promise<void> {
  const project = options.all ? undefined : await findProject(process.cwd());
  const current = await context.currentStack();
  const isCurrent = (stack: StackReference): boolean =>
    current !== undefined && qualifiedName(stack) === qualifiedName(current);
  const stacks = (await (await context.store()).list()).filter(
    ({ stack }) => project === undefined || stack.project === project.name,
  );
  const nameOf = (stack: StackReference): string =>
    stack.project === project?.name ? stack.name : qualifiedName(stack);
  if (options.json) {
    const rows = stacks.map(({ stack, lastUpdate, resourceCount }) => ({
      name: nameOf(stack),
      current: isCurrent(stack),
      ...(lastUpdate !== undefined && { lastUpdate }),
      ...(resourceCount !== undefined && { resourceCount }),
    }));
    context.terminal.out(structJson(rows));
    return;
  }
  const rows = stacks.map(({ stack, lastUpdate, resourceCount, updateInProgress }) => [
    `${nameOf(stack)}${isCurrent(stack) ? "*" : ""}`,
    updateInProgress ? "in progress" : (lastUpdate ?? "n/a"),
    String(resourceCount ?? "n/a"),
  ]);
  context.terminal.out(printedTable(["NAME", "LAST UPDATE", "RESOURCE COUNT"], rows));
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
  if (typeof time === "string") out(`    Last updated: ${time}\n`);
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
  const { terminal } = context;
  if (!options.yes) {
    if (!terminal.interactive) throw new ConfirmationRequiredError("non-interactive mode requires --yes flag");
    terminal.out(`This will permanently remove the '${stack.name}' stack!\n`);
    const answer = await terminal.ask(
      `Please confirm that this is what you'd like to do by typing \`${stack.name}\`: `,
    );
    if (answer !== stack.name) throw new DeclinedError("removal");
  }
  const wasCurrent = await context.currentStack();
  const store = await context.store();
  await store.remove(stack, { force: options.force ?? false, removeBackups: options.removeBackups ?? false });
  const project = await findProject(process.cwd());
  if (!options.preserveConfig && project?.name === stack.project)
    await (await StackSettings.load(project, stack.name)).delete();
  if (wasCurrent !== undefined && qualifiedName(wasCurrent) === qualifiedName(stack)) await context.select(undefined);
  terminal.out(`Stack '${stack.name}' has been removed!\n`);
}

async function createStack(context: CommandContext, stack: StackReference): Promise<void> {
  const project = await findProject(process.cwd());
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
