/** What policy packs found, as people read it. */
import { nameOf, typeOf, withoutColorMarks, type PolicyView } from "./event-views.ts";
import { own } from "../own.ts";
import { propertyLines, sameValue } from "./property-text.ts";
import type { Paint } from "./words.ts";

type Violation = Extract<PolicyView, { kind: "violation" }>;
type Remediation = Extract<PolicyView, { kind: "remediation" }>;

const indent = "        ";

/** Gathers what was found, and tells it at the end by pack. */
export class PolicyReport {
  readonly #violations: Violation[] = [];
  readonly #remediations: Remediation[] = [];
  readonly #showRemediations: boolean;

  /** @param showRemediations Each with what it changed, instead of a count. */
  constructor(showRemediations = false) {
    this.#showRemediations = showRemediations;
  }

  add(view: PolicyView): void {
    if (view.kind === "violation") this.#violations.push(view);
    else this.#remediations.push(view);
  }

  /** What must be mended is the last word then: counts of steps would only distract from it. */
  get hasMandatory(): boolean {
    return this.#violations.some(isMandatory);
  }

  /** @param packs Versions by `<name>|local|<path>`, as the summary event has them. "" where no pack ran. */
  text(packs: Readonly<Record<string, string>>, paint: Paint): string {
    const paths = pathsByPack(packs);
    if (paths.size === 0) return "";
    for (const { pack } of [...this.#violations, ...this.#remediations]) if (!paths.has(pack)) paths.set(pack, []);
    const blocks = [...paths].sort(byKey).map(([pack, local]) => this.#packText(pack, local.sort(), paint));
    return `${paint("bold", "Policies:")}\n${blocks.join("")}\n`;
  }

  #packText(pack: string, paths: readonly string[], paint: Paint): string {
    const violations = this.#violations.filter((violation) => violation.pack === pack).sort(byWeight);
    const remediations = this.#remediations.filter((remediation) => remediation.pack === pack);
    const mark = violations.some(isMandatory) ? "❌" : violations.length > 0 ? "⚠️" : "✅";
    const where = paths.length === 0 ? "" : ` (local: ${paths.join("; ")})`;
    return [
      `    ${mark} ${paint("magenta", pack)}${where}\n`,
      ...(this.#showRemediations
        ? remediations.map((remediation) => shortRemediation(remediation, paint))
        : remediationCounts(remediations, paint)),
      ...violations.map((violation) => `${indent}- ${violationHead(violation, paint)}\n${message(violation)}`),
    ].join("");
  }
}

/** As it comes, in `--diff`. */
export function violationText(violation: Violation, paint: Paint): string {
  const head = `    ${paint("magenta", violation.pack)} ${violationHead(violation, paint)}`;
  return `${head}\n${message(violation)}`;
}

/** As it comes, in `--diff`: with each property that it changed. "" when that is none. */
export function remediationText(remediation: Remediation, paint: Paint): string {
  const lines = propertyLines(remediation.before, remediation.after, "      ", paint);
  if (lines === "") return "";
  return `    ${paint("magenta", remediation.pack)} ${remediationHead(remediation, paint)}\n${lines}`;
}

/** The packs that ran, at the end of `--diff`. */
export function packTable(packs: Readonly<Record<string, string>>, paint: Paint): string {
  const names = Object.keys(packs);
  if (names.length === 0) return "";
  const width = Math.max(...["Name", ...names].map((name) => name.length)) + 2;
  const rows = names.map((name) => `    ${name.padEnd(width)}${packs[name] ?? ""}\n`);
  return `\n${paint("bold", "Policy Packs run:")}\n    ${"Name".padEnd(width)}Version\n${rows.join("")}`;
}

function pathsByPack(packs: Readonly<Record<string, string>>): Map<string, string[]> {
  const result = new Map<string, string[]>();
  for (const [name, version] of Object.entries(packs)) {
    const [base = "", , path] = name.split("|");
    const key = `${base}@v${version}`;
    result.set(key, [...(result.get(key) ?? []), ...(path === undefined ? [] : [path])]);
  }
  return result;
}

function violationHead({ level, severity, policy, urn }: Violation, paint: Paint): string {
  const weight = severity === "" ? "" : ` [severity: ${severity}]`;
  const color = level === "mandatory" ? "red" : "yellow";
  return `${paint(color, `[${level}]${weight}  ${policy}`)}${resourceClause(urn)}`;
}

function message({ text, remediationSteps }: Violation): string {
  const steps = remediationSteps === "" ? "" : `\nRemediation: ${remediationSteps.trimEnd()}`;
  const lines = `${withoutColorMarks(text).trimEnd()}${steps}`.split("\n");
  return lines.map((line) => `${`${indent}  ${line}`.trimEnd()}\n`).join("");
}

function remediationHead({ policy, urn }: Remediation, paint: Paint): string {
  return `${paint("magenta", `[remediate]  ${policy}`)}${resourceClause(urn)}`;
}

function shortRemediation(remediation: Remediation, paint: Paint): string {
  const { before, after } = remediation;
  const keys = Object.keys(after);
  const marks = [
    ["+", keys.filter((key) => !Object.hasOwn(before, key))],
    ["-", Object.keys(before).filter((key) => !Object.hasOwn(after, key))],
    ["~", keys.filter((key) => Object.hasOwn(before, key) && !sameValue(own(before, key), own(after, key)))],
  ] as const;
  const text = marks.map(([mark, changed]) => (changed.length === 0 ? "" : mark + changed.join(","))).join("");
  return text === "" ? "" : `${indent}- ${remediationHead(remediation, paint)} [diff: ${text}]\n`;
}

function remediationCounts(remediations: readonly Remediation[], paint: Paint): string[] {
  const counts = [...Map.groupBy(remediations, ({ policy }) => policy)].sort(byKey);
  return counts.map(
    ([policy, { length }]) =>
      `${indent}- ${paint("magenta", `[remediate]  ${policy}`)}  (${length} ${length === 1 ? "resource" : "resources"})\n`,
  );
}

function resourceClause(urn: string): string {
  return urn === "" ? "" : `  (${typeOf(urn)}: ${nameOf(urn)})`;
}

function isMandatory({ level }: Violation): boolean {
  return level === "mandatory";
}

const severities = ["critical", "high", "medium", "low", ""];

function byWeight(a: Violation, b: Violation): number {
  return (
    Number(isMandatory(b)) - Number(isMandatory(a)) ||
    severities.indexOf(a.severity) - severities.indexOf(b.severity) ||
    compare(a.policy, b.policy) ||
    compare(a.urn, b.urn)
  );
}

function byKey([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return compare(a, b);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
