import type { Command } from "commander";
import { addPaging, collectList, wholeNumber, type Finish } from "./arguments.ts";

const load = () => import("../commands/workflow.ts");

/** `workflow`: tasks that depend on one another, as one execution. */
export function addWorkflowCommands(program: Command, finish: Finish): void {
  const workflow = program.command("workflow").description("run tasks that depend on one another, as one execution");
  workflow
    .command("run")
    .description("execute a workflow and follow it; the exit status tells how it ended")
    .argument("<name>", "a stored workflow, or with --file any name")
    .option("--file <file>", "a recipe as JSON in place of a stored one, `-` for the standard input")
    .option("--recipe-version <number>", "of the stored recipe; default: the newest", wholeNumber)
    .option("--input <json>", "what ${{ input }} stands for in the recipe")
    .option("--id <uuid>", "the execution's id; the same id again is the same execution")
    .option("--correlation-id <id>", "find it and its tasks again with it")
    .option("-d, --detach", "print the execution's id and leave")
    .action(async (name: string, _options, command: Command) =>
      finish(await (await load()).workflowRun(name, command.optsWithGlobals())),
    );
  workflow
    .command("put")
    .description("store a recipe under a name; a change is a new version")
    .argument("<name>")
    .requiredOption("--file <file>", "the recipe as JSON, `-` for the standard input")
    .action(async (name: string, _options, command: Command) =>
      finish(await (await load()).workflowPut(name, command.optsWithGlobals())),
    );
  workflow
    .command("rm")
    .description("remove a stored recipe; its executions go on")
    .argument("<name>")
    .action(async (name: string, _options, command: Command) =>
      finish(await (await load()).workflowRemove(name, command.optsWithGlobals())),
    );
  workflow
    .command("recipes")
    .description("the workspace's stored recipes")
    .action(async (_options, command: Command) =>
      finish(await (await load()).workflowRecipes(command.optsWithGlobals())),
    );
  addExecutionCommands(workflow, finish);
}

function addExecutionCommands(workflow: Command, finish: Finish): void {
  addPaging(workflow.command("ls").description("executions, the newest first"))
    .option("--name <workflow>", "of this workflow")
    .option("--status <states>", "running, completed, failed, cancelled, timed_out", collectList)
    .option("--correlation-id <id>", "that were begun with it")
    .action(async (_options, command: Command) => finish(await (await load()).workflowList(command.optsWithGlobals())));
  workflow
    .command("show")
    .description("where an execution and each of its steps stand")
    .argument("<execution>")
    .action(async (id: string, _options, command: Command) =>
      finish(await (await load()).workflowShow(id, command.optsWithGlobals())),
    );
  workflow
    .command("follow")
    .description("follow an execution from its beginning; the exit status tells how it ended")
    .argument("<execution>")
    .option("--after <sequence>", "begin after this event", wholeNumber)
    .action(async (id: string, _options, command: Command) =>
      finish(await (await load()).workflowFollow(id, command.optsWithGlobals())),
    );
  workflow
    .command("cancel")
    .description("ask a whole execution to stop")
    .argument("<execution>")
    .action(async (id: string, _options, command: Command) =>
      finish(await (await load()).workflowCancel(id, command.optsWithGlobals())),
    );
  workflow
    .command("retry")
    .description("go on with what did not complete, as a new execution, and print its id")
    .argument("<execution>")
    .option("-f, --follow", "follow the new execution")
    .action(async (id: string, _options, command: Command) =>
      finish(await (await load()).workflowRetry(id, command.optsWithGlobals())),
    );
}
