/** What differs between two property maps, as Pulumi reports it where a provider does not say. */
import { ResourceReference, Secret } from "../../model.ts";
import type { PropertyMap, PropertyValue } from "../../model.ts";
import { own } from "../../own.ts";
import { formatPropertyPath, parsePropertyPath, pathContains, resetPath } from "./path.ts";
import type { PropertyPath } from "./path.ts";
import { deepEquals, isList, isMap, mapWithoutSecrets } from "./value.ts";

export type DiffKind = "add" | "add-replace" | "delete" | "delete-replace" | "update" | "update-replace";

export interface PropertyDiff {
  diffKind: DiffKind;
  /** The change is in the inputs, not in what the provider found. */
  inputDiff: boolean;
}

export interface DiffResult {
  changes: "none" | "some" | "unknown";
  replaceKeys: readonly string[];
  stableKeys: readonly string[];
  changedKeys: readonly string[];
  detailedDiff: ReadonlyMap<string, PropertyDiff> | undefined;
  deleteBeforeReplace: boolean;
}

export const NO_CHANGES: DiffResult = {
  changes: "none",
  replaceKeys: [],
  stableKeys: [],
  changedKeys: [],
  detailedDiff: undefined,
  deleteBeforeReplace: false,
};

export function someChanges(...replaceKeys: string[]): DiffResult {
  return { ...NO_CHANGES, changes: "some", replaceKeys };
}

export function requiresReplace(diff: DiffResult): boolean {
  if (diff.replaceKeys.length > 0) return true;
  return [...(diff.detailedDiff?.values() ?? [])].some(({ diffKind }) => diffKind.endsWith("-replace"));
}

/** The engine's own answer for a provider that said "unknown": secrets aside, do the inputs differ? */
export function diffInputs(oldInputs: PropertyMap, newInputs: PropertyMap): DiffResult {
  const olds = mapWithoutSecrets(oldInputs);
  const news = mapWithoutSecrets(newInputs);
  const changedKeys = [...new Set([...Object.keys(olds), ...Object.keys(news)])].filter(
    (key) => !deepEquals(own(olds, key), own(news, key)),
  );
  if (changedKeys.length === 0) return NO_CHANGES;
  const detailedDiff = new Map<string, PropertyDiff>();
  for (const key of changedKeys) addDifferences(detailedDiff, [key], own(olds, key), own(news, key));
  return { ...NO_CHANGES, changes: "some", changedKeys, detailedDiff };
}

function addDifferences(
  into: Map<string, PropertyDiff>,
  path: PropertyPath,
  oldValue: PropertyValue | undefined,
  newValue: PropertyValue | undefined,
): void {
  const record = (diffKind: DiffKind) => into.set(formatPropertyPath(path), { diffKind, inputDiff: true });
  if (oldValue === undefined) record("add");
  else if (newValue === undefined) record("delete");
  else if (isList(oldValue) && isList(newValue)) {
    for (let index = 0; index < Math.max(oldValue.length, newValue.length); index++) {
      if (!deepEquals(oldValue[index], newValue[index]))
        addDifferences(into, [...path, index], oldValue[index], newValue[index]);
    }
  } else if (isMap(oldValue) && isMap(newValue)) {
    for (const key of new Set([...Object.keys(oldValue), ...Object.keys(newValue)])) {
      const [before, after] = [own(oldValue, key), own(newValue, key)];
      if (!deepEquals(before, after)) addDifferences(into, [...path, key], before, after);
    }
  } else record("update");
}

/** A refresh asks the diff the other way round: what it found is new. */
export function invertDiff(diff: DiffResult): DiffResult {
  const inverted: Record<DiffKind, DiffKind> = {
    add: "delete",
    "add-replace": "delete-replace",
    delete: "add",
    "delete-replace": "add-replace",
    update: "update",
    "update-replace": "update-replace",
  };
  if (diff.detailedDiff === undefined) return diff;
  const detailedDiff = new Map(
    [...diff.detailedDiff].map(([key, entry]) => [key, { ...entry, diffKind: inverted[entry.diffKind] }] as const),
  );
  return { ...diff, detailedDiff };
}

/** In a `replaceOnChanges` list: replaces a resource whose last create or update left it unhealthy. */
const INIT_ERROR_KEY = "#initerror";

/** The diff with every change that `replaceOnChanges` names made a replacement. */
export function applyReplaceOnChanges(
  diff: DiffResult,
  replaceOnChanges: readonly string[],
  hasInitErrors: boolean,
): DiffResult {
  if (replaceOnChanges.length === 0 || (diff.changes !== "some" && !hasInitErrors)) return diff;
  const paths = replaceOnChanges.map(parsePropertyPath);
  const matches = (text: string) => {
    const changed = parsePropertyPath(text);
    return paths.some((path) => pathContains(path, changed));
  };
  const replaceKeys = new Set([...diff.replaceKeys, ...diff.changedKeys.filter(matches)]);
  const detailedDiff =
    diff.detailedDiff &&
    new Map([...diff.detailedDiff].map(([key, entry]) => [key, matches(key) ? asReplace(entry) : entry] as const));
  let changes = diff.changes;
  if (hasInitErrors && matches(INIT_ERROR_KEY)) {
    replaceKeys.add(INIT_ERROR_KEY);
    detailedDiff?.set(INIT_ERROR_KEY, { diffKind: "update-replace", inputDiff: false });
    changes = "some";
  }
  return { ...diff, changes, replaceKeys: [...replaceKeys], detailedDiff };
}

function asReplace(entry: PropertyDiff): PropertyDiff {
  if (entry.diffKind.endsWith("-replace")) return entry;
  return { ...entry, diffKind: `${entry.diffKind}-replace` as DiffKind };
}

/**
 * The new inputs with the old values at each path of `ignoreChanges`.
 * `invalid` lists the paths that go through an element which was added or removed: such a change cannot be ignored.
 */
export function applyIgnoreChanges(
  newInputs: PropertyMap,
  oldInputs: PropertyMap,
  ignoreChanges: readonly string[],
): { inputs: PropertyMap; invalid: string[] } {
  let inputs = newInputs;
  const invalid: string[] = [];
  for (const text of ignoreChanges) {
    const reset = resetPath(parsePropertyPath(text), oldInputs, inputs);
    if (reset === undefined) invalid.push(text);
    else inputs = reset;
  }
  return { inputs, invalid };
}

/** A replacement trigger's two values, secrets aside: does the resource have to be replaced? */
export function triggersReplace(newTrigger: PropertyValue | undefined, oldTrigger: PropertyValue | undefined): boolean {
  const strip = (value: PropertyValue | undefined) =>
    value === undefined ? null : (mapWithoutSecrets({ value })["value"] ?? null);
  const [next, old] = [strip(newTrigger), strip(oldTrigger)];
  if (next === null || old === null) return false;
  return !deepEquals(next, old);
}

/** What messages show of a value: secrets hidden. */
export function describeValue(value: PropertyValue | undefined): string {
  if (value instanceof Secret) return "[secret]";
  if (value instanceof ResourceReference) return value.urn;
  return JSON.stringify(value ?? null);
}
