import { Command } from "commander";
import { EXIT_HELP } from "../exit-codes.ts";
import { addAdminCommands } from "./admin-commands.ts";
import { addApprovalCommands } from "./approval-commands.ts";
import type { Finish } from "./arguments.ts";
import { addScheduleCommands } from "./schedule-commands.ts";
import { addTaskCommands } from "./task-commands.ts";
import { addWorkflowCommands } from "./workflow-commands.ts";
import { addWorkspaceCommands } from "./workspace-commands.ts";

const HELP = `
Configuration, each before the next:
  --api-url, --token, --workspace
  AUTOMATOS_API_URL, AUTOMATOS_TOKEN, AUTOMATOS_WORKSPACE
  .automatos/cli.json in this folder or the nearest above, as \`npm start\` writes it

${EXIT_HELP}`;

/**
 * The whole command line. What a command does is loaded when it runs, so that help and completion stay fast. Throws
 * CommanderError where commander would end the process.
 */
export function makeProgram(finish: Finish): Command {
  const program = new Command("automatos")
    .description("Runs AI agents' tasks in isolated, persistent workspaces.")
    .option("--json", "answer with the API's JSON; with one object per line where events are followed")
    .option("--api-url <url>", "the API")
    .option("--token <token>", "bearer token; better given as AUTOMATOS_TOKEN, which other users cannot see")
    .option("--workspace <id>", "the workspace that is meant where a command names none")
    .addHelpText("after", HELP)
    .showHelpAfterError("See --help.")
    .configureHelp({ showGlobalOptions: true })
    .exitOverride();
  addTaskCommands(program, finish);
  addApprovalCommands(program, finish);
  addScheduleCommands(program, finish);
  addWorkflowCommands(program, finish);
  addWorkspaceCommands(program, finish);
  addAdminCommands(program, finish);
  program
    .command("version")
    .description("the versions of this command line and of the API")
    .action(async (_options: unknown, command: Command) => {
      finish(await (await import("../commands/version.ts")).version(command.optsWithGlobals()));
    });
  return program;
}
