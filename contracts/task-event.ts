import { z } from "zod";
import { AGENT_EVENTS } from "./agent-event.ts";
import { ApprovalDecision, ApprovalQuestion } from "./approval.ts";
import { StepResult, TaskError, TaskResult } from "./task.ts";

/** What can happen to a task. A new kind is added here first. */
export const TaskEventBody = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("task_submitted") }),
  z.strictObject({ type: z.literal("task_queued") }),
  z.strictObject({ type: z.literal("task_admitted") }),
  z.strictObject({ type: z.literal("task_started"), workerId: z.string(), attempt: z.int().min(1) }),
  z.strictObject({
    type: z.literal("repository_ready"),
    name: z.string(),
    url: z.string(),
    action: z.enum(["cloned", "fetched"]),
    commit: z.string(),
    durationMs: z.number(),
  }),
  z.strictObject({ type: z.literal("step_started"), index: z.int().min(0), tool: z.string(), summary: z.string() }),
  z.strictObject({
    type: z.literal("step_output"),
    index: z.int().min(0),
    stream: z.enum(["stdout", "stderr"]),
    text: z.string(),
  }),
  z.strictObject({ type: z.literal("step_finished"), step: StepResult }),
  z.strictObject({ type: z.literal("warning"), code: z.string(), message: z.string(), remedy: z.string() }),
  ApprovalQuestion.omit({ input: true }).extend({
    type: z.literal("approval_requested"),
    expiresAt: z.iso.datetime({ offset: true }).describe("Unanswered by then, the task fails."),
  }),
  z.strictObject({
    type: z.literal("approval_decided"),
    callId: z.string(),
    decision: z.enum([...ApprovalDecision.options, "expired"]),
    by: z.string().nullable().describe("Null where nobody answered in time."),
    comment: z.string().nullable(),
  }),
  ...AGENT_EVENTS,
  z.strictObject({ type: z.literal("cancel_requested") }),
  z.strictObject({ type: z.literal("task_requeued"), attempt: z.int().min(0), error: TaskError }),
  z.strictObject({ type: z.literal("task_ended"), result: TaskResult }),
]);
export type TaskEventBody = z.infer<typeof TaskEventBody>;

/** An event as it is kept and served: numbered per task from 1, without gaps. */
export const TaskEvent = z.strictObject({
  taskId: z.uuid(),
  sequence: z.int().min(1),
  at: z.iso.datetime({ offset: true }),
  body: TaskEventBody,
});
export type TaskEvent = z.infer<typeof TaskEvent>;

/** The last event of every task: nothing follows it. */
export const isTerminalEvent = (event: TaskEvent): boolean => event.body.type === "task_ended";
