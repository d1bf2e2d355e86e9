/** What follows from a difference: an update, or a replacement with all that has to go before it. */
import { Unknown } from "../../model.ts";
import type { PropertyValue, ResourceState } from "../../model.ts";
import { ReportedError } from "../errors.ts";
import { replaceWithOf } from "../goal.ts";
import type { Registration } from "../goal.ts";
import { ignoreChanges } from "../ignore-changes.ts";
import type { OldResources } from "../old-resources.ts";
import { applyReplaceOnChanges, describeValue, requiresReplace } from "../property/diff.ts";
import type { DiffResult } from "../property/diff.ts";
import { diffResource } from "../provider/diff-resource.ts";
import type { CheckFailure, Provider } from "../provider/provider.ts";
import { isProviderType, parseProviderReference, urnName } from "../urn.ts";
import { CreateStep } from "./create-step.ts";
import { DeleteStep } from "./delete-step.ts";
import type { Progress } from "./progress.ts";
import { ReplaceStep } from "./replace-step.ts";
import type { Differences, Step, StepContext } from "./step.ts";
import { UpdateStep } from "./update-step.ts";

interface DependentReplace {
  state: ResourceState;
  keys: readonly string[];
}

interface PlannerDeps {
  context: StepContext;
  olds: OldResources;
  progress: Progress;
  /** URNs that the user asked to replace. */
  mustReplace: (urn: string, old: ResourceState | undefined) => boolean;
}

export class ReplacementPlanner {
  readonly #deps: PlannerDeps;

  constructor(deps: PlannerDeps) {
    this.#deps = deps;
  }

  /** No steps where nothing has to change. */
  async plan(
    registration: Registration,
    state: ResourceState,
    old: ResourceState,
    provider: Provider | undefined,
    answer: DiffResult,
    triggered: boolean,
  ): Promise<Step[]> {
    const { context, progress } = this.#deps;
    const { goal } = registration;
    const hasInitErrors = (old.initErrors ?? []).length > 0;
    const diff = applyReplaceOnChanges(answer, goal.replaceOnChanges, hasInitErrors);
    if (diff.changes !== "some" && !old.pendingReplacement && !hasInitErrors) return [];
    const differences: Differences = {
      keys: diff.replaceKeys,
      diffs: diff.changedKeys,
      detailedDiff: diff.detailedDiff,
    };
    const replace = requiresReplace(diff) || triggered || old.pendingReplacement === true;
    if (!replace) {
      progress.updates.add(state.urn);
      return [new UpdateStep(context, registration, old, state, differences)];
    }
    this.#refuseReplacement(registration, state, old, diff);
    progress.replaces.add(state.urn);
    if (provider !== undefined && !this.#deps.mustReplace(state.urn, old)) {
      // A replacement is a new resource: its provider must not lean on the old one's inputs.
      const { inputs, failures } = await provider.check({
        urn: state.urn,
        preview: context.dryRun,
        olds: undefined,
        news: goal.inputs,
      });
      this.reportFailures(state, failures);
      state.inputs = inputs;
    }
    if (goal.deleteBeforeReplace ?? diff.deleteBeforeReplace)
      return this.#deleteFirst(registration, state, old, differences);
    return [
      new CreateStep(context, registration, state, { ...differences, old, pendingDelete: true }),
      new ReplaceStep(old, state, differences),
    ];
  }

