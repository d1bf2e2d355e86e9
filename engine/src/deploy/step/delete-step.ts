import type { ResourceState, StepOp } from "../../model.ts";
import { isProviderType } from "../urn.ts";
import { withRetries } from "./retries.ts";
import { providerOf, ResourceStep } from "./step.ts";
import type { StepContext, StepOutcome } from "./step.ts";

/** A resource that is protected was to be deleted. */
export class DeleteProtectedError extends Error {
  constructor(urn: string) {
    super(
      `resource ${JSON.stringify(urn)} cannot be deleted\n` +
        "because it is protected. To unprotect the resource, either remove the `protect` flag from the resource in " +
        "your Pulumi program and run `pulumi up`, or use the command:\n" +
        `\`pulumi state unprotect '${urn}'\``,
    );
    this.name = "DeleteProtectedError";
  }
}

interface DeleteStepOptions {
  /** Part of a replacement. */
  replacing?: boolean;
  /** Its replacement comes later in the same operation: until then the state says that it is awaited. */
  pendingReplacement?: boolean;
}

export class DeleteStep extends ResourceStep {
  readonly old: ResourceState;
  readonly new = undefined;
  readonly #context: StepContext;
  readonly #options: DeleteStepOptions;

  constructor(context: StepContext, old: ResourceState, options: DeleteStepOptions = {}) {
    super();
    this.#context = context;
    this.old = old;
    this.#options = options;
  }

  get op(): StepOp {
    if (this.old.external) return this.#options.replacing ? "discard-replaced" : "discard";
    return this.#options.replacing ? "delete-replaced" : "delete";
  }
  get logical(): boolean {
    return !this.#options.replacing;
  }
  get countedAs(): StepOp | undefined {
    return this.logical ? this.op : undefined;
  }
  /** Nothing outside the state is touched. */
  get #onRecordOnly(): boolean {
    const { old } = this;
    return (
      !old.custom ||
      old.external === true ||
      old.retainOnDelete === true ||
      (old.deletedWith !== undefined && old.deletedWith !== "" && this.#context.isCondemned(old.deletedWith))
    );
  }

  override async begin(): Promise<void> {
    if (!this.#onRecordOnly && !isProviderType(this.type)) await this.#context.journal.begin(this.old, "deleting");
  }

  override async apply(): Promise<void> {
    const { old } = this;
    await this.#context.runHooks("beforeDelete", old);
    if (!this.#options.replacing && old.protect) throw new DeleteProtectedError(old.urn);
    if (!this.#context.dryRun && !this.#onRecordOnly) {
      const provider = providerOf(this.#context, old);
      await withRetries(this.#context, { operation: "delete", state: old }, async () => {
        await provider.delete({
          urn: old.urn,
          id: old.id ?? "",
          preview: false,
          inputs: old.inputs ?? {},
          outputs: old.outputs ?? {},
          timeoutSeconds: old.customTimeouts?.delete ?? 0,
        });
        return undefined;
      });
    }
    if (this.#options.pendingReplacement) old.pendingReplacement = true;
    await this.#context.runHooks("afterDelete", old);
  }

  end(outcome: StepOutcome): void {
    const { journal } = this.#context;
    if (outcome === "unknown") return;
    if (outcome === "failed") journal.abandon(this.old);
    else if (this.old.pendingReplacement) journal.touch(this.old);
    else journal.remove(this.old);
  }
}

/** An old resource was deleted to be replaced, and the program does not want it any more. */
export class RemovePendingReplaceStep extends ResourceStep {
  readonly op = "remove-pending-replace";
  readonly countedAs = undefined;
  readonly logical = false;
  readonly new = undefined;
  readonly old: ResourceState;
  readonly #context: StepContext;

  constructor(context: StepContext, old: ResourceState) {
    super();
    this.#context = context;
    this.old = old;
  }

  override get internal(): boolean {
    return true;
  }

  end(): void {
    this.#context.journal.remove(this.old);
  }
}
