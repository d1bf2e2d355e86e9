import { PlatformError } from "../../contracts/errors.ts";
import type { StepResult } from "../../contracts/task.ts";
import type { TaskStep, ToolPolicy } from "../../contracts/tools.ts";
import type { TaskExecution, TaskOutcome } from "../runner/task-runner.ts";
import type { Sandbox, SandboxProfile } from "../sandbox/sandbox.ts";
import { runTool } from "../sandbox/tools/registry.ts";
import { CommandCancelledError, CommandFailedError } from "../sandbox/tools/tool-errors.ts";
import { summariseCall } from "../sandbox/tools/summarise-call.ts";
import type { ApiTools, ToolResult } from "../sandbox/tools/tool.ts";
import type { TaskFolder } from "../workspace/workspace-volume.ts";
import { limitReached } from "./quota-guard.ts";
import { pauseBefore, StepDeniedByPersonError, stepCallId, stepsDone } from "./step-approval.ts";
import { toolContext } from "./tool-context.ts";

export interface RunStepsOptions {
  readonly execution: TaskExecution;
  readonly sandbox: Sandbox;
  readonly profile: SandboxProfile;
  /** The task's own log. */
  readonly folder: { readonly log: Pick<TaskFolder["log"], "write"> };
  readonly toolPolicy: ToolPolicy;
  /** Undefined: the tools that run at the API are not configured for tasks. */
  readonly apiTools: ApiTools | undefined;
}

const FAILED = { status: "failed", result: null, tokensUsed: 0 } as const;

export class StepFailedError extends PlatformError {
  constructor(tool: string, exitCode: number | null, expected: readonly number[]) {
    super(
      "STEP_FAILED",
      `${tool} ended with ${exitCode === null ? "a signal" : `exit code ${exitCode}`}, expected ${expected.join(" or ")}`,
      {
        remedy: "Read the step's output; list the exit code in expectedExitCodes if it is not a failure.",
        status: 422,
      },
    );
  }
}

/**
 * Runs the scripted steps in order. The first that fails fails the task, and those after it are not run. A step that a
 * person must allow first pauses the task; it then goes on at this step, without the ones before it.
 */
export async function runSteps(options: RunStepsOptions): Promise<TaskOutcome> {
  const { execution } = options;
  const steps = stepsDone(execution.checkpoint);
  for (const [index, step] of execution.task.steps.entries()) {
    if (index < steps.length) continue;
    // What was done so far stands in the record, whatever stopped the task between two steps.
    if (execution.signal.aborted) {
      const error = limitReached(execution.signal) ?? new CommandCancelledError();
      return { ...FAILED, error: error.toTaskError(), steps };
    }
    const { approvals } = execution;
    const pause = pauseBefore(step, index, { policy: options.toolPolicy, approvals, steps });
    if (pause !== undefined) return pause;
    const result = await runStep(options, step, index);
    steps.push(result);
    execution.emit({ type: "step_finished", step: result });
    if (!result.ok) return { ...FAILED, error: result.error, steps };
  }
  return { status: "completed", result: steps.at(-1)?.output ?? null, error: null, steps, tokensUsed: 0 };
}

async function runStep(options: RunStepsOptions, step: TaskStep, index: number): Promise<StepResult> {
  const { execution, folder } = options;
  const startedAt = performance.now();
  const summary = summariseCall(step);
  execution.emit({ type: "step_started", index, tool: step.tool, summary });
  folder.log.write(`\n==> ${step.tool}: ${summary}\n`);
  const callId = stepCallId(index);
  const approval = execution.approvals.get(callId);
  const context = toolContext(options, { index, callId, approved: approval?.decision === "approved" });
  const answer =
    approval?.decision === "denied"
      ? { ok: false, output: null, error: new StepDeniedByPersonError(step.tool, approval) }
      : await runTool(step.tool, step.input, context, options.toolPolicy);
  const error = limitReached(execution.signal) ?? judge(step, answer);
  return {
    index,
    tool: step.tool,
    ok: error === null,
    exitCode: answer.exitCode ?? null,
    output: answer.output,
    error: error?.toTaskError() ?? null,
    durationMs: Math.round(performance.now() - startedAt),
  };
}

/** A call that could not be made fails the step; so does an exit code that nobody expects. */
function judge(step: TaskStep, answer: ToolResult): PlatformError | null {
  const hasExitCode = answer.ok || answer.error instanceof CommandFailedError;
  if (step.tool !== "execute_command" || !hasExitCode) return answer.error;
  const { expectedExitCodes } = step;
  const exitCode = answer.exitCode ?? null;
  if (exitCode !== null && expectedExitCodes.includes(exitCode)) return null;
  return new StepFailedError(step.tool, exitCode, expectedExitCodes);
}
