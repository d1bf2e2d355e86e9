import { z } from "zod";
import { Json } from "./json.ts";
import { TaskError } from "./task.ts";
import { TaskEventBody } from "./task-event.ts";
import { ExecutionState, SkipReason } from "./workflow.ts";

/** What happens to an execution itself. */
export const WorkflowEventBody = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("workflow_started"), workflowId: z.string(), version: z.int().nullable() }),
  z.strictObject({ type: z.literal("workflow_step_kept"), stepId: z.string(), taskId: z.uuid() }),
  z.strictObject({ type: z.literal("workflow_step_submitted"), stepId: z.string(), taskId: z.uuid() }),
  z.strictObject({ type: z.literal("workflow_step_delayed"), stepId: z.string(), error: TaskError }),
  z.strictObject({ type: z.literal("workflow_step_failed"), stepId: z.string(), error: TaskError }),
  z.strictObject({ type: z.literal("workflow_step_skipped"), stepId: z.string(), reason: SkipReason }),
  z.strictObject({ type: z.literal("workflow_cancel_requested") }),
  z.strictObject({
    type: z.literal("workflow_ended"),
    status: ExecutionState.exclude(["running"]),
    output: Json.nullable(),
    error: TaskError.nullable(),
  }),
]);
export type WorkflowEventBody = z.infer<typeof WorkflowEventBody>;

/** An event of an execution or of one of its tasks: numbered for the whole from 1, without gaps. */
export const WorkflowEvent = z.strictObject({
  executionId: z.uuid(),
  sequence: z.int().min(1),
  at: z.iso.datetime({ offset: true }),
  task: z
    .strictObject({ stepId: z.string(), taskId: z.uuid(), sequence: z.int().min(1).describe("Among the task's own.") })
    .nullable()
    .describe("Whose event it is; null: the execution's own."),
  body: z.union([WorkflowEventBody, TaskEventBody]),
});
export type WorkflowEvent = z.infer<typeof WorkflowEvent>;

/** The last event of every execution: nothing follows it. */
export const isLastWorkflowEvent = (event: WorkflowEvent): boolean => event.body.type === "workflow_ended";
