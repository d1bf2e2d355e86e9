import type { PropertyMap, PropertyValue, ResourceState, StepOp } from "../../model.ts";
import { own } from "../../own.ts";
import type { Diagnostics } from "../diagnostics.ts";
import type { StepDescription } from "../events.ts";
import type { LifecycleHook } from "../goal.ts";
import type { PropertyDiff } from "../property/diff.ts";
import type { ResourceHooks } from "../protocol/hooks.ts";
import type { Provider } from "../provider/provider.ts";
import type { ProviderRegistry } from "../provider/provider-registry.ts";
import type { SnapshotJournal } from "../snapshot-journal.ts";
import { isDefaultProvider } from "../urn.ts";

/** What steps work with. */
export interface StepContext {
  readonly dryRun: boolean;
  readonly diagnostics: Diagnostics;
  readonly providers: ProviderRegistry;
  readonly journal: SnapshotJournal;
  /** Runs what the program hooked to an event of the resource. */
  readonly runHooks: (kind: LifecycleHook, state: ResourceState, old?: ResourceState) => Promise<void>;
  /** Whether what the program hooked to failures of the resource wants the operation to be tried again. */
  readonly wantRetry: ResourceHooks["wantRetry"];
  /** Whether the resource is deleted by this operation too. */
  readonly isCondemned: (urn: string) => boolean;
  /** Called with a condition that must fail the operation, though the step itself succeeded. */
  readonly recordError: (error: Error) => void;
}

/** How an attempt ended: "unknown" when nobody can say whether it did something. */
export type StepOutcome = "done" | "partial" | "failed" | "unknown";

/** One thing to be done to one resource. */
export interface Step extends StepDescription {
  readonly op: StepOp;
  /** What the summary counts it as, where that is not `op`; undefined counts nothing. */
  readonly countedAs: StepOp | undefined;
  /** The engine's own business: neither shown nor counted. */
  readonly internal: boolean;
  /** Records that it begins; it is applied when this resolves. */
  begin: () => Promise<void>;
  /** @throws PartialFailureError when the resource is there, but not healthy. */
  apply: () => Promise<void>;
  /** Puts the result on record. */
  end: (outcome: StepOutcome) => void;
  /** Tells the program. */
  settle: () => void;
}

/** What most kinds of steps have in common. */
export abstract class ResourceStep implements Step {
  abstract readonly op: StepOp;
  abstract readonly countedAs: StepOp | undefined;
  abstract readonly logical: boolean;
  abstract readonly old: ResourceState | undefined;
  abstract readonly new: ResourceState | undefined;
  readonly #differences: Differences;

  constructor(differences: Differences = NO_DIFFERENCES) {
    this.#differences = differences;
  }

  /** The resource that the step is about, as new as it is known. */
  protected get subject(): ResourceState {
    const subject = this.new ?? this.old;
    if (subject === undefined) throw new Error(`a ${this.op} step is about no resource`);
    return subject;
  }
  get urn(): string {
    return this.subject.urn;
  }
  get type(): string {
    return this.subject.type;
  }
  get provider(): string {
    return this.subject.provider ?? "";
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

  begin(): Promise<void> {
    return Promise.resolve();
  }
  apply(): Promise<void> {
    return Promise.resolve();
  }
  abstract end(outcome: StepOutcome): void;
  settle(): void {
    // Nobody waits for it.
  }
}

/** The resource was made or changed, but its provider could not bring it to health. */
export class PartialFailureError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "PartialFailureError";
  }
}

/** Why a resource is changed. */
export interface Differences {
  keys: readonly string[];
  diffs: readonly string[];
  detailedDiff: ReadonlyMap<string, PropertyDiff> | undefined;
}

export const NO_DIFFERENCES: Differences = { keys: [], diffs: [], detailedDiff: undefined };

/** The provider that manages the resource. @throws Error when it is not registered. */
export function providerOf(context: StepContext, state: ResourceState): Provider {
  return context.providers.providerFor(state);
}

/** Outputs with the secrets that the program asked for, and those whose inputs of the same name are secret. */
export function outputsWithSecrets(
  context: StepContext,
  state: ResourceState,
  outputs: PropertyMap,
  secret: (value: PropertyValue) => PropertyValue,
  isSecret: (value: PropertyValue) => boolean,
): PropertyMap {
  const additional = new Set(state.additionalSecretOutputs ?? []);
  if (additional.has("id"))
    context.diagnostics.warning(
      state.urn,
      "The 'id' property cannot be made secret. See pulumi/pulumi#2717 for more details.",
    );
  return Object.fromEntries(
    Object.entries(outputs).map(([key, value]) => {
      const input = own(state.inputs ?? {}, key);
      return [key, additional.has(key) || (input !== undefined && isSecret(input)) ? secret(value) : value];
    }),
  );
}

export function now(): string {
  return new Date().toISOString();
}
