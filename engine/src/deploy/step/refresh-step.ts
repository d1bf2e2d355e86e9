import type { ResourceState } from "../../model.ts";
import { invertDiff, NO_CHANGES } from "../property/diff.ts";
import type { DiffResult } from "../property/diff.ts";
import { mapsEqual } from "../property/value.ts";
import { diffResource } from "../provider/diff-resource.ts";
import { ignoreChanges } from "../ignore-changes.ts";
import { isDefaultProvider, isProviderType } from "../urn.ts";
import { now, providerOf } from "./step.ts";
import type { Step, StepContext } from "./step.ts";

/** Asks a provider what a resource is like now. */
export class RefreshStep implements Step {
  readonly op = "refresh";
  readonly logical = false;
  readonly keys = [];
  readonly old: ResourceState;
  #new: ResourceState | undefined;
  #diff: DiffResult = NO_CHANGES;
  readonly #context: StepContext;

  constructor(context: StepContext, old: ResourceState) {
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
  get urn(): string {
    return this.old.urn;
  }
  get type(): string {
    return this.old.type;
  }
  get provider(): string {
    return this.old.provider ?? "";
  }
  get internal(): boolean {
    return isDefaultProvider(this.urn);
  }
  get diffs(): readonly string[] {
    return this.#diff.changedKeys;
  }
  get detailedDiff(): DiffResult["detailedDiff"] {
    return this.#diff.detailedDiff;
  }

  begin(): Promise<void> {
    return Promise.resolve();
  }

  async apply(): Promise<void> {
    const { old } = this;
    if (!old.custom || isProviderType(old.type) || old.pendingReplacement) return;
    const provider = providerOf(this.#context, old);
    const found = await provider.read({
      urn: old.urn,
      id: old.id ?? "",
      preview: this.#context.dryRun,
      inputs: old.inputs ?? {},
      state: old.outputs ?? {},
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

  settle(): void {
    // Nobody waits for it.
  }
}
