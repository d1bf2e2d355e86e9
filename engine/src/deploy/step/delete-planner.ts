/** What is left over when the program is done: deleted, unless the user named other targets. */
import type { ResourceState } from "../../model.ts";
import { deleteOrder } from "../dependency-graph.ts";
import { ReportedError } from "../errors.ts";
import type { OldResources } from "../old-resources.ts";
import type { UrnTargets } from "../targets.ts";
import { without } from "../without.ts";
import { DeleteStep, RemovePendingReplaceStep } from "./delete-step.ts";
import type { Progress } from "./progress.ts";
import { SameStep } from "./same-step.ts";
import type { Step, StepContext } from "./step.ts";
import type { StepExecutor } from "./step-executor.ts";

interface DeletePlannerDeps {
  context: StepContext;
  olds: OldResources;
  progress: Progress;
  targets: UrnTargets;
  targetDependents: boolean;
  excludes: UrnTargets;
  executor: StepExecutor;
}

/** Deletes what the operation left over, dependants first. @throws ReportedError */
export async function deleteLeftOvers(deps: DeletePlannerDeps): Promise<void> {
  const { executor, olds } = deps;
  const { kept, deletes } = await planDeletes(deps);
  await executor.runChain(kept);
  const stepOf = new Map(deletes.map((step) => [step.old, step]));
  const graph = olds.graph;
  const blocked = new Set<ResourceState>();
  let seen = 0;
  for (const group of deleteOrder(graph, [...stepOf.keys()])) {
    for (const failed of executor.failedSteps.slice(seen)) {
      for (const state of [failed.old, failed.new]) {
        if (state !== undefined && graph.contains(state))
          for (const needed of graph.transitiveDependenciesOf(state)) blocked.add(needed);
      }
    }
    seen = executor.failedSteps.length;
    await executor.runParallel(
      group.filter((state) => !blocked.has(state)).flatMap((state) => stepOf.get(state) ?? []),
    );
  }
}

type LeftOver = DeleteStep | RemovePendingReplaceStep;

async function planDeletes(deps: DeletePlannerDeps): Promise<{ kept: Step[]; deletes: LeftOver[] }> {
  const { context, olds, progress, targets, targetDependents } = deps;
  const mayDelete = deletable(deps);
  const kept: Step[] = [];
  const deletes: LeftOver[] = [];
  for (const state of olds.states) {
    if (!mayDelete(state)) {
      if (!progress.isOperatedOn(state.urn)) kept.push(untouched(context, state));
      continue;
    }
    const step = leftOver(deps, state);
    if (step === undefined) continue;
    progress.deletes.add(state.urn);
    if (state.provider) await context.providers.ensure(state.provider, (urn) => olds.get(urn));
    deletes.push(step);
  }
  const unnamed = targetDependents ? [] : deletes.filter((step) => !targets.contains(step.urn));
  for (const step of unnamed) {
    context.diagnostics.error(
      step.urn,
      `Resource '${step.urn}' will be destroyed but was not specified in --target list.\n` +
        "Either include resource in --target list or pass --target-dependents to proceed.",
    );
    context.recordError(new ReportedError("delete untargeted resource"));
  }
  if (unnamed.length > 0 && !context.dryRun) throw new ReportedError("delete untargeted resource");
  return { kept, deletes };
}

function leftOver({ context, progress }: DeletePlannerDeps, state: ResourceState): LeftOver | undefined {
  if (state.delete) {
    return progress.condemned.has(state) ? undefined : new DeleteStep(context, state, { replacing: true });
  }
  if (progress.isOperatedOn(state.urn)) return undefined;
  return state.pendingReplacement ? new RemovePendingReplaceStep(context, state) : new DeleteStep(context, state);
}

function untouched(context: StepContext, state: ResourceState): Step {
  return new SameStep(context, state, without(state, "id"), { untargeted: true });
}

function deletable({ olds, targets, excludes }: DeletePlannerDeps): (state: ResourceState) => boolean {
  if (targets.isConstrained) {
    const named = olds.states.filter(({ urn }) => targets.names(urn));
    const allowed = new Set(named.map(({ urn }) => urn));
    for (const root of named)
      for (const { urn } of olds.graph.dependingOn(root, (other) => allowed.has(other), true)) allowed.add(urn);
    return ({ urn }) => allowed.has(urn);
  }
  if (excludes.isConstrained) {
    const forbidden = new Set<string>();
    for (const root of olds.states.filter(({ urn }) => excludes.names(urn))) {
      forbidden.add(root.urn);
      for (const { urn } of olds.graph.transitiveDependenciesOf(root)) forbidden.add(urn);
    }
    return ({ urn }) => !forbidden.has(urn);
  }
  return () => true;
}
