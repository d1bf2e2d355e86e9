import { Approval, type ApprovalDecision } from "../../contracts/approval.ts";
import { ApprovalPage, TaskApprovals } from "../../contracts/approval-api.ts";
import { checkedId, Context, type GlobalOptions } from "../context.ts";
import { UsageError } from "../errors.ts";
import { EXIT } from "../exit-codes.ts";
import { brief, localTime } from "../output/format.ts";
import { forTerminal } from "../output/style.ts";
import { table } from "../output/table.ts";

export interface ApprovalListOptions extends GlobalOptions {
  readonly task?: string;
  readonly status?: readonly string[];
  readonly allWorkspaces?: boolean;
  readonly limit?: number;
  readonly cursor?: string;
}

export async function approvalList(options: ApprovalListOptions): Promise<number> {
  const context = await Context.create(options);
  if (options.task !== undefined) {
    const path = `/api/tasks/${checkedId("task", options.task)}/approvals`;
    const all = await context.client.call("GET", path, TaskApprovals);
    context.answer(all, () => all.items.map((approval) => inFull(context, approval)).join("\n\n") || "no questions");
    return EXIT.ok;
  }
  const query = {
    workspaceId: options.allWorkspaces === true ? undefined : context.defaultWorkspaceId,
    status: options.status,
    limit: options.limit,
    cursor: options.cursor,
  };
  const list = await context.client.call("GET", "/api/approvals", ApprovalPage, { query });
  context.answer(list, () => {
    if (list.items.length === 0) return "no questions";
    const rows = list.items.map((approval) => [
      approval.taskId,
      approval.callId,
      approval.status,
      approval.tool,
      approval.level,
      localTime(approval.expiresAt),
      brief(forTerminal(approval.summary, false), 60),
    ]);
    return table(["TASK", "CALL", "STATUS", "TOOL", "LEVEL", "UNTIL", "WHAT"], rows);
  });
  if (!context.json && list.nextCursor !== null) context.note(`More: add --cursor ${list.nextCursor}`);
  return EXIT.ok;
}

/** A question with the whole input of its call: what a person must have seen before he answers. */
function inFull({ style }: Context, approval: Approval): string {
  const { callId, tool, level, status, expiresAt, decidedBy, comment, input } = approval;
  const by = decidedBy === null ? "" : ` by ${forTerminal(decidedBy, false)}`;
  const why = comment === null ? "" : `: ${forTerminal(comment, false)}`;
  const state = status === "waiting" ? `waits until ${localTime(expiresAt)}` : `${status}${by}${why}`;
  return `${style.bold(callId)} ${tool} (${level}), ${state}\n${forTerminal(JSON.stringify(input, undefined, 2), false)}`;
}

export interface AnswerOptions extends GlobalOptions {
  readonly comment?: string;
}

/** Answers the question about `call`; without one, the task's only question that waits. */
export async function taskAnswer(
  decision: ApprovalDecision,
  id: string,
  call: string | undefined,
  options: AnswerOptions,
): Promise<number> {
  const context = await Context.create(options);
  const path = `/api/tasks/${checkedId("task", id)}/approvals`;
  const callId = call ?? (await openQuestion(context, path)).callId;
  const approval = await context.client.call("POST", `${path}/${encodeURIComponent(callId)}`, Approval, {
    body: { decision, comment: options.comment },
    repeatable: true, // the same answer twice is one
  });
  context.answer(
    approval,
    () => `${approval.status}: ${approval.tool} ${brief(forTerminal(approval.summary, false), 160)}`,
  );
  return EXIT.ok;
}

async function openQuestion(context: Context, path: string): Promise<Approval> {
  const { items } = await context.client.call("GET", path, TaskApprovals);
  const open = items.find(({ status }) => status === "waiting");
  if (open !== undefined) return open;
  throw new UsageError("the task asks nothing at present", "`automatos approvals` lists the questions that wait.");
}
