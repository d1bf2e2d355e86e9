import type { SkipReason, StepState } from "../../../contracts/workflow.ts";
import { inOrder } from "../../../contracts/workflow-graph.ts";
import type { WorkflowRecipe, WorkflowStep } from "../../../contracts/workflow-recipe.ts";

/** Where a step stands. */
export interface StepStanding {
  readonly status: StepState;
  readonly skipReason: SkipReason | null;
}

export interface Decision {
  readonly skip: readonly { readonly id: string; readonly reason: SkipReason }[];
  /** In the recipe's order, as many as may be under way. */
  readonly start: readonly string[];
  /** Every step has ended, counting those that are left out here. */
  readonly hasEnded: boolean;
}

/** What a step's end means for those behind it. */
type Verdict = "ok" | "failed" | "skipped";

const FAILURES: ReadonlySet<StepState> = new Set(["failed", "cancelled", "timed_out"]);
const UNDER_WAY: ReadonlySet<StepState> = new Set(["starting", "submitted"]);

/** Whether the execution fails with it. */
export const isFatal = (step: Pick<WorkflowStep, "onFailure">, { status }: StepStanding): boolean =>
  FAILURES.has(status) && step.onFailure === "fail";

/** Undefined while it has not ended. */
function verdictOf(step: WorkflowStep, standing: StepStanding): Verdict | undefined {
  const { status, skipReason } = standing;
  if (status === "skipped")
    return skipReason === "condition" || skipReason === "dependency_skipped" ? "skipped" : "failed";
  if (status === "completed") return "ok";
  if (FAILURES.has(status)) return isFatal(step, standing) ? "failed" : "ok";
  return undefined;
}

/**
 * What comes next, from where the steps stand and nothing else: two who look at the same record decide the same.
 * `stopping`: the whole is cancelled, or its time is over, so that nothing begins any more.
 */
export function decide(
  recipe: Pick<WorkflowRecipe, "steps" | "failFast" | "maxParallel">,
  standings: ReadonlyMap<string, StepStanding>,
  stopping: boolean,
): Decision {
  const now = new Map(standings);
  const standingOf = (id: string): StepStanding => now.get(id) ?? { status: "waiting", skipReason: null };
  const stopped = recipe.failFast && recipe.steps.some((step) => isFatal(step, standingOf(step.id)));
  const steps = new Map(recipe.steps.map((step) => [step.id, step]));
  const skip: { id: string; reason: SkipReason }[] = [];
  const ready = new Set<string>();
  for (const step of inOrder(recipe.steps)) {
    if (standingOf(step.id).status !== "waiting") continue;
    const verdicts = step.dependsOn.map((id) => {
      const before = steps.get(id);
      return before === undefined ? undefined : verdictOf(before, standingOf(id));
    });
    const next = stopping ? "cancelled" : nextOf(step, verdicts, stopped);
    if (next === "ready") ready.add(step.id);
    if (next === "ready" || next === "wait") continue;
    skip.push({ id: step.id, reason: next });
    now.set(step.id, { status: "skipped", skipReason: next });
  }
  const underWay = recipe.steps.filter(({ id }) => UNDER_WAY.has(standingOf(id).status)).length;
  const start = recipe.steps.map(({ id }) => id).filter((id) => ready.has(id));
  return {
    skip,
    start: start.slice(0, Math.max(0, recipe.maxParallel - underWay)),
    hasEnded: ready.size === 0 && recipe.steps.every((step) => verdictOf(step, standingOf(step.id)) !== undefined),
  };
}

function nextOf(
  { when }: WorkflowStep,
  verdicts: readonly (Verdict | undefined)[],
  stopped: boolean,
): "wait" | "ready" | SkipReason {
  const forSuccess = when === "success" || when === "no_failure";
  if (forSuccess && verdicts.includes("failed")) return "dependency_failed";
  if (forSuccess && stopped) return "stopped";
  if (verdicts.includes(undefined)) return "wait";
  switch (when) {
    case "always":
      return "ready";
    case "failure":
      return verdicts.includes("failed") ? "ready" : "condition";
    case "success":
      return verdicts.includes("skipped") ? "dependency_skipped" : "ready";
    case "no_failure":
      return verdicts.length > 0 && verdicts.every((verdict) => verdict === "skipped") ? "dependency_skipped" : "ready";
  }
}

/**
 * The steps that an execution which tries this one again need not repeat: they completed, or were left out because of what
 * they depend on, and so did all before them.
 */
export function keptSteps(
  recipe: Pick<WorkflowRecipe, "steps">,
  standings: ReadonlyMap<string, StepStanding>,
): ReadonlySet<string> {
  const kept = new Set<string>();
  for (const step of inOrder(recipe.steps)) {
    const standing = standings.get(step.id);
    if (standing === undefined || !step.dependsOn.every((id) => kept.has(id))) continue;
    if (standing.status === "completed" || verdictOf(step, standing) === "skipped") kept.add(step.id);
  }
  return kept;
}
