/** `pulumi stack tag`. */
import { EngineError } from "../../backend/errors.ts";
import { omit } from "../../backend/records.ts";
import { checkTag } from "../../backend/tags.ts";
import type { CommandContext } from "../context.ts";
import { printedJson, printedTable } from "../json.ts";

interface StackOption {
  readonly stack?: string;
}

export async function list(context: CommandContext, options: StackOption & { readonly json?: boolean }): Promise<void> {
  const stack = await context.requireStack(options.stack);
  // as with Pulumi, the project is a tag that every stack has
  const tags = { "pulumi:project": stack.project, ...(await (await context.store()).tags(stack)) };
  if (options.json) context.terminal.out(printedJson(tags));
  else context.terminal.out(printedTable(["NAME", "VALUE"], Object.entries(tags).sort()));
}

export async function get(context: CommandContext, name: string, options: StackOption): Promise<void> {
  const stack = await context.requireStack(options.stack);
  const tags: Readonly<Record<string, string>> = {
    "pulumi:project": stack.project,
    ...(await (await context.store()).tags(stack)),
  };
  const value = Object.hasOwn(tags, name) ? tags[name] : undefined;
  if (value === undefined)
    throw new EngineError("TAG_NOT_FOUND", `stack tag '${name}' not found for stack '${stack.name}'`);
  context.terminal.out(`${value}\n`);
}

export async function set(context: CommandContext, name: string, value: string, options: StackOption): Promise<void> {
  checkTag(name, value);
  const stack = await context.requireStack(options.stack);
  const store = await context.store();
  await store.setTags(stack, { ...(await store.tags(stack)), [name]: value });
}

export async function rm(context: CommandContext, name: string, options: StackOption): Promise<void> {
  const stack = await context.requireStack(options.stack);
  const store = await context.store();
  await store.setTags(stack, omit(await store.tags(stack), name));
}
