import { z } from "zod";
import { CallId } from "./approval.ts";
import { Json } from "./json.ts";
import { ApiToolName, ToolDecision } from "./tools.ts";

/** A call of a tool that runs at the API, as a task's worker makes it. */
export const TaskToolCall = z.strictObject({
  callId: CallId.optional().describe("Which of the task's calls it is; a person's approval is found by it."),
  input: Json.describe("The tool's input, as docs/reference/tools.md has it."),
});
export type TaskToolCall = z.infer<typeof TaskToolCall>;

export const TaskToolAnswer = z.strictObject({ output: Json.nullable().describe("What the tool answers.") });
export type TaskToolAnswer = z.infer<typeof TaskToolAnswer>;

/** The tools of the API, as one task has them. */
export const TaskToolList = z.strictObject({
  tools: z.array(
    z.strictObject({
      name: ApiToolName,
      decision: ToolDecision,
      configured: z.boolean().describe("Whether this installation has it for the task's workspace."),
    }),
  ),
});
export type TaskToolList = z.infer<typeof TaskToolList>;