  /** @throws ReportedError when there are any. */
  reportFailures(state: ResourceState, failures: readonly CheckFailure[]): void {
    if (failures.length === 0) return;
    for (const { property, reason } of failures) {
      const where = property === "" ? "" : `: property ${property} value ${describeValue(state.inputs?.[property])}`;
      this.#deps.context.diagnostics.error(
        state.urn,
        `${state.type} resource '${urnName(state.urn)}'${where} has a problem: ${reason}`,
      );
    }
    throw new ReportedError(`resource ${state.urn} is invalid`);
  }

  #refuseReplacement(registration: Registration, state: ResourceState, old: ResourceState, diff: DiffResult): void {
    const { context } = this.#deps;
    if (state.protect && old.protect) {
      const message =
        `unable to replace resource ${JSON.stringify(state.urn)}\n` +
        "as it is currently marked for protection. To unprotect the resource, remove the `protect` flag from the " +
        "resource in your Pulumi program and run `pulumi up`";
      this.#report(state.urn, message);
    }
    if (registration.goal.importId !== "") {
      const changes = diff.replaceKeys.map(
        (key) => `${key}: ${describeValue(old.inputs?.[key])} => ${describeValue(state.inputs?.[key])}`,
      );
      const message =
        "previously-imported resources that still specify an ID may not be replaced; " +
        `please remove the \`import\` declaration from your program;\n${changes.join("\n")}`;
      if (!context.dryRun) throw new Error(message);
      context.diagnostics.warning(state.urn, message);
    }
  }

  /** A preview goes on after what it refuses, to show the rest. */
  #report(urn: string, message: string): void {
    this.#deps.context.diagnostics.error(urn, message);
    const error = new ReportedError(message);
    if (!this.#deps.context.dryRun) throw error;
    this.#deps.context.recordError(error);
  }

  async #deleteFirst(
    registration: Registration,
    state: ResourceState,
    old: ResourceState,
    differences: Differences,
  ): Promise<Step[]> {
    const { context, olds, progress } = this.#deps;
    const steps: Step[] = [];
    const dependents = [...(await this.#dependentReplacements(old)), ...this.#cascade(state.urn)];
    for (const { state: dependent, keys } of dependents.reverse()) {
      if (progress.condemned.has(dependent)) continue;
      progress.dependentReplaceKeys.set(dependent.urn, keys);
      if (dependent.delete) steps.push(new DeleteStep(context, dependent));
      else {
        if (dependent.protect) {
          const message =
            `unable to replace resource ${JSON.stringify(dependent.urn)} as part of replacing ${JSON.stringify(state.urn)} ` +
            "as it is currently marked for protection. To unprotect the resource, remove the `protect` flag from the " +
            "resource in your Pulumi program and run `pulumi up`, or use the command:\n" +
            `\`pulumi state unprotect '${dependent.urn}'\``;
          context.diagnostics.error(state.urn, message);
          throw new ReportedError(message);
        }
        steps.push(new DeleteStep(context, dependent, { replacing: true, pendingReplacement: true }));
      }
      progress.deletes.add(dependent.urn);
      progress.condemned.add(dependent);
    }
    if (old.provider) await context.providers.ensure(old.provider, (urn) => olds.get(urn));
    if (!old.pendingReplacement) {
      progress.deletes.add(old.urn);
      steps.push(new DeleteStep(context, old, { replacing: true, pendingReplacement: true }));
    }
    return [
      ...steps,
      new ReplaceStep(old, state, differences),
      new CreateStep(context, registration, state, { ...differences, old, pendingDelete: false }),
    ];
  }

  /** Those that depend on the resource, however indirectly, and would be replaced if what they use of it changed. */
  async #dependentReplacements(root: ResourceState): Promise<DependentReplace[]> {
    const { olds, progress } = this.#deps;
    const replaced = new Set([root.urn]);
    const result: DependentReplace[] = [];
    for (const dependent of olds.graph.dependingOn(root, (urn) => progress.hasStep(urn), false)) {
      const keys = await this.#replaceKeys(dependent, replaced);
      if (keys === undefined) continue;
      replaced.add(dependent.urn);
      result.push({ state: dependent, keys });
    }
    return result;
  }

  async #replaceKeys(state: ResourceState, replaced: ReadonlySet<string>): Promise<readonly string[] | undefined> {
    const { context, olds } = this.#deps;
    if (!state.custom || state.external) return undefined;
    if (state.provider) {
      const isReplaced = replaced.has(parseProviderReference(state.provider).urn);
      await context.providers.ensure(state.provider, (urn) => olds.get(urn));
      if (isReplaced) return [];
    }
    if (state.deletedWith && replaced.has(state.deletedWith)) return [];
    let isAffected = false;
    const inputs: Record<string, PropertyValue> = {};
    for (const [key, value] of Object.entries(state.inputs ?? {})) {
      const affected = (state.propertyDependencies?.[key] ?? []).some((urn) => replaced.has(urn));
      inputs[key] = affected ? Unknown.instance : value;
      isAffected ||= affected;
    }
    if (!isAffected) return undefined;
    if (isProviderType(state.type)) await context.providers.same(state);
    const provider = context.providers.providerFor(state);
    const paths = state.ignoreChanges ?? [];
    const answer = await diffResource(
      (request) => provider.diff(request),
      {
        urn: state.urn,
        id: state.id ?? "",
        preview: true,
        oldInputs: state.inputs ?? {},
        oldOutputs: state.outputs ?? {},
        newInputs: inputs,
        ignoreChanges: paths,
      },
      (news, former) => ignoreChanges(context.diagnostics, state.urn, news, former, paths),
    );
    const diff = applyReplaceOnChanges(answer, state.replaceOnChanges ?? [], false);
    return requiresReplace(diff) ? diff.replaceKeys : undefined;
  }

  /** Those that go where the resource goes. */
  #cascade(urn: string): DependentReplace[] {
    return this.#deps.olds.states
      .filter((state) => !state.delete && (state.deletedWith === urn || replaceWithOf(state).includes(urn)))
      .map((state) => ({ state, keys: [] }));
  }
}
