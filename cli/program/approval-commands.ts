import type { Command } from "commander";
import type { ApprovalDecision } from "../../contracts/approval.ts";
import { addPaging, collectList, type Finish } from "./arguments.ts";

const load = () => import("../commands/approvals.ts");

/** `approvals`: what tasks ask people. */
export function addApprovalCommands(program: Command, finish: Finish): void {
  addPaging(program.command("approvals").description("what tasks ask before they go on, the newest first"))
    .option("--task <task>", "all that one task has asked, with the whole input of each call")
    .option("--status <states>", "waiting (default), approved, denied, expired, withdrawn", collectList)
    .option("--all-workspaces", "of every workspace (admin token)")
    .action(async (_options, command: Command) => finish(await (await load()).approvalList(command.optsWithGlobals())));
}

/** `task approve` and `task deny`. */
export function addAnswers(task: Command, finish: Finish): void {
  const add = (name: string, decision: ApprovalDecision, description: string): void => {
    task
      .command(name)
      .description(description)
      .argument("<task>")
      .argument("[call]", "which call, e.g. step-0; default: the one that it asks about")
      .option("--comment <text>", "why; the task's agent reads it when the call is denied")
      .action(async (id: string, call: string | undefined, _options, command: Command) =>
        finish(await (await load()).taskAnswer(decision, id, call, command.optsWithGlobals())),
      );
  };
  add("approve", "approved", "allow the tool call that a task asks about");
  add("deny", "denied", "deny the tool call that a task asks about");
}
