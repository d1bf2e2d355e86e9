/** From what the program wants to the steps that bring it about. */
import type { ResourceState } from "../../model.ts";
import { replaceWithOf, stateOf } from "../goal.ts";
import type { Goal, Registration } from "../goal.ts";
import { ignoreChanges } from "../ignore-changes.ts";
import type { OldResources } from "../old-resources.ts";
import { NO_CHANGES, someChanges, triggersReplace } from "../property/diff.ts";
import type { DiffResult } from "../property/diff.ts";
import { containsUnknowns, mapsEqual } from "../property/value.ts";
import type { Policies, PolicyTurn } from "../policy/policies.ts";
import { diffResource } from "../provider/diff-resource.ts";
import { DiffUnavailableError } from "../provider/provider.ts";
import type { Provider } from "../provider/provider.ts";
import { isProviderType, isRootStack, parseProviderReference } from "../urn.ts";
import { CreateStep } from "./create-step.ts";
import { stateOfRead } from "../read-goal.ts";
import type { ReadGoal } from "../read-goal.ts";
import type { Identities } from "./identities.ts";
import { ImportStep } from "./import-step.ts";
import type { Progress } from "./progress.ts";
import { ReadStep } from "./read-step.ts";
import { ReplaceStep } from "./replace-step.ts";
import { providerChanged } from "./provider-change.ts";
import type { ReplacementPlanner } from "./replacement-planner.ts";
import { SameStep } from "./same-step.ts";
import { NO_DIFFERENCES } from "./step.ts";
import type { Step, StepContext } from "./step.ts";
import type { TargetRules } from "./target-rules.ts";

interface GeneratorDeps {
  context: StepContext;
  olds: OldResources;
  progress: Progress;
  targets: TargetRules;
  planner: ReplacementPlanner;
  identities: Identities;
  policies: Policies;
}

/** A registration with its URN, the old state that it goes on from, and its place among the others. */
interface Claim {
  registration: Registration;
  state: ResourceState;
  old: ResourceState | undefined;
  turn: PolicyTurn;
}

export class StepGenerator {
  readonly #deps: GeneratorDeps;
  /** Decisions are made one after the other: each looks at those before it. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(deps: GeneratorDeps) {
    this.#deps = deps;
  }

  /**
   * What follows from a registration. `onImported` is called with the further registration of an imported resource.
   * Up to its first `await` it claims the URN, so registrations are accepted in their order.
   */
  async generate(registration: Registration, onSteps: (steps: Step[]) => Promise<void>): Promise<void> {
    const { progress } = this.#deps;
    const { goal } = registration;
    const urn = this.#deps.identities.claimUrn(goal.parent, goal.type, goal.name);
    const old = this.#deps.identities.findOld(urn, goal);
    const state = stateOf(urn, goal, old);
    if (isProviderType(goal.type)) {
      progress.providers.set(urn, state);
      const former = progress.renamedFrom.get(urn);
      if (former !== undefined) progress.providers.set(former, state);
    }
    const turn = this.#deps.policies.enter();
    try {
      await this.#follow({ registration, state, old, turn }, onSteps);
    } finally {
      turn.leave();
    }
  }

  async #follow(claim: Claim, onSteps: (steps: Step[]) => Promise<void>): Promise<void> {
    const { context, progress } = this.#deps;
    const { registration, state, old, turn } = claim;
    const { goal } = registration;
    const { urn } = state;
    const provider = goal.custom ? await this.#providerFor(state) : undefined;
    const recreating = progress.deletes.has(urn);
    const formerId = old?.importID ?? old?.id;
    if (goal.custom && goal.importId !== "" && (old === undefined || old.external || formerId !== goal.importId)) {
      progress.imports.add(urn);
      // What comes after it need not wait until it is there.
      turn.leave();
      let found: ResourceState | undefined;
      const step = new ImportStep(context, state, recreating ? undefined : old, (imported) => (found = imported));
      await onSteps(old === undefined || recreating ? [step] : [step, new ReplaceStep(old, state, NO_DIFFERENCES)]);
      if (found === undefined) return;
      await onSteps(
        await this.#compare({ ...claim, state: stateOf(urn, goal, found), old: found }, provider, recreating),
      );
      return;
    }
    await onSteps(await this.#compare(claim, provider, recreating));
  }

  generateRead(goal: ReadGoal, settle: (state: ResourceState) => void): Step[] {
    const { context, progress } = this.#deps;
    const urn = this.#deps.identities.claimUrn(goal.parent, goal.type, goal.name);
    if (goal.id === "") throw new Error(`Expected an ID for ${urn}`);
    const old = this.#deps.identities.findOld(urn, { ...goal, aliases: [] });
    const state = stateOfRead(urn, goal);
    if (old !== undefined && !old.external && old.id !== goal.id) {
      progress.replaces.add(urn);
      return [new ReadStep(context, old, state, true, settle), new ReplaceStep(old, state, NO_DIFFERENCES)];
    }
    progress.reads.add(urn);
    return [new ReadStep(context, old, state, false, settle)];
  }

  async #providerFor(state: ResourceState): Promise<Provider> {
    const { providers } = this.#deps.context;
    if (state.provider !== undefined && !isProviderType(state.type) && providers.get(state.provider) === undefined) {
      await providers.ensure(state.provider, (urn) => this.#deps.olds.get(urn));
      this.#deps.targets.keepUntargeted(parseProviderReference(state.provider).urn);
    }
    return providers.providerFor(state);
  }

