import type { ResourceState } from "../../model.ts";
import { UNKNOWN_VALUE } from "../property/signatures.ts";
import { mapsEqual } from "../property/value.ts";
import { now, PartialFailureError, providerOf, ResourceStep } from "./step.ts";
import type { StepContext, StepOutcome } from "./step.ts";

/** Looks at a resource that others manage. */
export class ReadStep extends ResourceStep {
  readonly old: ResourceState | undefined;
  readonly new: ResourceState;
  readonly #context: StepContext;
  readonly #replacing: boolean;
  readonly #settle: (state: ResourceState) => void;

  /** @param replacing The old resource was managed by this stack, and is another one. */
  constructor(
    context: StepContext,
    old: ResourceState | undefined,
    state: ResourceState,
    replacing: boolean,
    settle: (state: ResourceState) => void,
  ) {
    super();
    this.#context = context;
    this.old = old;
    this.new = state;
    this.#replacing = replacing;
    this.#settle = settle;
  }

  get op(): "read" | "read-replacement" {
    return this.#replacing ? "read-replacement" : "read";
  }
  get logical(): boolean {
    return !this.#replacing;
  }
  /** A read that found nothing new is no change. */
  get countedAs(): "read" | undefined {
    if (this.#replacing || this.old === undefined) return undefined;
    return mapsEqual(this.old.outputs, this.new.outputs) ? undefined : "read";
  }
  override async begin(): Promise<void> {
    await this.#context.journal.begin(this.new, "reading");
  }

  override async apply(): Promise<void> {
    const { old, new: state } = this;
    state.outputs = {};
    let failure: string | undefined;
    if (state.id !== UNKNOWN_VALUE) {
      const found = await providerOf(this.#context, state).read({
        urn: state.urn,
        id: state.id ?? "",
        preview: this.#context.dryRun,
        inputs: state.inputs ?? {},
        state: state.inputs ?? {},
        timeoutSeconds: state.customTimeouts?.read ?? 0,
      });
      if (found === undefined) throw new Error(`resource '${state.id ?? ""}' does not exist`);
      state.outputs = found.outputs;
      if (found.id !== "") state.id = found.id;
      if (found.initErrors !== undefined) {
        state.initErrors = [...found.initErrors];
        failure = found.initErrorMessage;
      }
    }
    if (old !== undefined && this.#replacing) {
      old.delete = true;
      this.#context.journal.touch(old);
    }
    if (old?.created !== undefined) state.created = old.created;
    if (old?.modified !== undefined) state.modified = old.modified;
    if (old !== undefined && !(mapsEqual(old.inputs, state.inputs) && mapsEqual(old.outputs, state.outputs)))
      state.modified = now();
    if (failure !== undefined) throw new PartialFailureError(failure);
  }

  end(outcome: StepOutcome): void {
    if (outcome === "failed" || outcome === "unknown") this.#context.journal.abandon(this.new);
    else this.#context.journal.put(this.new, this.#replacing ? undefined : this.old);
  }

  override settle(): void {
    this.#settle(this.new);
  }
}
