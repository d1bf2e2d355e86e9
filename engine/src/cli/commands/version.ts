import type { CommandContext } from "../context.ts";
import { engineLine, versions, versionText } from "../versions.ts";

/** Standard output holds the version alone, as programs that parse it expect; which engine it is goes beside it. */
export function version(context: CommandContext): void {
  const found = versions();
  context.terminal.out(`${versionText(found)}\n`);
  context.terminal.err(`${engineLine(found)}\n`);
}

export async function about(context: CommandContext): Promise<void> {
  const found = versions();
  const { terminal } = context;
  terminal.out(`${engineLine(found)}\n\n`);
  terminal.out(`Node       ${process.versions.node} (${process.execPath})\n`);
  terminal.out(`Platform   ${process.platform} ${process.arch}\n`);
  terminal.out(`State      ${(await context.store()).url}\n`);
}
