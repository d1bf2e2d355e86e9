/** What an update would change, field by field, in the form that Pulumi shows and decides by. */
import { isList, Unknown } from "@automatos/provider-plugin";
import type { PropertyDiff } from "@automatos/provider-plugin";
import { isEmptyValue, isManifest } from "../manifest/manifest.ts";
import type { Manifest, ManifestValue } from "../manifest/manifest.ts";
import { mayBeQuantity, sameQuantity } from "../manifest/quantity.ts";
import type { FieldPath } from "./force-new.ts";

interface Sides {
  /** What is in the cluster, as far as the old inputs spoke of it. */
  readonly live: ManifestValue | undefined;
  readonly oldInput: ManifestValue | undefined;
  readonly newInput: ManifestValue | undefined;
}

interface Comparison {
  readonly forcesNew: (path: FieldPath, value: ManifestValue | undefined) => boolean;
  readonly found: Record<string, PropertyDiff>;
}

/** By property path, in Pulumi's spelling. */
export function detailedDiff(
  sides: { readonly live: Manifest; readonly oldInput: Manifest; readonly newInput: Manifest },
  forcesNew: Comparison["forcesNew"],
): Record<string, PropertyDiff> {
  const comparison: Comparison = { forcesNew, found: {} };
  compareMaps([], sides, comparison);
  return comparison.found;
}

function compare(path: FieldPath, sides: Sides, comparison: Comparison): void {
  const { live, oldInput, newInput } = sides;
  if (isAbsent(newInput)) {
    if (!isAbsent(live)) add(path, "delete", sides, comparison);
  } else if (newInput instanceof Unknown) add(path, isAbsent(live) ? "add" : "update", sides, comparison);
  else if (isAbsent(live)) {
    if (!(isEmptyValue(newInput) && sameValue(newInput, oldInput))) add(path, "add", sides, comparison);
  } else if (isManifest(newInput) && isManifest(live)) {
    const oldMap = isManifest(oldInput) ? oldInput : {};
    compareMaps(path, { live, newInput, oldInput: oldMap }, comparison);
  } else if (isList(newInput) && isList(live)) {
    const oldList = oldInput !== undefined && isList(oldInput) ? oldInput : [];
    for (let index = 0; index < Math.max(newInput.length, live.length); index += 1)
      compare([...path, index], { live: live[index], newInput: newInput[index], oldInput: oldList[index] }, comparison);
  } else if (!sameScalar(path, sides)) add(path, "update", sides, comparison);
}

function compareMaps(
  path: FieldPath,
  sides: { readonly live: Manifest; readonly oldInput: Manifest; readonly newInput: Manifest },
  comparison: Comparison,
): void {
  for (const key of new Set([...Object.keys(sides.newInput), ...Object.keys(sides.live)])) {
    const side = (manifest: Manifest) => (Object.hasOwn(manifest, key) ? manifest[key] : undefined);
    const inner = { live: side(sides.live), oldInput: side(sides.oldInput), newInput: side(sides.newInput) };
    compare([...path, key], inner, comparison);
  }
}

function add(path: FieldPath, kind: "add" | "delete" | "update", sides: Sides, comparison: Comparison): void {
  const value = kind === "delete" ? undefined : sides.newInput;
  const forced = comparison.forcesNew(path, value) || (kind === "delete" && comparison.forcesNew(path, sides.live));
  comparison.found[spell(path)] = { kind: forced ? `${kind}-replace` : kind, inputDiff: kind === "delete" };
}

/** To the API, null is what is not there. */
function isAbsent(value: ManifestValue | undefined): value is null | undefined {
  return value === undefined || value === null;
}

function sameScalar(path: FieldPath, { live, oldInput, newInput }: Sides): boolean {
  if (live === newInput) return true;
  // An empty text asks the server for its default (spec.clusterIP, say), which then is not empty.
  if (newInput === "" && oldInput === "" && !isFreeMap(path)) return true;
  return mayBeQuantity(path) && sameQuantity(live, newInput);
}

/** Maps whose keys the program chooses: an empty text in them is a value like any other. */
function isFreeMap(path: FieldPath): boolean {
  return ["data", "annotations", "labels", "matchLabels", "nodeSelector"].includes(String(path.at(-2)));
}

function sameValue(one: ManifestValue | undefined, other: ManifestValue | undefined): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function spell(path: FieldPath): string {
  let spelled = "";
  for (const step of path) {
    if (typeof step === "number") spelled += `[${step}]`;
    else if (/[."[\]]/.test(step)) spelled += `["${step.replaceAll('"', '\\"')}"]`;
    else spelled += spelled === "" ? step : `.${step}`;
  }
  return spelled;
}
