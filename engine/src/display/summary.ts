/** The end of an operation: diagnostics, outputs, counts, duration. */
import type { StepOp } from "../model.ts";
import { own } from "../own.ts";
import {
  nameOf,
  typeOf,
  withoutColorMarks,
  type DiagnosticView,
  type StepView,
  type SummaryView,
} from "./event-views.ts";
import { packTable } from "./policy-report.ts";
import { propertyLines, sameValue, valueText } from "./property-text.ts";
import { opWords, quietOps, type Paint } from "./words.ts";

/** Messages by resource, in the order of their first; passing ones, and those for finding faults, are left out. */
export class DiagnosticLog {
  readonly #byResource = new Map<string, DiagnosticView[]>();
  readonly #showDebug: boolean;

  constructor(showDebug = false) {
    this.#showDebug = showDebug;
  }

  add(diagnostic: DiagnosticView): void {
    if ((diagnostic.severity === "debug" && !this.#showDebug) || diagnostic.ephemeral) return;
    const urn = diagnostic.urn ?? "";
    const list = this.#byResource.get(urn) ?? [];
    list.push(diagnostic);
    this.#byResource.set(urn, list);
  }

  /** @param rootUrn What messages without a resource are shown under. */
  text(rootUrn: string | undefined, paint: Paint): string {
    if (this.#byResource.size === 0) return "";
    const blocks = [...this.#byResource].map(([urn, diagnostics]) => {
      const owner = urn === "" ? rootUrn : urn;
      const head = owner === undefined ? "" : `  ${paint("bold", `${typeOf(owner)} (${nameOf(owner)}):`)}\n`;
      return head + diagnostics.map((diagnostic) => diagnosticText(diagnostic, paint)).join("");
    });
    return `${paint("bold", "Diagnostics:")}\n${blocks.join("\n")}\n`;
  }
}

export function diagnosticText(diagnostic: DiagnosticView, paint: Paint): string {
  const color = diagnostic.severity === "error" ? "red" : diagnostic.severity === "warning" ? "yellow" : "none";
  const prefix = paint(color, withoutColorMarks(diagnostic.prefix ?? ""));
  const lines = withoutColorMarks(diagnostic.message).replace(/\n$/, "").split("\n");
  return `    ${prefix}${lines.join("\n    ")}\n`;
}

/**
 * What the stack exports, and how that differs from before.
 * @param revealed The same with secrets in the clear; what was before is not compared then.
 */
export function outputsText(
  root: StepView | undefined,
  paint: Paint,
  revealed?: Readonly<Record<string, unknown>>,
): string {
  const after = revealed ?? root?.new?.outputs ?? {};
  const before = revealed ?? root?.old?.outputs ?? {};
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  if (keys.length === 0) return "";
  const width = Math.max(...keys.map((key) => key.length));
  const lines = keys.map((key) => {
    const value = own(after, key);
    if (sameValue(own(before, key), value)) return `    ${key.padEnd(width)}: ${valueText(value, "    ")}\n`;
    const pick = (map: Readonly<Record<string, unknown>>): Record<string, unknown> =>
      Object.hasOwn(map, key) ? { [key.padEnd(width)]: map[key] } : {};
    return propertyLines(pick(before), pick(after), "  ", paint);
  });
  return `${paint("bold", "Outputs:")}\n${lines.join("")}\n`;
}

/** @param options.policyPacks Whether to list the packs that ran. */
export function summaryText(
  summary: SummaryView,
  errored: number,
  paint: Paint,
  options: { readonly policyPacks?: boolean } = {},
): string {
  const plan = summary.isPreview;
  const changes = (Object.entries(summary.resourceChanges) as [StepOp, number][]).filter(
    ([op, count]) => count > 0 && !quietOps.has(op),
  );
  const order = Object.keys(opWords);
  changes.sort(([a], [b]) => order.indexOf(a) - order.indexOf(b));
  const lines = changes.map(([op, count]) => {
    const { mark, done, color } = opWords[op];
    return `    ${paint(color, `${mark}${mark.endsWith(" ") ? "" : " "}${count} ${plan ? `to ${op}` : done}`)}\n`;
  });
  const total = changes.reduce((sum, [, count]) => sum + count, 0);
  const unchanged = summary.resourceChanges.same ?? 0;
  const pieces = [
    ...(changes.length >= 2 ? [paint("bold", `${total} changes`)] : []),
    ...(unchanged > 0 ? [`${unchanged} unchanged`] : []),
  ];
  return [
    `${paint("bold", "Resources:")}\n`,
    ...lines,
    ...(pieces.length > 0 ? [`    ${pieces.join(". ")}\n`] : []),
    ...(errored > 0 ? [`    ${paint("red", `${errored} errored`)}\n`] : []),
    ...(options.policyPacks ? [packTable(summary.PolicyPacks ?? {}, paint)] : []),
    ...(plan ? [] : [`\n${paint("bold", "Duration:")} ${durationText(summary.durationSeconds)}\n`]),
  ].join("");
}

/** `1h2m3s`, as Go writes durations of whole seconds. */
export function durationText(seconds: number): string {
  const whole = Math.ceil(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return `${hours > 0 ? `${hours}h` : ""}${whole >= 60 ? `${minutes}m` : ""}${whole % 60}s`;
}
