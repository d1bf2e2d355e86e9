import type { ResourceState } from "../../model.ts";
import { setRefreshBeforeUpdate } from "../goal.ts";
import type { Registration } from "../goal.ts";
import { withRetries } from "./retries.ts";
import { now, PartialFailureError, providerOf, ResourceStep } from "./step.ts";
import type { Differences, StepContext, StepOutcome } from "./step.ts";

/** Changes a resource in place. */
export class UpdateStep extends ResourceStep {
  readonly op = "update";
  readonly countedAs = "update";
  readonly logical = true;
  readonly old: ResourceState;
  readonly new: ResourceState;
  readonly #context: StepContext;
  readonly #registration: Registration;

  constructor(
    context: StepContext,
    registration: Registration,
    old: ResourceState,
    state: ResourceState,
    differences: Differences,
  ) {
    // What forces a replacement is no matter of an update.
    super({ ...differences, keys: [] });
    this.#context = context;
    this.#registration = registration;
    this.old = old;
    this.new = state;
  }

  override async begin(): Promise<void> {
    if (this.old.id !== undefined) this.new.id = this.old.id;
    if (this.new.custom) await this.#context.journal.begin(this.new, "updating");
  }

  override async apply(): Promise<void> {
    const { old, new: state } = this;
    await this.#context.runHooks("beforeUpdate", state, old);
    let failure: string | undefined;
    if (state.custom) failure = await this.#update(state, old);
    else state.outputs = old.outputs ?? {};
    if (failure !== undefined) throw new PartialFailureError(failure);
    // A component's are run when it is complete.
    if (state.custom) await this.#context.runHooks("afterUpdate", state, old);
  }

  /** Why the resource is not healthy, if it is not. */
  async #update(state: ResourceState, old: ResourceState): Promise<string | undefined> {
    const provider = providerOf(this.#context, state);
    const applied = await withRetries(this.#context, { operation: "update", state, old }, () =>
      provider.update({
        urn: state.urn,
        id: old.id ?? "",
        preview: this.#context.dryRun,
        oldInputs: old.inputs ?? {},
        oldOutputs: old.outputs ?? {},
        newInputs: state.inputs ?? {},
        ignoreChanges: this.#registration.goal.ignoreChanges,
        timeoutSeconds: state.customTimeouts?.update ?? 0,
      }),
    );
    state.outputs = applied.outputs;
    state.modified = now();
    setRefreshBeforeUpdate(state, applied.refreshBeforeUpdate);
    if (applied.initErrors === undefined) return undefined;
    state.initErrors = [...applied.initErrors];
    // The next update must see the change that did not succeed.
    state.inputs = old.inputs ?? {};
    return applied.initErrorMessage;
  }

  end(outcome: StepOutcome): void {
    if (outcome === "unknown") return;
    if (outcome === "failed") this.#context.journal.abandon(this.new);
    else this.#context.journal.put(this.new, this.old);
  }

  override settle(): void {
    this.#registration.settle({ state: this.new, unknown: false });
  }
}
