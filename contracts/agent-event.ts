import { z } from "zod";
import { TaskError } from "./task.ts";

const step = z
  .int()
  .min(1)
  .describe("The model's answer, from 1; its tool calls are `step_started` and `step_finished`.");

/** What happens while a model works on a task, as events of the task. */
export const AGENT_EVENTS = [
  z.strictObject({ type: z.literal("agent_step_started"), step, model: z.string() }),
  z.strictObject({
    type: z.literal("model_text"),
    step,
    kind: z.enum(["text", "reasoning"]),
    text: z.string().describe("A piece of the answer as it comes; void when `model_retried` follows."),
  }),
  z.strictObject({
    type: z.literal("model_retried"),
    step,
    error: TaskError,
    waitMs: z.int().min(0).describe("After which the model is asked once more."),
  }),
  z.strictObject({
    type: z.literal("model_answered"),
    step,
    text: z.string().describe("The whole answer, cut at 16 KiB."),
    toolCalls: z.int().min(0),
    finishReason: z.string().describe("As the provider says it: stop, tool-calls, length, …"),
    inputTokens: z.int().min(0),
    outputTokens: z.int().min(0),
    estimated: z.boolean().describe("The provider did not count; these tokens are an estimate."),
    durationMs: z.number().min(0),
  }),
  z.strictObject({
    type: z.literal("context_trimmed"),
    step,
    tokensBefore: z.int().min(0),
    tokensAfter: z.int().min(0),
    condensedResults: z.int().min(0).describe("Results of tools whose text was left out of what the model sees."),
    droppedAnswers: z.int().min(0).describe("Answers that were left out with their calls and results."),
  }),
  z.strictObject({ type: z.literal("agent_resumed"), step, interruptedCalls: z.int().min(0) }),
] as const;
