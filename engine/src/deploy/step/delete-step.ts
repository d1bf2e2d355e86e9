import type { ResourceState, StepOp } from "../../model.ts";
import { isDefaultProvider, isProviderType } from "../urn.ts";
import { providerOf } from "./step.ts";
import type { Step, StepContext } from "./step.ts";

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

export class DeleteStep implements Step {
  readonly old: ResourceState;
  readonly new = undefined;
  readonly keys = [];
  readonly #context: StepContext;
  readonly #options: DeleteStepOptions;

  constructor(context: StepContext, old: ResourceState, options: DeleteStepOptions = {}) {
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

  async begin(): Promise<void> {
    if (!this.#onRecordOnly && !isProviderType(this.type)) await this.#context.journal.begin(this.old, "deleting");
  }

  async apply(): Promise<void> {
    const { old } = this;
    await this.#context.runHooks("beforeDelete", old);
    if (!this.#options.replacing && old.protect) throw new DeleteProtectedError(old.urn);
    if (!this.#context.dryRun && !this.#onRecordOnly) {
      await providerOf(this.#context, old).delete({
        urn: old.urn,
        id: old.id ?? "",
        preview: false,
        inputs: old.inputs ?? {},
        outputs: old.outputs ?? {},
        timeoutSeconds: old.customTimeouts?.delete ?? 0,
      });
    }
    if (this.#options.pendingReplacement) old.pendingReplacement = true;
    await this.#context.runHooks("afterDelete", old);
  }

  end(outcome: "done" | "partial" | "failed"): void {
    const { journal } = this.#context;
    if (outcome === "failed") journal.abandon(this.old);
    else if (this.old.pendingReplacement) journal.touch(this.old);
    else journal.remove(this.old);
  }

  settle(): void {
    // Nobody waits for it.
  }
}

/** An old resource was deleted to be replaced, and the program does not want it any more. */
export class RemovePendingReplaceStep implements Step {
  readonly op = "remove-pending-replace";
  readonly countedAs = undefined;
  readonly logical = false;
  readonly internal = true;
  readonly new = undefined;
  readonly old: ResourceState;
  readonly #context: StepContext;

  constructor(context: StepContext, old: ResourceState) {
    this.#context = context;
    this.old = old;
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
  begin(): Promise<void> {
    return Promise.resolve();
  }
  apply(): Promise<void> {
    return Promise.resolve();
  }
  end(): void {
    this.#context.journal.remove(this.old);
  }
  settle(): void {
    // Nobody waits for it.
  }
}
