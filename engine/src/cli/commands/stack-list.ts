/** `pulumi stack ls`. */
import { UsageError } from "../../backend/errors.ts";
import { qualifiedName, type StackReference } from "../../backend/stack-reference.ts";
import type { StackSummary } from "../../backend/stack-store.ts";
import type { CommandContext } from "../context.ts";
import { humanTime, isoTime } from "../dates.ts";
import { printedTable, structJson } from "../json.ts";

interface ListOptions {
  readonly json?: boolean;
  readonly all?: boolean;
  readonly project?: string;
  readonly organization?: string;
  /** `<name>` or `<name>=<value>`. */
  readonly tag?: string;
}

export async function list(context: CommandContext, options: ListOptions): Promise<void> {
  const current = await context.currentStack();
  const isCurrent = (stack: StackReference): boolean =>
    current !== undefined && qualifiedName(stack) === qualifiedName(current);
  const stacks = await wanted(context, options);
  const named = await Promise.all(stacks.map(async (one) => ({ ...one, name: await context.displayName(one.stack) })));
  named.sort((a, b) => (a.name < b.name ? -1 : 1));
  if (options.json) {
    const rows = named.map(({ stack, name, lastUpdate, resourceCount }) => ({
      name,
      current: isCurrent(stack),
      ...(lastUpdate !== undefined && { lastUpdate: isoTime(new Date(lastUpdate)) }),
      ...(resourceCount !== undefined && { resourceCount }),
    }));
    context.terminal.out(structJson(rows));
    return;
  }
  const rows = named.map(({ stack, name, lastUpdate, resourceCount, updateInProgress }) => [
    `${name}${isCurrent(stack) ? "*" : ""}`,
    updateInProgress ? "in progress" : lastUpdate === undefined ? "n/a" : humanTime(new Date(lastUpdate)),
    String(resourceCount ?? "n/a"),
  ]);
  context.terminal.out(printedTable(["NAME", "LAST UPDATE", "RESOURCE COUNT"], rows));
}

async function wanted(context: CommandContext, options: ListOptions): Promise<StackSummary[]> {
  const store = await context.store();
  const own = await context.findProject();
  if (!options.all && options.project === undefined && own === undefined)
    throw new UsageError("no Pulumi.yaml found; please run this command in a project directory");
  if (options.organization !== undefined && options.organization !== "organization") return [];
  const project = options.project ?? (options.all ? undefined : own?.name);
  const stacks = (await store.list()).filter(({ stack }) => project === undefined || stack.project === project);
  if (options.tag === undefined) return stacks;
  const [name, value] = splitOnce(options.tag);
  const tagged: StackSummary[] = [];
  for (const summary of stacks) {
    const found = (await store.tags(summary.stack))[name];
    if (found !== undefined && (value === undefined || found === value)) tagged.push(summary);
  }
  return tagged;
}

function splitOnce(text: string): [string, string | undefined] {
  const at = text.indexOf("=");
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}
