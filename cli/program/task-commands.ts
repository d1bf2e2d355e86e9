import type { Command } from "commander";
import { addAnswers } from "./approval-commands.ts";
import { addPaging, collectList, type Finish, wholeNumber } from "./arguments.ts";
import { addTaskOptions, PRIORITIES } from "./task-options.ts";

const load = () => import("../commands/task.ts");

export function addTaskCommands(program: Command, finish: Finish): void {
  const task = program.command("task").description("submit, follow and end tasks");
  addRun(task, finish);

  addPaging(task.command("ls").description("tasks, the newest first"))
    .option("--status <states>", "pending, queued, running, completed, failed, cancelled, timed_out", collectList)
    .option("--priority <priorities>", PRIORITIES, collectList)
    .option("--type <types>", "workflow_subtask, chat_agent, recipe_step, background_job", collectList)
    .option("--correlation-id <id>", "tasks that were submitted with it")
    .option("--after <time>", "submitted at this time or later")
    .option("--before <time>", "submitted before this time")
    .option("--all-workspaces", "of every workspace (admin token)")
    .action(async (_options, command: Command) => finish(await (await load()).taskList(command.optsWithGlobals())));

  task
    .command("show")
    .description("where a task stands, and how it ended")
    .argument("<task>")
    .action(async (id: string, _options, command: Command) =>
      finish(await (await load()).taskShow(id, command.optsWithGlobals())),
    );

  task
    .command("logs")
    .description("what a task's steps wrote")
    .argument("<task>")
    .option("-f, --follow", "go on until the task has ended")
    .action(async (id: string, _options, command: Command) =>
      finish(await (await load()).taskLogs(id, command.optsWithGlobals())),
    );

  task
    .command("events")
    .description("follow a task from its beginning; the exit status tells how it ended")
    .argument("<task>")
    .option("--after <sequence>", "begin after this event", wholeNumber)
    .action(async (id: string, _options, command: Command) =>
      finish(await (await load()).taskEvents(id, command.optsWithGlobals())),
    );

  task
    .command("cancel")
    .description("ask a task to stop")
    .argument("<task>")
    .action(async (id: string, _options, command: Command) =>
      finish(await (await load()).taskCancel(id, command.optsWithGlobals())),
    );

  addAnswers(task, finish);

  task
    .command("retry")
    .description("submit a task that did not complete again, under a new id")
    .argument("<task>")
    .option("-f, --follow", "follow the new task")
    .action(async (id: string, _options, command: Command) =>
      finish(await (await load()).taskRetry(id, command.optsWithGlobals())),
    );
}

function addRun(task: Command, finish: Finish): void {
  const run = task
    .command("run")
    .description("submit a task and follow it; the exit status tells how it ended")
    .option("--id <uuid>", "the task's id; the same id again is the same task")
    .option("--not-before <time>", "start it at this time or later, e.g. 2026-05-01T14:00")
    .option("-d, --detach", "print the task's id and leave")
    .addHelpText(
      "after",
      `
Examples:
  automatos task run --repo https://github.com/acme/shop.git#main --command 'npm test --prefix repos/shop'
  automatos task run --repo https://github.com/acme/shop.git --tool read_file,write_file,execute_command \\
    --prompt 'The tests of repos/shop fail. Find out why and mend it.'
  automatos task run --step '{"tool":"read_file","input":{"path":"repos/shop/package.json"}}' --json
  automatos task run --file task.json --detach`,
    );
  const steps = addTaskOptions(run);
  run.action(async (_options, command: Command) => {
    const { taskRun } = await import("../commands/task-run.ts");
    finish(await taskRun({ ...command.optsWithGlobals<Parameters<typeof taskRun>[0]>(), steps }));
  });
}
