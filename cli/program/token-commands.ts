import type { Command } from "commander";
import type { Finish } from "./arguments.ts";

/** `token create|ls|revoke`, of a workspace or of the administrators. */
export function addTokens(parent: Command, kind: "workspace" | "admin", finish: Finish): void {
  const loadTokens = () => import("../commands/tokens.ts");
  const prefix = kind === "workspace" ? "[workspace] " : "";
  const token = parent
    .command("token")
    .description(kind === "workspace" ? "tokens that act in it only" : "admin tokens");
  token
    .command("create")
    .description("make one and print it, this once (admin token)")
    .argument("<name...>", "who or what uses it")
    .usage(`[options] ${prefix}<name>`)
    .option("--expires <time>", "not valid from then on")
    .option("--may-approve", "its holder may answer what tasks ask: for a person, not for an agent")
    .action(async (args: string[], _options, command: Command) =>
      finish(await (await loadTokens()).tokenCreate(kind, args, command.optsWithGlobals())),
    );
  const list = token.command("ls").description("with their states");
  if (kind === "workspace") list.argument("[workspace]");
  list.action(async (...args: unknown[]) => {
    const named = typeof args[0] === "string" ? args[0] : undefined;
    finish(await (await loadTokens()).tokenList(kind, named, list.optsWithGlobals()));
  });
  token
    .command("revoke")
    .description("make one invalid")
    .argument("<token...>", "its id")
    .usage(`[options] ${prefix}<token>`)
    .action(async (args: string[], _options, command: Command) =>
      finish(await (await loadTokens()).tokenRevoke(kind, args, command.optsWithGlobals())),
    );
}
