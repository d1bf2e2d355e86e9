import type { ResourceState } from "../../model.ts";
import type { Registration } from "../goal.ts";
import { isDefaultProvider } from "../urn.ts";
import { NO_DIFFERENCES, now, PartialFailureError, providerOf } from "./step.ts";
import type { Differences, Step, StepContext } from "./step.ts";

interface Replacement extends Differences {
  old: ResourceState;
  /** The old resource lives on until everything else is done, and is deleted then. */
  pendingDelete: boolean;
}

/** Makes a resource that is new, or that takes the place of an old one. */
export class CreateStep implements Step {
  readonly new: ResourceState;
  readonly old: ResourceState | undefined;
  readonly #context: StepContext;
  readonly #registration: Registration;
  readonly #replacement: Replacement | undefined;

  constructor(context: StepContext, registration: Registration, state: ResourceState, replacement?: Replacement) {
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
  get keys(): readonly string[] {
    return this.#differences.keys;
  }
  get diffs(): readonly string[] {
    return this.#differences.diffs;
  }
  get detailedDiff(): Differences["detailedDiff"] {
    return this.#differences.detailedDiff;
  }
  get #differences(): Differences {
    return this.#replacement ?? NO_DIFFERENCES;
  }

  async begin(): Promise<void> {
    if (this.new.custom) await this.#context.journal.begin(this.new, "creating");
  }

  async apply(): Promise<void> {
    const state = this.new;
    await this.#context.runHooks("beforeCreate", state);
    let failure: string | undefined;
    state.outputs = {};
    if (state.custom) {
      const applied = await providerOf(this.#context, state).create({
        urn: state.urn,
        preview: this.#context.dryRun,
        inputs: state.inputs ?? {},
        timeoutSeconds: state.customTimeouts?.create ?? 0,
      });
      if (applied.id === "" && !this.#context.dryRun)
        throw new Error(`plugin returned empty resource.ID from create '${state.urn}'`);
      if (applied.id !== "") state.id = applied.id;
      state.outputs = applied.outputs;
      if (applied.initErrors !== undefined) {
        state.initErrors = [...applied.initErrors];
        failure = applied.initErrorMessage;
      }
    }
    state.created = state.modified = now();
    // One that awaits its replacement was deleted already, by an operation that did not get this far.
    if (this.#replacement?.pendingDelete && !this.#replacement.old.pendingReplacement) {
      this.#replacement.old.delete = true;
      this.#context.journal.touch(this.#replacement.old);
    }
    if (failure !== undefined) throw new PartialFailureError(failure);
    if (state.custom) await this.#context.runHooks("afterCreate", state);
  }

  end(outcome: "done" | "partial" | "failed"): void {
    const { journal } = this.#context;
    if (outcome === "failed") journal.abandon(this.new);
    else {
      journal.put(this.new, undefined);
      if (this.old?.pendingReplacement) journal.remove(this.old);
    }
  }

  settle(): void {
    this.#registration.settle({ state: this.new, unknown: false });
  }
}
