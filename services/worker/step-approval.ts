import { z } from "zod";
import type { ApprovalAnswer, ApprovalQuestion } from "../../contracts/approval.ts";
import { PlatformError } from "../../contracts/errors.ts";
import type { JsonValue } from "../../contracts/json.ts";
import { StepResult } from "../../contracts/task.ts";
import { decideTool, TOOLS, type TaskStep, type ToolPolicy } from "../../contracts/tools.ts";
import type { TaskPause } from "../runner/task-runner.ts";
import { summariseCall } from "../sandbox/tools/summarise-call.ts";

/** What a pause of scripted steps keeps: the results of those that are done. */
const StepsCheckpoint = z.strictObject({ kind: z.literal("steps"), steps: z.array(StepResult) });

export class StepDeniedByPersonError extends PlatformError {
  constructor(tool: string, { by, comment }: Pick<ApprovalAnswer, "by" | "comment">) {
    super("TOOL_DENIED_BY_PERSON", `${by} denied ${tool}${comment === null ? "" : `: ${comment}`}`, {
      remedy: "Leave the step out or change it, and submit the task again.",
      status: 403,
    });
  }
}

/** Names a scripted step's call where people are asked about it. */
export const stepCallId = (index: number): string => `step-${index}`;

/** The results of the steps that an earlier attempt had done when it paused; none where it did not pause. */
export function stepsDone(checkpoint: JsonValue | null): StepResult[] {
  const parsed = StepsCheckpoint.safeParse(checkpoint);
  return parsed.success ? parsed.data.steps : [];
}

/** The pause that a step needs before it may be run; undefined when it needs none, or has its answer. */
export function pauseBefore(
  step: TaskStep,
  index: number,
  context: {
    readonly policy: ToolPolicy;
    readonly approvals: ReadonlyMap<string, ApprovalAnswer>;
    readonly steps: readonly StepResult[];
  },
): TaskPause | undefined {
  const callId = stepCallId(index);
  if (context.approvals.has(callId) || decideTool(context.policy, step.tool) !== "ask") return undefined;
  const { tool, input } = step;
  const question: ApprovalQuestion = { callId, tool, input, level: TOOLS[tool].level, summary: summariseCall(step) };
  // Results came out of JSON or go into it.
  const checkpoint = { kind: "steps", steps: context.steps } as unknown as JsonValue;
  return { status: "paused", question, checkpoint, steps: context.steps, tokensUsed: 0 };
}
