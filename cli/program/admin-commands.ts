import type { Command } from "commander";
import { addPaging, type Finish } from "./arguments.ts";
import { addCredentialKeys } from "./credential-commands.ts";
import { addTokens } from "./token-commands.ts";

const load = () => import("../commands/admin.ts");

export function addAdminCommands(program: Command, finish: Finish): void {
  const admin = program.command("admin").description("for operators, with an admin token");
  admin
    .command("workers")
    .description("workers and when they were last heard of")
    .action(async (_options, command: Command) => finish(await (await load()).workers(command.optsWithGlobals())));
  admin
    .command("queues")
    .description("how much waits, by priority")
    .action(async (_options, command: Command) => finish(await (await load()).queues(command.optsWithGlobals())));

  const dead = admin.command("dead-letters").description("tasks that failed for good");
  addPaging(dead.command("ls", { isDefault: true }).description("the newest first")).action(
    async (_options, command: Command) => finish(await (await load()).deadLetterList(command.optsWithGlobals())),
  );
  addSelection(dead.command("retry").description("submit one or all again under new ids, and take them off the list"))
    .argument("[task]")
    .action(async (id: string | undefined, _options, command: Command) =>
      finish(await (await load()).deadLetterRetry(id, command.optsWithGlobals())),
    );
  addSelection(dead.command("drop").description("take some or all off the list; the record keeps them"))
    .argument("[task...]")
    .action(async (ids: string[], _options, command: Command) =>
      finish(await (await load()).deadLetterDrop(ids, command.optsWithGlobals())),
    );

  addPaging(admin.command("audit").description("who changed what, the newest first"))
    .option("--action <action>", "e.g. task.submit")
    .action(async (_options, command: Command) => finish(await (await load()).auditLog(command.optsWithGlobals())));
  addTokens(admin, "admin", finish);
  addCredentialKeys(admin, finish);
}

/** Which of all dead letters are meant; --workspace selects, too. */
const addSelection = (command: Command): Command =>
  command
    .option("--all", "all that --workspace, --error and --before select")
    .option("--error <code>", "those that failed with this code, e.g. WORKER_LOST")
    .option("--before <time>", "those that failed before this time");
