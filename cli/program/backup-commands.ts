import { Option, type Command } from "commander";
import { addPaging, type Finish } from "./arguments.ts";

const load = () => import("../commands/workspace-backup.ts");
const DETACH = ["--detach", "print the run's id and do not wait for its end"] as const;
const FROM = ["--from <backup>", "the id of a backup's run; default: the newest"] as const;

/** `workspace backup`, `backups` and `restore`. */
export function addBackups(workspace: Command, finish: Finish): void {
  const backup = workspace
    .command("backup")
    .description("back up all its files now")
    .argument("[workspace]")
    .option(...DETACH)
    .action(async (named: string | undefined, _options, command: Command) =>
      finish(await (await load()).workspaceBackup(named, command.optsWithGlobals())),
    );
  backup
    .command("verify")
    .description("restore a backup to a scratch folder and compare every file; exit status 1 when something differs")
    .argument("[workspace]")
    .option(...FROM)
    .option(...DETACH)
    .action(async (named: string | undefined, _options, command: Command) =>
      finish(await (await load()).workspaceBackupVerify(named, command.optsWithGlobals())),
    );
  backup
    .command("schedule")
    .description("whether the stack's schedules cover it, or `on` and `off`")
    .argument("[args...]", "the workspace, on or off, or both")
    .usage("[options] [workspace] [on|off]")
    .action(async (args: string[], _options, command: Command) =>
      finish(await (await load()).workspaceBackupSchedule(args, command.optsWithGlobals())),
    );
  addPaging(
    workspace
      .command("backups")
      .description("its backups, restores and checks, the newest first")
      .argument("[workspace]")
      .addOption(new Option("--kind <kind>", "only these").choices(["backup", "restore", "check"])),
  ).action(async (named: string | undefined, _options, command: Command) =>
    finish(await (await load()).workspaceBackups(named, command.optsWithGlobals())),
  );
  workspace
    .command("restore")
    .description("replace all its files by those of a backup; refused while its tasks run")
    .argument("[workspace]")
    .option(...FROM)
    .option(...DETACH)
    .action(async (named: string | undefined, _options, command: Command) =>
      finish(await (await load()).workspaceRestore(named, command.optsWithGlobals())),
    );
}