  async #compare(
    { registration, state, old, turn }: Claim,
    provider: Provider | undefined,
    recreating: boolean,
  ): Promise<Step[]> {
    const { context, progress, targets } = this.#deps;
    const { goal } = registration;
    const { urn } = state;
    const isTargeted = isProviderType(goal.type) || isRootStack(urn) || targets.includes(state);
    const replaceAnyway = targets.mustReplace(urn, old);
    if (provider !== undefined) {
      const fresh = recreating || old === undefined || old.external === true || replaceAnyway;
      state.inputs = isTargeted
        ? await this.#check(provider, state, goal, fresh ? undefined : old)
        : (old?.inputs ?? goal.inputs);
    }
    if (isTargeted) targets.keepDependencies(state);
    state.inputs = await turn.check(state, goal);
    if (recreating && old !== undefined) return this.#recreate(registration, state, old);
    if (old?.external) {
      progress.creates.add(urn);
      return [
        new CreateStep(context, registration, state, { ...NO_DIFFERENCES, old, pendingDelete: true }),
        new ReplaceStep(old, state, NO_DIFFERENCES),
      ];
    }
    if (isTargeted) targets.markIncluded(state);
    if (old === undefined) {
      if (isTargeted) {
        progress.creates.add(urn);
        return targets.validate([new CreateStep(context, registration, state)]);
      }
      progress.sames.add(urn);
      progress.skippedCreates.add(urn);
      return targets.validate([new SameStep(context, { ...state }, state, { registration, skippedCreate: true })]);
    }
    if (!isTargeted) return targets.validate(targets.untargetedSteps(old, registration));
    const triggered = triggersReplace(state.replacementTrigger, old.replacementTrigger);
    if (!context.dryRun && state.replacementTrigger !== undefined && containsUnknowns(state.replacementTrigger))
      throw new Error(`replacement trigger contains unknowns for ${urn}`);
    const diff = triggered ? someChanges() : await this.#diff(state, old, goal, provider, replaceAnyway);
    return this.#inTurn(async () => {
      if (progress.deletes.has(urn)) return this.#recreate(registration, state, old);
      const steps = await this.#deps.planner.plan(registration, state, old, provider, diff, triggered);
      if (steps.length > 0) return targets.validate(steps);
      if (progress.imports.has(urn)) {
        registration.settle({ state: old, unknown: false });
        return [];
      }
      progress.sames.add(urn);
      return targets.validate([new SameStep(context, old, state, { registration })]);
    });
  }

  /** A resource that was deleted in this operation since one was replaced on which it depends. */
  #recreate(registration: Registration, state: ResourceState, old: ResourceState): Step[] {
    const { context, progress } = this.#deps;
    progress.deletes.delete(state.urn);
    progress.replaces.add(state.urn);
    const keys = progress.dependentReplaceKeys.get(state.urn) ?? [];
    return [
      new ReplaceStep(old, state, NO_DIFFERENCES),
      new CreateStep(context, registration, state, { ...NO_DIFFERENCES, keys, old, pendingDelete: false }),
    ];
  }

  async #check(provider: Provider, state: ResourceState, goal: Goal, old: ResourceState | undefined) {
    const { context } = this.#deps;
    const olds = old?.inputs ?? {};
    const { inputs, failures } = await provider.check({
      urn: state.urn,
      preview: context.dryRun,
      olds: old === undefined ? undefined : olds,
      news:
        old === undefined
          ? goal.inputs
          : ignoreChanges(context.diagnostics, state.urn, goal.inputs, olds, goal.ignoreChanges),
    });
    this.#deps.planner.reportFailures(state, failures);
    return inputs;
  }

  async #diff(
    state: ResourceState,
    old: ResourceState,
    goal: Goal,
    provider: Provider | undefined,
    replaceAnyway: boolean,
  ): Promise<DiffResult> {
    const { context, progress } = this.#deps;
    if (replaceAnyway) return someChanges("id");
    if (replaceWithOf(state).some((urn) => progress.replaces.has(urn))) return someChanges("replaceWith");
    if (state.deletedWith !== undefined && progress.replaces.has(state.deletedWith)) return someChanges("deletedWith");
    if (await providerChanged(this.#deps, state, old)) return someChanges("provider");
    if (provider === undefined) return mapsEqual(old.inputs, state.inputs) ? NO_CHANGES : someChanges();
    try {
      return await diffResource(
        (request) => provider.diff(request),
        {
          urn: state.urn,
          id: old.id ?? "",
          preview: context.dryRun,
          oldInputs: old.inputs ?? {},
          oldOutputs: old.outputs ?? {},
          newInputs: state.inputs ?? {},
          ignoreChanges: goal.ignoreChanges,
        },
        (news, olds) => ignoreChanges(context.diagnostics, state.urn, news, olds, goal.ignoreChanges),
      );
    } catch (error) {
      if (!(error instanceof DiffUnavailableError)) throw error;
      context.diagnostics.warning(state.urn, error.message);
      return someChanges();
    }
  }

  #inTurn<Result>(work: () => Promise<Result> | Result): Promise<Result> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
  }
}
