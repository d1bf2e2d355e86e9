import type { ResourceState } from "../../model.ts";
import { setRefreshBeforeUpdate } from "../goal.ts";
import type { Registration } from "../goal.ts";
import { withRetries } from "./retries.ts";
import { now, PartialFailureError, providerOf, ResourceStep } from "./step.ts";
import type { Differences, StepContext, StepOutcome } from "./step.ts";

interface Replacement extends Differences {
  old: ResourceState;
  /** The old resource lives on until everything else is done, and is deleted then. */
  pendingDelete: boolean;
}

/** Makes a resource that is new, or that takes the place of an old one. */
export class CreateStep extends ResourceStep {
  readonly new: ResourceState;
  readonly old: ResourceState | undefined;
  readonly #context: StepContext;
  readonly #registration: Registration;
  readonly #replacement: Replacement | undefined;

  constructor(context: StepContext, registration: Registration, state: ResourceState, replacement?: Replacement) {
    super(replacement);
    this.#context = context;
    this.#registration = registration;
    this.new = state;
    this.old = replacement?.old;
    this.#replacement = replacement;
  }

  get op(): "create" | "create-replacement" {
    return this.#replacement === undefined ? "create" : "create-replacement";
  }
  get countedAs(): "create" | undefined {
    return this.#replacement === undefined ? "create" : undefined;
  }
  get logical(): boolean {
    return this.#replacement === undefined;
  }

  override async begin(): Promise<void> {
    if (this.new.custom) await this.#context.journal.begin(this.new, "creating");
  }

  override async apply(): Promise<void> {
    const state = this.new;
    await this.#context.runHooks("beforeCreate", state);
    const failure = state.custom ? await this.#create(state) : undefined;
    state.outputs ??= {};
    state.created = state.modified = now();
    // One that awaits its replacement was deleted already, by an operation that did not get this far.
    if (this.#replacement?.pendingDelete && !this.#replacement.old.pendingReplacement) {
      this.#replacement.old.delete = true;
      this.#context.journal.touch(this.#replacement.old);
    }
    if (failure !== undefined) throw new PartialFailureError(failure);
    // A component's are run when it is complete.
    if (state.custom) await this.#context.runHooks("afterCreate", state);
  }

  /** Why the resource is not healthy, if it is not. */
  async #create(state: ResourceState): Promise<string | undefined> {
    const { dryRun } = this.#context;
    const provider = providerOf(this.#context, state);
    const applied = await withRetries(this.#context, { operation: "create", state }, () =>
      provider.create({
        urn: state.urn,
        preview: dryRun,
        inputs: state.inputs ?? {},
        timeoutSeconds: state.customTimeouts?.create ?? 0,
      }),
    );
    if (applied.id === "" && !dryRun) throw new Error("provider did not return an ID from Create");
    if (applied.id !== "") state.id = applied.id;
    state.outputs = applied.outputs;
    setRefreshBeforeUpdate(state, applied.refreshBeforeUpdate);
    if (applied.initErrors === undefined) return undefined;
    state.initErrors = [...applied.initErrors];
    return applied.initErrorMessage;
  }

  end(outcome: StepOutcome): void {
    const { journal } = this.#context;
    if (outcome === "unknown") return;
    if (outcome === "failed") journal.abandon(this.new);
    else {
      journal.put(this.new, undefined);
      if (this.old?.pendingReplacement) journal.remove(this.old);
    }
  }

  override settle(): void {
    this.#registration.settle({ state: this.new, unknown: false });
  }
}
