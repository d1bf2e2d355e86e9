import { z } from "zod";
import { Approval, ApprovalDecision, ApprovalStatus, CallId } from "./approval.ts";
import { anyOf, page, pageOf } from "./http-api.ts";

/** What the API takes and answers about questions of tasks to people. */

export const ApprovalListQuery = z.strictObject({
  ...page,
  workspaceId: z.uuid().toLowerCase().optional().describe("Default: the token's workspace; with an admin token, all."),
  status: anyOf(ApprovalStatus).default(["waiting"]).describe("Default: those that wait for an answer."),
});
export type ApprovalListQuery = z.output<typeof ApprovalListQuery>;

/** The newest first. */
export const ApprovalPage = pageOf(Approval);
export type ApprovalPage = z.infer<typeof ApprovalPage>;

/** All that one task has asked, in the order in which it did. */
export const TaskApprovals = z.strictObject({ items: z.array(Approval) });

export const ApprovalAnswerRequest = z.strictObject({
  decision: ApprovalDecision,
  comment: z.string().max(2_000).optional().describe("Why; the task's agent reads it when the call is denied."),
});

export const ApprovalParams = z.strictObject({ taskId: z.uuid().toLowerCase(), callId: CallId });
