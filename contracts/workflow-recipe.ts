import { z } from "zod";
import { Json } from "./json.ts";
import { AgentTask } from "./task.ts";
import { ToolName } from "./tools.ts";
import { checkRecipe } from "./workflow-checks.ts";

const MAX_WORKFLOW_STEPS = 500;
/** Of a recipe as JSON. */
const MAX_RECIPE_BYTES = 1_048_576;

const stepId = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_-]{0,62}$/)
  .describe("Its own within the recipe.");
const jsonObject = z.record(z.string(), Json);

/**
 * What a step submits. Texts of prompt, systemPrompt, steps and context may hold references; who the task speaks for and
 * what it may use (tools, credentials, resources, repositories) are as they stand, whatever an earlier step has answered.
 */
export const WorkflowTask = AgentTask.omit({
  taskId: true,
  workspaceId: true,
  parentExecutionId: true,
  correlationId: true,
  notBefore: true,
  createdAt: true,
}).extend({
  taskType: z.enum(["recipe_step", "workflow_subtask"]).default("recipe_step"),
  tools: z.array(ToolName).max(100).default([]).describe("Tools that the task's model may call; empty: none."),
  steps: z
    .array(
      z.strictObject({
        tool: ToolName,
        input: jsonObject.describe("As the tool takes it; checked when its references are known."),
        expectedExitCodes: z.array(z.int().min(0).max(255)).min(1).max(256).optional(),
      }),
    )
    .max(1_000)
    .default([])
    .describe("Scripted tool calls, in order, before the model's."),
  context: jsonObject
    .default({})
    .describe("JSON that the agent sees; `input` and the outcomes of `dependsOn`, as `steps`, are added."),
});
export type WorkflowTask = z.output<typeof WorkflowTask>;

const StepCondition = z
  .enum(["success", "no_failure", "failure", "always"])
  .describe(
    "When it runs, once all of dependsOn have ended. success: all completed. no_failure: none failed and one at least was not " +
      "left out, for a join behind a choice. failure: one failed. always: however they ended. A failure that onFailure " +
      "`continue` allows for is none here.",
  );

export const WorkflowStep = z.strictObject({
  id: stepId,
  dependsOn: z.array(stepId).max(100).default([]).describe("Steps that must have ended before this one begins."),
  when: StepCondition.default("success"),
  onlyIf: z
    .strictObject({
      value: z.string().max(1_000).describe("One reference, e.g. `${{ steps.review.result.approved }}`."),
      equals: Json,
    })
    .optional()
    .describe("Else it is left out."),
  onFailure: z
    .enum(["fail", "continue"])
    .default("fail")
    .describe("fail: the execution fails with it. continue: those behind it go on as if it had completed."),
  task: WorkflowTask,
});
export type WorkflowStep = z.output<typeof WorkflowStep>;

/** Steps that depend on one another, each of them a task. */
export const WorkflowRecipe = z
  .strictObject({
    description: z.string().max(2_000).default(""),
    steps: z.array(WorkflowStep).min(1).max(MAX_WORKFLOW_STEPS),
    maxParallel: z
      .int()
      .min(1)
      .max(100)
      .default(10)
      .describe("Steps that are under way at once, waiting ones included."),
    failFast: z
      .boolean()
      .default(true)
      .describe("After a failure nothing begins but what waits for one; what runs goes on to its end."),
    timeoutSeconds: z
      .int()
      .min(1)
      .max(2_592_000)
      .default(86_400)
      .describe("Of the whole, pauses and waiting included; then what runs is cancelled."),
    output: Json.optional().describe("What the execution answers when it completes; may hold references to any step."),
  })
  .superRefine((recipe, context) => {
    for (const { path, message } of checkRecipe(recipe)) context.addIssue({ code: "custom", path: [...path], message });
    const bytes = Buffer.byteLength(JSON.stringify(recipe));
    if (bytes > MAX_RECIPE_BYTES) {
      context.addIssue({ code: "custom", message: `is ${bytes} bytes of JSON, at most ${MAX_RECIPE_BYTES} are taken` });
    }
  });
export type WorkflowRecipe = z.output<typeof WorkflowRecipe>;
