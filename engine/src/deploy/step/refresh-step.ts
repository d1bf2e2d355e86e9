import type { ResourceState } from "../../model.ts";
import { invertDiff, NO_CHANGES } from "../property/diff.ts";
import type { DiffResult } from "../property/diff.ts";
import { mapsEqual } from "../property/value.ts";
import { diffResource } from "../provider/diff-resource.ts";
import { ignoreChanges } from "../ignore-changes.ts";
import { setRefreshBeforeUpdate } from "../goal.ts";
import { isProviderType } from "../urn.ts";
import { now, providerOf, ResourceStep } from "./step.ts";
import type { StepContext } from "./step.ts";

/** Asks a provider what a resource is like now. */
export class RefreshStep extends ResourceStep {
  readonly op = "refresh";
  readonly logical = false;
  readonly old: ResourceState;
  #new: ResourceState | undefined;
  #diff: DiffResult = NO_CHANGES;
  readonly #context: StepContext;

  constructor(context: StepContext, old: ResourceState) {
    super();
    this.#context = context;
    this.old = old;
    this.#new = old;
  }

  /** Undefined when the resource is gone. */
  get new(): ResourceState | undefined {
    return this.#new;
  }
  get countedAs(): "same" | "update" | "delete" {
    if (this.#new === undefined) return "delete";
    if (this.#new === this.old) return "same";
    const isSame = this.old.external ? mapsEqual(this.old.outputs, this.#new.outputs) : this.#diff.changes === "none";
    return isSame ? "same" : "update";
  }
  override get diffs(): readonly string[] {
    return this.#diff.changedKeys;
  }
  override get detailedDiff(): DiffResult["detailedDiff"] {
    return this.#diff.detailedDiff;
  }

  override async apply(): Promise<void> {
    const { old } = this;
    if (!old.custom || isProviderType(old.type) || old.pendingReplacement) return;
    const provider = providerOf(this.#context, old);
    const found = await provider.read({
      urn: old.urn,
      id: old.id ?? "",
      preview: this.#context.dryRun,
      inputs: old.inputs ?? {},
      state: old.outputs ?? {},
      timeoutSeconds: old.customTimeouts?.read ?? 0,
    });
    if (found === undefined) {
      this.#new = undefined;
      return;
    }
    const state: ResourceState = {
      ...old,
      id: found.id,
      inputs: found.inputs ?? old.inputs ?? {},
      outputs: found.outputs,
    };
    delete state.initErrors;
    setRefreshBeforeUpdate(state, found.refreshBeforeUpdate);
    if (found.initErrors !== undefined) {
      state.initErrors = [...found.initErrors];
      this.#context.diagnostics.warning(
        old.urn,
        `Refreshed resource is in an unhealthy state:\n* ${found.initErrors.join("\n* ")}`,
      );
    }
    if (!mapsEqual(state.inputs, old.inputs) || !mapsEqual(state.outputs, old.outputs)) state.modified = now();
    this.#new = state;
    if (!old.external) {
      const answer = await diffResource(
        (request) => provider.diff(request),
        {
          urn: old.urn,
          id: state.id ?? "",
          preview: this.#context.dryRun,
          oldInputs: state.inputs ?? {},
          oldOutputs: state.outputs ?? {},
          newInputs: old.inputs ?? {},
          ignoreChanges: old.ignoreChanges ?? [],
        },
        (news, olds) => ignoreChanges(this.#context.diagnostics, old.urn, news, olds, old.ignoreChanges ?? []),
      );
      this.#diff = invertDiff(answer);
    }
  }

  end(): void {
    // The whole base of the operation is replaced when all are refreshed.
  }
}
