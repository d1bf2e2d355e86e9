/** `pulumi cancel`. */
import { DeclinedError } from "../../backend/errors.ts";
import { breakLocks } from "../../backend/lock.ts";
import type { CommandContext } from "../context.ts";

/** Removes the locks of a stack. This engine's own operation that still works on it notices, and cancels itself. */
export async function cancel(
  context: CommandContext,
  argument: string | undefined,
  options: { readonly stack?: string; readonly yes?: boolean },
): Promise<void> {
  const stack = await context.requireStack(argument ?? options.stack);
  const { terminal } = context;
  if (terminal.interactive && !options.yes) {
    terminal.out(`This will irreversibly cancel the currently running update for '${stack.name}'!\n`);
    const answer = await terminal.ask(
      `Please confirm that this is what you'd like to do by typing \`${stack.name}\`: `,
    );
    if (answer !== stack.name) throw new DeclinedError("cancellation");
  }
  const store = await context.store();
  await breakLocks(store.blobs, store.keys(stack).locks);
  terminal.out(`The currently running update for '${stack.name}' has been canceled!\n`);
}
