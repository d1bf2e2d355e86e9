import type { PropertyMap, PropertyValue, ResourceState, StepOp } from "../../model.ts";
import { own } from "../../own.ts";
import type { Diagnostics } from "../diagnostics.ts";
import type { StepDescription } from "../events.ts";
import type { HookKind } from "../goal.ts";
import type { PropertyDiff } from "../property/diff.ts";
import type { Provider } from "../provider/provider.ts";
import type { ProviderRegistry } from "../provider/provider-registry.ts";
import type { SnapshotJournal } from "../snapshot-journal.ts";

/** What steps work with. */
export interface StepContext {
  readonly dryRun: boolean;
  readonly diagnostics: Diagnostics;
  readonly providers: ProviderRegistry;
  readonly journal: SnapshotJournal;
  /** Runs what the program hooked to an event of the resource. */
  readonly runHooks: (kind: HookKind, state: ResourceState, old?: ResourceState) => Promise<void>;
  /** Whether the resource is deleted by this operation too. */
  readonly isCondemned: (urn: string) => boolean;
  /** Called with a condition that must fail the operation, though the step itself succeeded. */
  readonly recordError: (error: Error) => void;
}

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
  end: (outcome: "done" | "partial" | "failed") => void;
  /** Tells the program. */
  settle: () => void;
}

/** The resource was made or changed, but its provider could not bring it to health. */
export class PartialFailureError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "PartialFailureError";
  }
}

/** The parts of a step that most kinds have in common. */
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
