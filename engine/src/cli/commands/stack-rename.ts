/** `pulumi stack rename`. */
import { rename as renameFile } from "node:fs/promises";
import { settingsFile, StackSettings } from "../../backend/stack-settings.ts";
import { isNotFound } from "../../backend/files.ts";
import type { CommandContext } from "../context.ts";

/** The state, the history, the tags and Pulumi.<stack>.yaml go along; the renamed stack is selected. */
export async function rename(
  context: CommandContext,
  newName: string,
  options: { readonly stack?: string },
): Promise<void> {
  const stack = await context.requireStack(options.stack);
  const renamed = await context.reference(newName);
  await (await context.store()).rename(stack, renamed);
  const project = await context.findProject();
  if (project?.name === stack.project) {
    const from = (await StackSettings.load(project, stack.name)).file;
    try {
      await renameFile(from, settingsFile(project, renamed.name));
    } catch (error) {
      if (!isNotFound(error)) throw error; // a stack need not have settings
    }
  }
  await context.select(renamed);
  context.terminal.out(`Renamed ${await context.displayName(stack)} to ${await context.displayName(renamed)}\n`);
}
