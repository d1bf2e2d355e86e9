import type { ResourceState } from "../../model.ts";
import type { Registration } from "../goal.ts";
import { isProviderType } from "../urn.ts";
import { ResourceStep } from "./step.ts";
import type { StepContext, StepOutcome } from "./step.ts";

interface SameStepOptions {
  registration?: Registration | undefined;
  /** Left out of the operation: its provider is not looked at. */
  untargeted?: boolean;
  /** New, but left out of the operation: it is not made, and not in the state. */
  skippedCreate?: boolean;
}

/** Nothing changes, but what is on record of the resource's options may. */
export class SameStep extends ResourceStep {
  readonly op = "same";
  readonly countedAs = "same";
  readonly logical = true;
  readonly old: ResourceState;
  readonly new: ResourceState;
  readonly skippedCreate: boolean;
  readonly #context: StepContext;
  readonly #options: SameStepOptions;

  constructor(context: StepContext, old: ResourceState, state: ResourceState, options: SameStepOptions = {}) {
    super();
    this.#context = context;
    this.old = old;
    this.new = state;
    this.skippedCreate = options.skippedCreate ?? false;
    this.#options = options;
  }

  override async apply(): Promise<void> {
    if (this.skippedCreate) return;
    if (this.old.id !== undefined) this.new.id = this.old.id;
    this.new.outputs = this.old.outputs ?? {};
    if (isProviderType(this.type) && !this.#options.untargeted)
      await this.#context.providers.same({ ...this.new, inputs: this.old.inputs ?? {} });
  }

  end(outcome: StepOutcome): void {
    if (outcome === "done" && !this.skippedCreate) this.#context.journal.put(this.new, this.old);
  }

  override settle(): void {
    this.#options.registration?.settle({ state: this.new, unknown: this.skippedCreate });
  }
}
