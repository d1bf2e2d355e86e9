import type { Command } from "commander";
import type { StepFlag } from "../commands/task-run.ts";
import { collect, collectList, wholeNumber } from "./arguments.ts";

export const PRIORITIES = "critical, high, normal or low";

/** What a task is made of, for every command that makes one. Returns the steps that its flags fill. */
export function addTaskOptions(command: Command): readonly StepFlag[] {
  // --step and --command fill one list: their order on the command line is the order of the steps.
  const steps: StepFlag[] = [];
  const step = (kind: StepFlag["kind"]) => (text: string) => {
    steps.push({ kind, text });
    return steps.length;
  };
  command
    .option("--command <line>", "a step that runs this command line; may be given more than once", step("command"))
    .option("--step <json>", "a step as JSON; may be given more than once", step("json"))
    .option("--prompt <text>", "what a model shall do, after the steps where there are any")
    .option("--system-prompt <text>", "told to the model beside what the platform tells it")
    .option(
      "--tool <names>",
      "tools that the model may call, e.g. read_file,execute_command; none is none",
      collectList,
    )
    .option("--model <name>", "one of the stack's models (default: the stack's first)")
    .option("--max-steps <count>", "answers that the model may give", wholeNumber)
    .option("--token-budget <tokens>", "tokens that the model may read and write", wholeNumber)
    .option("--file <file>", "a task as JSON, `-` for the standard input; flags win over it, steps are added")
    .option("--credential <names>", "credentials of the workspace that the task is given; none is none", collectList)
    .option("--repo <url[#ref]>", "a repository that the task needs below repos/; may be given more than once", collect)
    .option("--type <type>", "workflow_subtask, chat_agent, recipe_step or background_job")
    .option("--priority <priority>", PRIORITIES)
    .option("--timeout <seconds>", "end it after so long", wholeNumber)
    .option("--approval-timeout <seconds>", "how long it waits for a person's answer", wholeNumber)
    .option("--max-retries <count>", "how often it is started again when its worker was lost", wholeNumber)
    .option("--correlation-id <id>", "find it again with `task ls --correlation-id`")
    .option("--no-network", "the sandbox has no network at all");
  return steps;
}
