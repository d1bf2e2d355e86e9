import { z } from "zod";
import { AgentTask } from "../../../contracts/task.ts";
import type { WorkflowStep } from "../../../contracts/workflow-recipe.ts";
import type { Queryable } from "../../runtime/database.ts";
import { Allowance, MAX_RESOLVED_BYTES } from "./allowance.ts";
import { StepNotResolvableError } from "./errors.ts";
import type { ExecutionRow, StepRow } from "./execution-record.ts";
import { outcomeOf, resolve, type KnownValues } from "./references.ts";

/**
 * The task of a step whose turn has come: made of the recipe, the input and how earlier steps ended, none of which changes
 * any more, so that whoever makes it again makes the same.
 *
 * @throws StepNotResolvableError
 */
export async function makeTask(
  database: Queryable,
  execution: ExecutionRow,
  step: WorkflowStep,
  taskId: string,
  steps: readonly StepRow[],
): Promise<AgentTask> {
  const known = knownValues(execution, steps);
  const allowance = new Allowance();
  const { prompt, systemPrompt, steps: calls, context, ...asTheyStand } = step.task;
  const resolved = (await resolve(database, { prompt, systemPrompt, steps: calls, context }, known, allowance)) as {
    readonly prompt: unknown;
    readonly systemPrompt: unknown;
    readonly context: Readonly<Record<string, unknown>>;
  };
  const outcomes: Record<string, unknown> = {};
  for (const id of step.dependsOn) {
    const before = known.steps.get(id);
    if (before !== undefined) outcomes[id] = await outcomeOf(database, known, before, allowance);
  }
  const { executionId, workspaceId, correlationId, input } = execution;
  const given = {
    ...asTheyStand,
    ...resolved,
    prompt: asText(resolved.prompt),
    systemPrompt: resolved.systemPrompt === undefined ? undefined : asText(resolved.systemPrompt),
    context: { ...resolved.context, input, steps: outcomes },
    ...{ taskId, workspaceId, correlationId, parentExecutionId: executionId },
  };
  const bytes = Buffer.byteLength(JSON.stringify(given));
  if (bytes > MAX_RESOLVED_BYTES) {
    throw new StepNotResolvableError(
      "VALUE_TOO_LARGE",
      `the task of step ${step.id} is ${bytes} bytes of JSON, at most ${MAX_RESOLVED_BYTES} are taken`,
      "Hand large values on in files of the workspace, and depend on fewer steps at once.",
    );
  }
  const parsed = AgentTask.safeParse(given);
  if (parsed.success) return parsed.data;
  throw new StepNotResolvableError(
    "TASK_INVALID",
    `the task of step ${step.id} is not valid: ${z.prettifyError(parsed.error).slice(0, 2_000)}`,
    "Look at the values that its references stand for.",
  );
}

export const knownValues = (execution: ExecutionRow, steps: readonly StepRow[]): KnownValues => ({
  executionId: execution.executionId,
  workspaceId: execution.workspaceId,
  input: execution.input,
  steps: new Map(steps.map((row) => [row.stepId, row])),
});

/** A prompt that is one reference may stand for any JSON. */
const asText = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));
