/** `--json`: a preview as one document, anything else as one event a line, in Pulumi's shapes. */
import type { EngineEvent } from "../model.ts";
import { secretSignature, signatureKey } from "../backend/property-json.ts";
import { resourceToJson } from "../backend/resource-json.ts";
import { omit } from "../backend/records.ts";
import { maskingCodec } from "../backend/secret-codecs.ts";
import type { ResourceState } from "../model.ts";
import type { Display, Ending, ShownDetails } from "./display.ts";
import { displayOf } from "./display.ts";
import {
  isDefaultProvider,
  isHiddenStep,
  isRootStack,
  withoutColorMarks,
  type StateView,
  type StepView,
  type SummaryView,
} from "./event-views.ts";
import { quietOps } from "./words.ts";

export function eventLines(out: (text: string) => void): Display {
  return {
    event: (event: EngineEvent) => out(`${JSON.stringify(event)}\n`),
    close: () => undefined,
  };
}

/** What `preview --json` prints when it has ended (display.PreviewDigest). */
export function previewDigest(
  out: (text: string) => void,
  options: { readonly suppressOutputs: boolean; readonly shown?: ShownDetails },
): Display {
  const steps = new Map<string, StepView>();
  const diagnostics: object[] = [];
  let config: Readonly<Record<string, string>> | undefined;
  let summary: SummaryView | undefined;
  const startedAt = process.hrtime.bigint();
  return displayOf(
    (event) => {
      if (event.kind === "config") config = event.config;
      else if (event.kind === "summary") summary = event.summary;
      else if (event.kind === "text") diagnostics.push({ message: withoutColorMarks(event.text), severity: "info" });
      else if (event.kind === "diagnostic") {
        const { urn, prefix = "", message, severity, ephemeral } = event.diagnostic;
        if (severity !== "debug" && !ephemeral)
          diagnostics.push({
            ...(urn !== undefined && { urn }),
            message: withoutColorMarks(prefix + message),
            severity,
          });
      } else if (event.kind === "begin" || (event.kind === "end" && isRefreshResult(event.step, steps))) {
        if (isShown(event.step, options.shown ?? {})) steps.set(slot(event.step, event.kind === "end"), event.step);
      }
    },
    (ending) => {
      const states = wholeStates(ending);
      const digest = {
        ...(config !== undefined && Object.keys(config).length > 0 && { config }),
        ...(steps.size > 0 && { steps: [...steps.values()].map((step) => digestStep(step, options, states)) }),
        ...(diagnostics.length > 0 && { diagnostics }),
        duration: Number(process.hrtime.bigint() - startedAt),
        ...(summary !== undefined && { changeSummary: summary.resourceChanges }),
        ...(summary?.maybeCorrupt && { maybeCorrupt: true }),
      };
      out(`${JSON.stringify(digest, undefined, 4)}\n`);
    },
  );
}

function isShown(step: StepView, shown: ShownDetails): boolean {
  if (isRootStack(step)) return true;
  if (isDefaultProvider(step) || isHiddenStep(step, shown)) return false;
  return !quietOps.has(step.op) || step.op === "read" || (step.op === "same" && shown.sames === true);
}

/** A replacement is several steps of one resource; what a refresh found takes the place of the refresh. */
function slot(step: StepView, isResult: boolean): string {
  return `${step.urn} ${isResult ? "refresh" : step.op}`;
}

function isRefreshResult(step: StepView, steps: ReadonlyMap<string, StepView>): boolean {
  const before = steps.get(`${step.urn} refresh`);
  return before?.op === "refresh" && (step.op === "update" || step.op === "delete");
}

interface WholeStates {
  readonly before: ReadonlyMap<string, ResourceState>;
  readonly after: ReadonlyMap<string, ResourceState>;
}

function wholeStates({ states }: Ending): WholeStates {
  const byUrn = (list: readonly ResourceState[] = []): Map<string, ResourceState> =>
    new Map(list.filter((state) => !state.delete).map((state) => [state.urn, state]));
  return { before: byUrn(states?.before), after: byUrn(states?.after) };
}

function digestStep(step: StepView, options: { readonly suppressOutputs: boolean }, states: WholeStates): object {
  const differences = Object.entries(step.detailedDiff ?? {}).map(
    ([key, { diffKind, inputDiff }]) => [key, { kind: diffKind, inputDiff }] as const,
  );
  const hide = options.suppressOutputs && isRootStack(step);
  return {
    op: step.op,
    urn: step.urn,
    ...(step.provider !== "" && { provider: step.provider }),
    ...(step.old !== null && { oldState: digestState(step.old, hide, states.before.get(step.urn)) }),
    ...(step.new !== null && { newState: digestState(step.new, hide, states.after.get(step.urn)) }),
    ...(step.diffs && step.diffs.length > 0 && { diffReasons: step.diffs }),
    ...(step.keys && step.keys.length > 0 && { replaceReasons: step.keys }),
    detailedDiff: step.detailedDiff === undefined ? null : Object.fromEntries(differences),
  };
}

/** The state as the event tells it, and of the whole state what events leave out; fields in the order of a state file. */
function digestState(state: StateView, hideProperties: boolean, whole: ResourceState | undefined): object {
  const { urn, type, id, parent, inputs, outputs, provider, custom = false, protect, external, retainOnDelete } = state;
  const told: ResourceState = {
    ...(whole && omit(whole, "id", "inputs", "outputs", "delete")),
    urn,
    custom,
    ...(id !== "" && { id }),
    type,
    ...(parent !== "" && { parent }),
    ...(protect && { protect }),
    ...(external && { external }),
    ...(provider !== "" && { provider }),
    ...(retainOnDelete && { retainOnDelete }),
  };
  const { urn: first, custom: second, id: third, type: fourth, ...rest } = resourceToJson(told, maskingCodec);
  return {
    urn: first,
    custom: second,
    ...(third !== undefined && { id: third }),
    type: fourth,
    ...(!hideProperties && Object.keys(inputs).length > 0 && { inputs: masked(inputs) }),
    ...(!hideProperties && Object.keys(outputs).length > 0 && { outputs: masked(outputs) }),
    ...rest,
  };
}

function masked(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(masked);
  if (typeof value !== "object" || value === null) return value;
  if ((value as Record<string, unknown>)[signatureKey] === secretSignature) return "[secret]";
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, masked(item)]));
}
