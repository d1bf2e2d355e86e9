import type { ResourceState } from "../../model.ts";
import { ignoreChanges } from "../ignore-changes.ts";
import { setRefreshBeforeUpdate } from "../goal.ts";
import { now, providerOf, ResourceStep } from "./step.ts";
import type { StepContext, StepOutcome } from "./step.ts";

/** Takes a resource over that exists already. What the program wants of it is compared in a further step. */
export class ImportStep extends ResourceStep {
  readonly new: ResourceState;
  /** What the provider found; undefined until it is applied. */
  old: ResourceState | undefined;
  readonly #context: StepContext;
  readonly #original: ResourceState | undefined;
  readonly #onImported: (found: ResourceState) => void;

  /** @param original The resource that the imported one replaces. */
  constructor(
    context: StepContext,
    state: ResourceState,
    original: ResourceState | undefined,
    onImported: (found: ResourceState) => void,
  ) {
    super();
    this.#context = context;
    this.new = state;
    this.#original = original;
    this.#onImported = onImported;
  }

  get op(): "import" | "import-replacement" {
    return this.#original === undefined ? "import" : "import-replacement";
  }
  get logical(): boolean {
    return this.#original === undefined;
  }
  get countedAs(): "import" | undefined {
    return this.logical ? "import" : undefined;
  }
  override async begin(): Promise<void> {
    await this.#context.journal.begin(this.new, "importing");
  }

  override async apply(): Promise<void> {
    const state = this.new;
    const id = state.importID ?? "";
    const found = await providerOf(this.#context, state).read({
      urn: state.urn,
      id,
      preview: this.#context.dryRun,
      inputs: undefined,
      state: {},
      timeoutSeconds: state.customTimeouts?.read ?? 0,
    });
    if (found === undefined) throw new Error(`resource '${id}' does not exist`);
    if (found.inputs === undefined)
      throw new Error(
        `provider does not support importing resources; please try updating the '${state.type.split(":")[0] ?? ""}' plugin`,
      );
    state.id = found.id === "" ? id : found.id;
    state.outputs = found.outputs;
    state.inputs = ignoreChanges(
      this.#context.diagnostics,
      state.urn,
      found.inputs,
      found.inputs,
      state.ignoreChanges ?? [],
    );
    setRefreshBeforeUpdate(state, found.refreshBeforeUpdate);
    if (found.initErrors !== undefined) state.initErrors = [...found.initErrors];
    state.created = state.modified = now();
    this.old = { ...state };
    if (this.#original !== undefined) {
      this.#original.delete = true;
      this.#context.journal.touch(this.#original);
    }
  }

  end(outcome: StepOutcome): void {
    if (outcome === "failed" || outcome === "unknown") this.#context.journal.abandon(this.new);
    else this.#context.journal.put(this.new, undefined);
  }

  override settle(): void {
    this.#onImported(this.new);
  }
}
