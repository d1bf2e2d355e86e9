/**
 * JSONPath as `kubectl wait --for=jsonpath=` takes it, for the annotation pulumi.com/waitFor: `{.status.phase}=Running`,
 * with keys, quoted keys, indexes, wildcards and filters by equality (`[?(@.type=="Ready")]`).
 */
import { isList } from "@automatos/provider-plugin";
import { field, isManifest } from "../manifest/manifest.ts";
import type { Manifest, ManifestValue } from "../manifest/manifest.ts";

type Step =
  | { readonly key: string }
  | { readonly index: number }
  | { readonly all: true }
  | { readonly filter: readonly string[]; readonly equals: string };

export interface JsonPathExpression {
  readonly text: string;
  readonly steps: readonly Step[];
  /** Undefined when anything will do. */
  readonly value: string | undefined;
}

/** @throws when it is no such expression */
export function parseJsonPath(expression: string): JsonPathExpression {
  const match = /^\{\s*\$?(.*?)\s*\}(?:=(.*))?$/s.exec(expression);
  if (match === null)
    throw new Error(`${JSON.stringify(expression)} is no JSONPath expression: write {.path} or {.path}=value`);
  const [, path = "", value] = match;
  if (value === "") throw new Error(`jsonpath={${path}}= requires a value`);
  return { text: expression, steps: parseSteps(path), value };
}

function parseSteps(path: string): Step[] {
  const steps: Step[] = [];
  const step =
    /\.([\w-]+)|\.\*|\[\*\]|\[(-?\d+)\]|(?:\.?)\[(?:'([^']*)'|"([^"]*)")\]|\[\?\(?\s*@((?:\.[\w-]+)+)\s*==\s*(?:'([^']*)'|"([^"]*)"|([\w.-]+))\s*\)?\]/y;
  while (step.lastIndex < path.length) {
    const at = step.lastIndex;
    const match = step.exec(path);
    if (match === null) throw new Error(`cannot read JSONPath {${path}} at character ${at + 1}`);
    const [whole] = match;
    // What did not take part in the match is undefined, whatever the type says.
    const [, key, index, single, double, filter, ...values] = match as (string | undefined)[];
    if (whole === ".*" || whole === "[*]") steps.push({ all: true });
    else if (index !== undefined) steps.push({ index: Number(index) });
    else if (filter !== undefined)
      steps.push({ filter: filter.slice(1).split("."), equals: values.find((value) => value !== undefined) ?? "" });
    else steps.push({ key: key ?? single ?? double ?? "" });
  }
  return steps;
}

/** What the path finds first; undefined for nothing. */
export function findByJsonPath({ steps }: JsonPathExpression, manifest: Manifest): ManifestValue | undefined {
  let found: readonly ManifestValue[] = [manifest];
  for (const step of steps) found = found.flatMap((value) => take(step, value));
  return found[0];
}

export function matchesJsonPath(expression: JsonPathExpression, manifest: Manifest): boolean {
  const found = findByJsonPath(expression, manifest);
  if (found === undefined) return false;
  if (expression.value === undefined) return true;
  if (isList(found) || isManifest(found))
    throw new Error(`${expression.text}: what it finds is no plain value that could be compared`);
  return plainText(found) === expression.value;
}

function take(step: Step, value: ManifestValue): readonly ManifestValue[] {
  const only = (one: ManifestValue | undefined) => (one === undefined ? [] : [one]);
  if ("key" in step) return only(isManifest(value) && Object.hasOwn(value, step.key) ? value[step.key] : undefined);
  const items = isList(value) ? value : isManifest(value) ? Object.values(value) : [];
  if ("all" in step) return items;
  if ("index" in step) return only(items.at(step.index));
  return items.filter((item) => plainText(field(item, ...step.filter)) === step.equals);
}

/** A plain value as text; undefined for everything else. */
export function plainText(value: ManifestValue | undefined): string | undefined {
  if (typeof value === "string") return value;
  return typeof value === "number" || typeof value === "boolean" || value === null ? JSON.stringify(value) : undefined;
}
