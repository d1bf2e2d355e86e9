/** Asks the providers what has become of the stack's resources. */
import type { ResourceState } from "../model.ts";
import type { Deployment } from "./deployment.ts";
import { ReportedError } from "./errors.ts";
import { RefreshStep } from "./step/refresh-step.ts";
import { isProviderType } from "./urn.ts";
import { dependencyUrns } from "./dependency-graph.ts";

/**
 * Everything is asked, also when something could not be; what could not be stays as it is on record.
 * @param isWanted Which resources are asked for; all by default.
 * @throws ReportedError when something could not be asked.
 */
export async function refresh(
  deployment: Deployment,
  isWanted: (state: ResourceState) => boolean = () => true,
): Promise<void> {
  const { context, executor, journal, olds, providers } = deployment;
  const steps: RefreshStep[] = [];
  for (const state of olds.states) {
    if (!isWanted(state) || !isIncluded(deployment, state)) continue;
    if (state.provider && !isProviderType(state.type)) await providers.ensure(state.provider, (urn) => olds.get(urn));
    steps.push(new RefreshStep(context, state));
  }
  await deployment.tryingAll(() => executor.runParallel(steps));
  const failed = new Set(executor.failedSteps);
  olds.replace(new Map(steps.filter((step) => !failed.has(step)).map((step) => [step.old, step.new])));
  journal.rebase(olds.states);
  if (failed.size > 0) throw new ReportedError("refresh failed");
}

function isIncluded({ targets, excludes, request }: Deployment, state: ResourceState): boolean {
  if (excludes.isConstrained) {
    if (excludes.names(state.urn)) return false;
    if (!request.excludeDependents || ![...dependencyUrns(state)].some((urn) => excludes.names(urn))) return true;
    excludes.add(state.urn);
    return false;
  }
  if (targets.contains(state.urn)) return true;
  if (!request.targetDependents || ![...dependencyUrns(state)].some((urn) => targets.names(urn))) return false;
  targets.add(state.urn);
  return true;
}
