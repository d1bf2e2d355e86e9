import type { CommandContext } from "../context.ts";
import { engineLine, versions, versionText } from "../versions.ts";

/** Standard output holds the version alone, as programs that parse it expect; which engine it is goes beside it. */
export function version(context: CommandContext): void {
  const found = versions();
  context.terminal.out(`${versionText(found)}\n`);
  context.terminal.err(`${engineLine(found)}\n`);
}
