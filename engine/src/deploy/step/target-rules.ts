/** Which resources an operation leaves alone, since the user named others (`--target`, `--exclude`, `--replace`). */
import type { ResourceState } from "../../model.ts";
import { dependencyUrns } from "../dependency-graph.ts";
import { ReportedError } from "../errors.ts";
import type { Registration } from "../goal.ts";
import type { OldResources } from "../old-resources.ts";
import type { UrnTargets } from "../targets.ts";
import { without } from "../without.ts";
import type { Progress } from "./progress.ts";
import { SameStep } from "./same-step.ts";
import type { Step, StepContext } from "./step.ts";

interface TargetRulesDeps {
  context: StepContext;
  olds: OldResources;
  progress: Progress;
  targets: UrnTargets;
  targetDependents: boolean;
  excludes: UrnTargets;
  excludeDependents: boolean;
  replaces: UrnTargets;
}

export class TargetRules {
  readonly #deps: TargetRulesDeps;
  /** What is updated since it depends on a target. */
  readonly #included = new Set<string>();
  /** Old resources that must stay on record, as something that is updated needs them. */
  #kept: Step[] = [];
  readonly #keptUrns = new Set<string>();

  constructor(deps: TargetRulesDeps) {
    this.#deps = deps;
  }

  includes(state: ResourceState): boolean {
    const { targets, excludes, excludeDependents, targetDependents } = this.#deps;
    if (targets.isConstrained) {
      if (targets.names(state.urn)) return true;
      return targetDependents && [...needs(state)].some((urn) => targets.names(urn) || this.#included.has(urn));
    }
    if (!excludes.isConstrained) return true;
    if (excludes.names(state.urn)) return false;
    if (!excludeDependents || ![...needs(state)].some((urn) => excludes.names(urn))) return true;
    excludes.add(state.urn); // so that what depends on this one follows
    return false;
  }

  markIncluded(state: ResourceState): void {
    if (this.#deps.targets.isConstrained && this.includes(state)) this.#included.add(state.urn);
  }

  mustReplace(urn: string, old: ResourceState | undefined): boolean {
    return this.#deps.replaces.names(urn) || old?.extra?.["taint"] === true;
  }

  /** The resource stays as it is, and so does everything it needs that the program did not register yet. */
  untargetedSteps(old: ResourceState, registration: Registration): Step[] {
    const steps: Step[] = [];
    const visit = (state: ResourceState, owner: Registration | undefined) => {
      const { context, olds, progress } = this.#deps;
      progress.urns.add(state.urn);
      progress.sames.add(state.urn);
      for (const urn of needs(state)) {
        if (progress.hasStep(urn)) continue;
        const dependency = olds.get(urn);
        if (dependency === undefined) {
          const message = `dependency ${urn} of untargeted resource ${state.urn} has no old state`;
          context.diagnostics.error(state.urn, message);
          throw new ReportedError(message);
        }
        visit(dependency, undefined);
      }
      steps.push(new SameStep(context, state, without(state, "id"), { registration: owner, untargeted: true }));
    };
    visit(old, registration);
    return steps;
  }

  /** A resource of the old state is needed that the program did not register. */
  keepUntargeted(urn: string): void {
    const { context, olds, progress } = this.#deps;
    const old = olds.get(urn);
    if (old === undefined || this.#keptUrns.has(urn) || progress.hasStep(urn)) return;
    this.#keptUrns.add(urn);
    for (const needed of needs(old)) this.keepUntargeted(needed);
    this.#kept.push(new SameStep(context, old, without(old, "id"), { untargeted: true }));
  }

  keepDependencies(state: ResourceState): void {
    if (this.#deps.targets.isConstrained) for (const urn of needs(state)) this.keepUntargeted(urn);
  }

  /**
   * The steps, with those before them that keep what they need on record.
   * @throws ReportedError when one needs a resource that is not made, as it is no target.
   */
  validate(steps: Step[]): Step[] {
    const { context, progress, targets, replaces } = this.#deps;
    const kept = this.#kept.filter(({ urn }) => !progress.hasStep(urn) && !progress.isOperatedOn(urn));
    this.#kept = [];
    for (const { urn } of kept) {
      progress.urns.add(urn);
      progress.sames.add(urn);
    }
    if (targets.isConstrained || replaces.isConstrained) {
      for (const step of steps) {
        if (step.new === undefined || (step instanceof SameStep && step.skippedCreate)) continue;
        for (const urn of needs(step.new)) {
          if (!progress.skippedCreates.has(urn)) continue;
          const message = `Resource '${step.urn}' depends on '${urn}' which was was not specified in --target list.`;
          context.diagnostics.error(step.urn, message);
          if (!context.dryRun) throw new ReportedError(message);
          context.recordError(new ReportedError(message));
          progress.skippedCreates.delete(urn);
        }
      }
    }
    return [...kept, ...steps];
  }
}

function needs(state: ResourceState): Set<string> {
  const urns = dependencyUrns(state);
  if (state.parent) urns.add(state.parent);
  return urns;
}
