import type { ResourceState } from "../../model.ts";
import type { Registration } from "../goal.ts";
import { isDefaultProvider } from "../urn.ts";
import { now, PartialFailureError, providerOf } from "./step.ts";
import type { Differences, Step, StepContext } from "./step.ts";

/** Changes a resource in place. */
export class UpdateStep implements Step {
  readonly op = "update";
  readonly countedAs = "update";
  readonly logical = true;
  readonly keys = [];
  readonly old: ResourceState;
  readonly new: ResourceState;
  readonly diffs: readonly string[];
  readonly detailedDiff: Differences["detailedDiff"];
  readonly #context: StepContext;
  readonly #registration: Registration;

  constructor(
    context: StepContext,
    registration: Registration,
    old: ResourceState,
    state: ResourceState,
    differences: Differences,
  ) {
    this.#context = context;
    this.#registration = registration;
    this.old = old;
    this.new = state;
    this.diffs = differences.diffs;
    this.detailedDiff = differences.detailedDiff;
  }

  get urn(): string {
    return this.new.urn;
  }
  get type(): string {
    return this.new.type;
  }
  get provider(): string {
    return this.new.provider ?? "";
  }
  get internal(): boolean {
    return isDefaultProvider(this.urn);
  }

  async begin(): Promise<void> {
    if (this.old.id !== undefined) this.new.id = this.old.id;
    if (this.new.custom) await this.#context.journal.begin(this.new, "updating");
  }

  async apply(): Promise<void> {
    const { old, new: state } = this;
    await this.#context.runHooks("beforeUpdate", state, old);
    let failure: string | undefined;
    if (state.custom) {
      const applied = await providerOf(this.#context, state).update({
        urn: state.urn,
        id: old.id ?? "",
        preview: this.#context.dryRun,
        oldInputs: old.inputs ?? {},
        oldOutputs: old.outputs ?? {},
        newInputs: state.inputs ?? {},
        ignoreChanges: this.#registration.goal.ignoreChanges,
        timeoutSeconds: state.customTimeouts?.update ?? 0,
      });
      state.outputs = applied.outputs;
      state.modified = now();
      if (applied.initErrors !== undefined) {
        state.initErrors = [...applied.initErrors];
        failure = applied.initErrorMessage;
        // The next update must see the change that did not succeed.
        state.inputs = old.inputs ?? {};
      }
    } else state.outputs = old.outputs ?? {};
    if (failure !== undefined) throw new PartialFailureError(failure);
    if (state.custom) await this.#context.runHooks("afterUpdate", state, old);
  }

  end(outcome: "done" | "partial" | "failed"): void {
    if (outcome === "failed") this.#context.journal.abandon(this.new);
    else this.#context.journal.put(this.new, this.old);
  }

  settle(): void {
    this.#registration.settle({ state: this.new, unknown: false });
  }
}
