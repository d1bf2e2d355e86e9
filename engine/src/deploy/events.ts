/** What the engine tells of its work, in the form of Pulumi's event log (apitype.EngineEvent). */
import { AssetOrArchive, ResourceReference, Secret, Unknown } from "../model.ts";
import type { EngineEvent, PropertyMap, PropertyValue, ResourceState, StepOp } from "../model.ts";
import type { PropertyDiff } from "./property/diff.ts";
import {
  ARCHIVE_SIGNATURE,
  ASSET_SIGNATURE,
  RESOURCE_SIGNATURE,
  SECRET_SIGNATURE,
  SIGNATURE_KEY,
  UNKNOWN_VALUE,
} from "./property/signatures.ts";
import { masker, maskTexts } from "./mask.ts";
import { isList } from "./property/value.ts";

export type Severity = "debug" | "info" | "info#err" | "warning" | "error";

export interface StepDescription {
  op: StepOp;
  urn: string;
  type: string;
  provider: string;
  old: ResourceState | undefined;
  new: ResourceState | undefined;
  keys?: readonly string[];
  diffs?: readonly string[];
  detailedDiff?: ReadonlyMap<string, PropertyDiff> | undefined;
  logical: boolean;
}

interface Summary {
  isPreview: boolean;
  maybeCorrupt: boolean;
  durationSeconds: number;
  changes: Partial<Record<StepOp, number>>;
  result: "succeeded" | "failed" | "";
  /** Versions of the policy packs that ran, by name. */
  policyPacks: Readonly<Record<string, string>>;
}

export class EventSink {
  readonly #emit: (event: EngineEvent) => void;
  readonly #planning: boolean;
  readonly #mask: ((text: string) => string) | undefined;
  #sequence = 0;

  /** @param secrets Texts that no event may show: the stack's secret configuration, which programs and providers know. */
  constructor(emit: (event: EngineEvent) => void, planning: boolean, secrets: readonly string[] = []) {
    this.#emit = emit;
    this.#planning = planning;
    this.#mask = secrets.length === 0 ? undefined : masker(secrets);
  }

  /** @param config Keys as `project:key`; secrets blinded. */
  prelude(config: Record<string, string>): void {
    this.#send("preludeEvent", { config });
  }

  resourcePre(step: StepDescription): void {
    this.#send("resourcePreEvent", { metadata: this.#metadata(step), ...this.#planningField() });
  }

  resourceOutputs(step: StepDescription): void {
    this.#send("resOutputsEvent", { metadata: this.#metadata(step), ...this.#planningField() });
  }

  resourceFailed(step: StepDescription, steps: number): void {
    this.#send("resOpFailedEvent", { metadata: this.#metadata(step), status: 0, steps });
  }

  diagnostic(severity: Severity, urn: string, message: string, options: DiagnosticOptions = {}): void {
    this.#send("diagnosticEvent", {
      ...(urn === "" ? {} : { urn }),
      ...(severity === "info" || severity === "info#err" ? {} : { prefix: `${severity}: ` }),
      message: this.#masked(withoutAnsiCodes(message.endsWith("\n") ? message : `${message}\n`)),
      color: "never",
      severity,
      ...(options.streamId ? { streamID: options.streamId } : {}),
      ...(options.ephemeral ? { ephemeral: true } : {}),
    });
  }

  stdout(message: string): void {
    this.#send("stdoutEvent", { message: this.#masked(message), color: "never" });
  }

  summary(summary: Summary): void {
    this.#send("summaryEvent", {
      maybeCorrupt: summary.maybeCorrupt,
      durationSeconds: Math.ceil(summary.durationSeconds),
      resourceChanges: summary.changes,
      // Pulumi's one name that begins with a capital.
      PolicyPacks: summary.policyPacks,
      isPreview: summary.isPreview,
      ...(summary.result === "" ? {} : { result: summary.result }),
    });
  }

  policy(kind: PolicyEventKind, payload: object): void {
    this.#send(kind, payload);
  }

  cancel(): void {
    this.#send("cancelEvent", {});
  }

  #masked(message: string): string {
    return this.#mask?.(message) ?? message;
  }

  #metadata(step: StepDescription): object {
    return {
      ...metadata(step),
      old: stateMetadata(step.old, this.#mask),
      new: stateMetadata(step.new, this.#mask),
    };
  }

  #planningField(): { planning?: true } {
    return this.#planning ? { planning: true } : {};
  }

  #send(kind: string, payload: object): void {
    this.#emit({ sequence: this.#sequence++, timestamp: Math.floor(Date.now() / 1_000), [kind]: payload });
  }
}

/** As Pulumi's event log: colours of a program's or provider's own output are left out. */
function withoutAnsiCodes(text: string): string {
  return text.replace(/\u001b\[[0-9;]*[mK]/g, "");
}

type PolicyEventKind =
  | "policyLoadEvent"
  | "policyEvent"
  | "policyRemediationEvent"
  | "policyAnalyzeSummaryEvent"
  | "policyRemediateSummaryEvent"
  | "policyAnalyzeStackSummaryEvent";

export interface DiagnosticOptions {
  streamId?: number;
  ephemeral?: boolean;
}

function metadata(step: StepDescription): object {
  return {
    op: step.op,
    urn: step.urn,
    type: step.type,
    keys: step.keys ?? [],
    ...(step.diffs === undefined || step.diffs.length === 0 ? {} : { diffs: step.diffs }),
    ...(step.detailedDiff === undefined ? {} : { detailedDiff: Object.fromEntries(step.detailedDiff) }),
    ...(step.logical ? { logical: true } : {}),
    provider: step.provider,
  };
}

function stateMetadata(state: ResourceState | undefined, mask: ((text: string) => string) | undefined): object | null {
  if (state === undefined) return null;
  const shown = (value: unknown): unknown => (mask === undefined ? value : maskTexts(value, mask));
  return {
    type: state.type,
    urn: state.urn,
    ...(state.custom ? { custom: true } : {}),
    ...(state.delete ? { delete: true } : {}),
    id: state.id ?? "",
    parent: state.parent ?? "",
    ...(state.protect ? { protect: true } : {}),
    ...(state.external ? { external: true } : {}),
    retainOnDelete: state.retainOnDelete ?? false,
    inputs: shown(blindMap(state.inputs ?? {})),
    outputs: shown(blindMap(state.outputs ?? {})),
    provider: state.provider ?? "",
    ...(state.initErrors === undefined ? {} : { initErrors: shown(state.initErrors) }),
    ...(state.hideDiff === undefined ? {} : { hideDiffs: state.hideDiff }),
  };
}

/** Properties as events have them, without their secrets. */
export function blindMap(map: PropertyMap): Record<string, unknown> {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, blind(value)]));
}

/** Secrets are not in events at all, not even encrypted. */
function blind(value: PropertyValue): unknown {
  if (value === null || typeof value !== "object") return value;
  if (value instanceof Secret) return { [SIGNATURE_KEY]: SECRET_SIGNATURE, ciphertext: "[secret]" };
  if (value instanceof Unknown) return UNKNOWN_VALUE;
  if (value instanceof ResourceReference)
    return {
      [SIGNATURE_KEY]: RESOURCE_SIGNATURE,
      urn: value.urn,
      packageVersion: value.packageVersion,
      ...(value.id === undefined ? {} : { id: blind(value.id) }),
    };
  if (value instanceof AssetOrArchive)
    return { [SIGNATURE_KEY]: value.kind === "asset" ? ASSET_SIGNATURE : ARCHIVE_SIGNATURE, ...blindMap(value.fields) };
  return isList(value) ? value.map(blind) : blindMap(value);
}
