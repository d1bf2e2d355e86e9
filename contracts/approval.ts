import { z } from "zod";
import { Json } from "./json.ts";
import { ToolLevel } from "./tools.ts";

const instant = z.iso.datetime({ offset: true });

/** A tool call that waits for a person: `step-<index>` of a scripted step, `call-<answer>-<id>` of a model's call. */
export const CallId = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,199}$/);

/** What a task asks before it makes a tool call that its workspace does not let it make by itself. */
export const ApprovalQuestion = z.strictObject({
  callId: CallId.describe("Names the call within its task; one id is asked about once."),
  tool: z.string(),
  level: ToolLevel,
  input: Json.describe("The tool's input; long texts are cut with a word about what is missing."),
  summary: z.string().describe("The call in a line for people."),
});
export type ApprovalQuestion = z.infer<typeof ApprovalQuestion>;

export const ApprovalDecision = z.enum(["approved", "denied"]);
export type ApprovalDecision = z.infer<typeof ApprovalDecision>;

/** What a person has said to a question. */
export const ApprovalAnswer = z.strictObject({
  decision: ApprovalDecision,
  by: z.string().describe("`admin:<name>` or `workspace:<id>:<name>`."),
  at: instant,
  comment: z.string().nullable(),
});
export type ApprovalAnswer = z.infer<typeof ApprovalAnswer>;

/**
 * waiting: nobody has answered yet. expired: nobody did within the task's approvalTimeoutSeconds, and the task has
 * failed of it or is about to. withdrawn: the task was cancelled before anybody did.
 */
export const ApprovalStatus = z.enum(["waiting", "approved", "denied", "expired", "withdrawn"]);
export type ApprovalStatus = z.infer<typeof ApprovalStatus>;

/** A question with all that is known of it. */
export const Approval = ApprovalQuestion.extend({
  taskId: z.uuid(),
  workspaceId: z.uuid(),
  status: ApprovalStatus,
  askedAt: instant,
  expiresAt: instant.describe("Unanswered by then, the task fails with APPROVAL_EXPIRED."),
  decidedAt: instant.nullable().describe("When it was answered, expired or was withdrawn; null while it waits."),
  decidedBy: z.string().nullable().describe("Who answered; null where nobody did."),
  comment: z.string().nullable(),
});
export type Approval = z.infer<typeof Approval>;
