/** Operations that failed are tried again as long as the program's error hooks want it. */
import type { ResourceState } from "../../model.ts";
import { messageOf, PluginCrashedError } from "../errors.ts";
import { hooksOf } from "../goal.ts";
import type { FailedOperation } from "../protocol/hooks.ts";
import type { StepContext } from "./step.ts";

/** Pulumi's limit. */
const MAX_ATTEMPTS = 100;

interface Attempts {
  operation: FailedOperation;
  /** What is made, changed or deleted; its hooks are asked. */
  state: ResourceState;
  old?: ResourceState;
}

/** A resource that is there but unhealthy counts as a failure too; it is returned when no hook wants another try. */
export async function withRetries<Result extends { initErrorMessage?: string } | undefined>(
  context: StepContext,
  { operation, state, old }: Attempts,
  attempt: () => Promise<Result>,
): Promise<Result> {
  if (hooksOf(state, "onError").length === 0) return attempt();
  const failures: string[] = [];
  for (;;) {
    const outcome = await settled(attempt);
    const failure = failureOf(outcome);
    if (failure === undefined) return unwrap(outcome);
    failures.unshift(failure);
    if (failures.length >= MAX_ATTEMPTS) {
      context.diagnostics.warning(state.urn, `maximum number of error hook retries (${MAX_ATTEMPTS}) reached`);
      throw new Error("maximum number of error hook retries reached");
    }
    const isOver = "error" in outcome && outcome.error instanceof PluginCrashedError;
    if (isOver || !(await context.wantRetry(operation, state, old, failures))) return unwrap(outcome);
    context.diagnostics.warning(
      state.urn,
      `retrying ${operation} due to on-error hook request (${failures.length}/${MAX_ATTEMPTS})`,
    );
  }
}

type Outcome<Result> = { result: Result } | { error: unknown };

async function settled<Result>(attempt: () => Promise<Result>): Promise<Outcome<Result>> {
  try {
    return { result: await attempt() };
  } catch (error) {
    return { error };
  }
}

function failureOf(outcome: Outcome<{ initErrorMessage?: string } | undefined>): string | undefined {
  return "error" in outcome ? messageOf(outcome.error) : outcome.result?.initErrorMessage;
}

function unwrap<Result>(outcome: Outcome<Result>): Result {
  if ("error" in outcome) throw outcome.error;
  return outcome.result;
}
