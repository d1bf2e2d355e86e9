/** Engine events as the displays read them. */
import type { EngineEvent, StepOp } from "../model.ts";

export interface StateView {
  readonly type: string;
  readonly urn: string;
  readonly id: string;
  readonly parent: string;
  readonly custom?: boolean;
  readonly protect?: boolean;
  readonly external?: boolean;
  readonly retainOnDelete?: boolean;
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly outputs: Readonly<Record<string, unknown>>;
  readonly provider: string;
}

export interface StepView {
  readonly op: StepOp;
  readonly urn: string;
  readonly type: string;
  readonly old: StateView | null;
  readonly new: StateView | null;
  readonly keys?: readonly string[];
  readonly diffs?: readonly string[];
  readonly detailedDiff?: Readonly<Record<string, { readonly diffKind: string; readonly inputDiff: boolean }>>;
  readonly provider: string;
  /** Absent of the steps that a replacement is made of. */
  readonly logical?: boolean;
}

export interface DiagnosticView {
  readonly urn?: string;
  readonly prefix?: string;
  readonly message: string;
  readonly severity: "debug" | "info" | "info#err" | "warning" | "error";
  readonly ephemeral?: boolean;
}

/** What a policy found: `pack` is `<name>@v<version>`, `urn` the resource, or the stack for a policy of the whole. */
export type PolicyView =
  | {
      readonly kind: "violation";
      readonly pack: string;
      readonly policy: string;
      readonly urn: string;
      readonly text: string;
      readonly level: string;
      readonly severity: string;
      readonly remediationSteps: string;
    }
  | {
      readonly kind: "remediation";
      readonly pack: string;
      readonly policy: string;
      readonly urn: string;
      readonly before: Readonly<Record<string, unknown>>;
      readonly after: Readonly<Record<string, unknown>>;
    };

export interface SummaryView {
  readonly maybeCorrupt?: boolean;
  readonly durationSeconds: number;
  readonly resourceChanges: Readonly<Partial<Record<StepOp, number>>>;
  readonly isPreview: boolean;
  /** Versions of the policy packs that ran, by `<name>|local|<path>`. */
  readonly PolicyPacks?: Readonly<Record<string, string>>;
}

export type EventView =
  | { readonly kind: "begin" | "end" | "failed"; readonly step: StepView }
  | { readonly kind: "diagnostic"; readonly diagnostic: DiagnosticView }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "config"; readonly config: Readonly<Record<string, string>> }
  | { readonly kind: "summary"; readonly summary: SummaryView }
  | PolicyView;

/** Undefined for events that no display shows. */
export function viewEvent(event: EngineEvent): EventView | undefined {
  const step = (key: string): StepView => (event[key] as { metadata: StepView }).metadata;
  if ("resourcePreEvent" in event) return { kind: "begin", step: step("resourcePreEvent") };
  if ("resOutputsEvent" in event) return { kind: "end", step: step("resOutputsEvent") };
  if ("resOpFailedEvent" in event) return { kind: "failed", step: step("resOpFailedEvent") };
  if ("diagnosticEvent" in event) return { kind: "diagnostic", diagnostic: event["diagnosticEvent"] as DiagnosticView };
  if ("stdoutEvent" in event) return { kind: "text", text: (event["stdoutEvent"] as { message: string }).message };
  if ("preludeEvent" in event)
    return { kind: "config", config: (event["preludeEvent"] as { config: Record<string, string> }).config };
  if ("policyEvent" in event) return violationView(event["policyEvent"] as PolicyEvent);
  if ("policyRemediationEvent" in event) return remediationView(event["policyRemediationEvent"] as RemediationEvent);
  if ("summaryEvent" in event) return { kind: "summary", summary: event["summaryEvent"] as SummaryView };
  return undefined;
}

interface PolicySource {
  readonly resourceUrn?: string;
  readonly policyName: string;
  readonly policyPackName: string;
  readonly policyPackVersion: string;
}

interface PolicyEvent extends PolicySource {
  readonly message: string;
  readonly enforcementLevel: string;
  readonly severity?: string;
  readonly remediationSteps?: string;
}

interface RemediationEvent extends PolicySource {
  readonly before?: Readonly<Record<string, unknown>>;
  readonly after?: Readonly<Record<string, unknown>>;
}

function policySource({ policyPackName, policyPackVersion, policyName, resourceUrn = "" }: PolicySource) {
  return { pack: `${policyPackName}@v${policyPackVersion}`, policy: policyName, urn: resourceUrn };
}

function violationView(event: PolicyEvent): PolicyView {
  const { message, enforcementLevel, severity = "", remediationSteps = "" } = event;
  return {
    kind: "violation",
    ...policySource(event),
    text: message,
    level: enforcementLevel,
    severity,
    remediationSteps,
  };
}

function remediationView(event: RemediationEvent): PolicyView {
  const { before = {}, after = {} } = event;
  return { kind: "remediation", ...policySource(event), before, after };
}

const rootStackType = "pulumi:pulumi:Stack";
const providerTypePrefix = "pulumi:providers:";

export function isRootStack(step: { readonly type: string }): boolean {
  return step.type === rootStackType;
}

const replacementOps: ReadonlySet<StepOp> = new Set([
  "create-replacement",
  "delete-replaced",
  "discard-replaced",
  "import-replacement",
  "read-replacement",
]);

/** A replacement is shown as one, unless its steps are asked for. */
export function isHiddenStep(step: StepView, shown: { readonly replacementSteps?: boolean }): boolean {
  return !step.logical && !shown.replacementSteps && replacementOps.has(step.op);
}

/** Default providers are the engine's own affair. */
export function isDefaultProvider(step: { readonly type: string; readonly urn: string }): boolean {
  return step.type.startsWith(providerTypePrefix) && nameOf(step.urn).startsWith("default");
}

/** `urn:pulumi:<stack>::<project>::<types>::<name>`; a name may hold `::` itself. */
export function nameOf(urn: string): string {
  return urn.split("::").slice(3).join("::");
}

export function typeOf(urn: string): string {
  return urn.split("::")[2]?.split("$").at(-1) ?? "";
}

/** Texts of the SDK and of providers may hold Pulumi's colour marks. */
export function withoutColorMarks(text: string): string {
  return text.replace(/<\{%[^%]*%\}>/g, "");
}
