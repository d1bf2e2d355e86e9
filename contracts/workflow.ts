import { z } from "zod";
import { anyOf, page, pageOf } from "./http-api.ts";
import { Json } from "./json.ts";
import { TaskError, TERMINAL_STATES } from "./task.ts";
import { WorkflowRecipe } from "./workflow-recipe.ts";

const instant = z.iso.datetime({ offset: true });

/** The name of a workflow, chosen by the caller. */
export const WorkflowId = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/);

/** Of the input of an execution, as JSON. */
export const MAX_INPUT_BYTES = 262_144;

/** A stored recipe. */
export const Workflow = z.strictObject({
  workflowId: WorkflowId,
  workspaceId: z.uuid(),
  version: z.int().min(1).describe("Counts the contents that it has had; an execution names the one that it runs."),
  description: z.string(),
  stepCount: z.int().min(1),
  createdAt: instant.describe("Of this version."),
});
export type Workflow = z.infer<typeof Workflow>;

export const WorkflowDetails = Workflow.extend({ recipe: z.looseObject({}).describe("As given, with its defaults.") });
export type WorkflowDetails = z.infer<typeof WorkflowDetails>;

export const WorkflowList = z.strictObject({ items: z.array(Workflow) });

const inWorkspace = { workspaceId: z.uuid().toLowerCase().optional().describe("Default: the token's workspace.") };
export const WorkflowQuery = z.strictObject(inWorkspace);
export const WorkflowReadQuery = z.strictObject({
  ...inWorkspace,
  version: z.coerce.number().int().min(1).max(2_147_483_647).optional().describe("Default: the newest."),
});

export const WorkflowExecutionRequest = z.strictObject({
  ...inWorkspace,
  executionId: z
    .uuid()
    .toLowerCase()
    .optional()
    .describe("Given again with the same contents, it is the same execution. Default: made."),
  recipe: WorkflowRecipe.optional().describe("Run in place of the stored one, which need not exist then."),
  version: z.int().min(1).max(2_147_483_647).optional().describe("Of the stored recipe. Default: the newest."),
  input: Json.default({}).describe("What `${{ input }}` stands for."),
  correlationId: z.string().min(1).max(200).optional().describe("Of its tasks. Default: `workflow:<executionId>`."),
});
export type WorkflowExecutionRequest = z.output<typeof WorkflowExecutionRequest>;

export const ExecutionState = z.enum(["running", ...TERMINAL_STATES]);
export type ExecutionState = z.infer<typeof ExecutionState>;

export const StepState = z
  .enum(["waiting", "starting", "submitted", ...TERMINAL_STATES, "skipped"])
  .describe("waiting: for those before it. starting: its turn has come. submitted: the task's own state says more.");
export type StepState = z.infer<typeof StepState>;

export const SkipReason = z
  .enum(["condition", "dependency_skipped", "dependency_failed", "stopped", "cancelled"])
  .describe(
    "condition: when or onlyIf did not hold. dependency_skipped, dependency_failed: of one before it. stopped: another step " +
      "failed. cancelled: with the whole, or because its time was over.",
  );
export type SkipReason = z.infer<typeof SkipReason>;

export const ExecutionStep = z.strictObject({
  stepId: z.string(),
  dependsOn: z.array(z.string()),
  status: StepState,
  taskId: z.uuid().nullable(),
  kept: z.boolean().describe("It completed in the execution that this one tries again."),
  skipReason: SkipReason.nullable(),
  error: TaskError.nullable().describe("Why it failed, or why it cannot start yet."),
  startedAt: instant.nullable().describe("When its turn came."),
  endedAt: instant.nullable(),
});
export type ExecutionStep = z.infer<typeof ExecutionStep>;

export const WorkflowExecution = z.strictObject({
  executionId: z.uuid(),
  workspaceId: z.uuid(),
  workflowId: WorkflowId,
  version: z.int().min(1).nullable().describe("Null: the recipe came with the request."),
  retryOf: z.uuid().nullable(),
  correlationId: z.string(),
  status: ExecutionState,
  cancelRequested: z.boolean(),
  steps: z.partialRecord(StepState, z.int().min(0)).describe("How many steps are in each state."),
  error: TaskError.nullable(),
  createdAt: instant,
  deadlineAt: instant,
  completedAt: instant.nullable(),
});
export type WorkflowExecution = z.infer<typeof WorkflowExecution>;

export const WorkflowExecutionDetails = WorkflowExecution.omit({ steps: true }).extend({
  input: Json,
  output: Json.nullable(),
  steps: z.array(ExecutionStep).describe("In the recipe's order."),
});
export type WorkflowExecutionDetails = z.infer<typeof WorkflowExecutionDetails>;

export const WorkflowExecutionQuery = z.strictObject({
  ...page,
  workspaceId: z.uuid().toLowerCase().optional().describe("Default: the token's workspace; with an admin token, all."),
  workflowId: WorkflowId.optional(),
  status: anyOf(ExecutionState).optional(),
  correlationId: z.string().min(1).max(200).optional(),
});
export type WorkflowExecutionQuery = z.output<typeof WorkflowExecutionQuery>;

/** The newest first. */
export const WorkflowExecutionList = pageOf(WorkflowExecution);
export type WorkflowExecutionList = z.infer<typeof WorkflowExecutionList>;

export const WorkflowCancellation = z.strictObject({
  accepted: z.boolean().describe("False when it had already ended."),
  execution: WorkflowExecutionDetails,
});
export type WorkflowCancellation = z.infer<typeof WorkflowCancellation>;

export const WorkflowRetryRequest = z.strictObject({
  newExecutionId: z
    .uuid()
    .toLowerCase()
    .optional()
    .describe("Id of the new execution; given again, the same retry is meant. Default: made."),
});
