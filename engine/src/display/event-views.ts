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
}

export interface DiagnosticView {
  readonly urn?: string;
  readonly prefix?: string;
  readonly message: string;
  readonly severity: "debug" | "info" | "info#err" | "warning" | "error";
  readonly ephemeral?: boolean;
}

export interface SummaryView {
  readonly maybeCorrupt?: boolean;
  readonly durationSeconds: number;
  readonly resourceChanges: Readonly<Partial<Record<StepOp, number>>>;
  readonly isPreview: boolean;
}

export type EventView =
  | { readonly kind: "begin" | "end" | "failed"; readonly step: StepView }
  | { readonly kind: "diagnostic"; readonly diagnostic: DiagnosticView }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "config"; readonly config: Readonly<Record<string, string>> }
  | { readonly kind: "summary"; readonly summary: SummaryView };

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
  if ("summaryEvent" in event) return { kind: "summary", summary: event["summaryEvent"] as SummaryView };
  return undefined;
}

const rootStackType = "pulumi:pulumi:Stack";
const providerTypePrefix = "pulumi:providers:";

export function isRootStack(step: { readonly type: string }): boolean {
  return step.type === rootStackType;
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
