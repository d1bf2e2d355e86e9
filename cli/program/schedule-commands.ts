import type { Command } from "commander";
import { addPaging, wholeNumber, type Finish } from "./arguments.ts";
import { addTaskOptions } from "./task-options.ts";

const load = () => import("../commands/schedule.ts");

/** `schedule`: tasks that are submitted again and again. */
export function addScheduleCommands(program: Command, finish: Finish): void {
  const schedule = program.command("schedule").description("submit tasks again and again, by the clock");
  const create = schedule
    .command("create")
    .description("make a schedule and print its id")
    .argument("<name>")
    .requiredOption(
      "--cron <expression>",
      "minute, hour, day of the month, month, day of the week, e.g. '0 6 * * MON-FRI'",
    )
    .option("--time-zone <name>", "whose clock is meant, e.g. Europe/Berlin; default: UTC")
    .option("--overlap <policy>", "skip (default) or allow: what happens while the last task has not ended")
    .option("--catch-up <seconds>", "how late a missed time may be made up for; default: 3600", wholeNumber)
    .option("--paused", "do not start yet")
    .option("--id <uuid>", "its id; the same again is the same schedule");
  const steps = addTaskOptions(create);
  create.action(async (name: string, _options, command: Command) => {
    const options = command.optsWithGlobals<Parameters<Awaited<ReturnType<typeof load>>["scheduleCreate"]>[1]>();
    finish(await (await load()).scheduleCreate(name, { ...options, steps }));
  });

  schedule
    .command("ls")
    .description("the workspace's schedules")
    .action(async (_options, command: Command) => finish(await (await load()).scheduleList(command.optsWithGlobals())));
  schedule
    .command("show")
    .description("a schedule, its next time and what became of the last")
    .argument("<schedule>")
    .action(async (id: string, _options, command: Command) =>
      finish(await (await load()).scheduleShow(id, command.optsWithGlobals())),
    );
  addPaging(
    schedule.command("runs").description("what became of its times, the newest first").argument("<schedule>"),
  ).action(async (id: string, _options, command: Command) =>
    finish(await (await load()).scheduleRuns(id, command.optsWithGlobals())),
  );
  for (const [verb, paused, description] of [
    ["pause", true, "stop a schedule"],
    ["resume", false, "have it go on with its next time"],
  ] as const) {
    schedule
      .command(verb)
      .description(description)
      .argument("<schedule>")
      .action(async (id: string, _options, command: Command) =>
        finish(await (await load()).schedulePause(id, paused, command.optsWithGlobals())),
      );
  }
  schedule
    .command("run")
    .description("submit its task now and print the task's id")
    .argument("<schedule>")
    .option("-f, --follow", "follow the task")
    .action(async (id: string, _options, command: Command) =>
      finish(await (await load()).scheduleRun(id, command.optsWithGlobals())),
    );
  schedule
    .command("rm")
    .description("remove a schedule; the tasks that it has submitted stay")
    .argument("<schedule>")
    .action(async (id: string, _options, command: Command) =>
      finish(await (await load()).scheduleRemove(id, command.optsWithGlobals())),
    );
}
