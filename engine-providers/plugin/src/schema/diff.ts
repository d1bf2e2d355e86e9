/** What changed between two sets of checked inputs, property by property. */
import { isList, isMap, Unknown } from "@automatos/engine/property";
import type { PropertyMap, PropertyValue } from "@automatos/engine/property";
import type { Diff, DiffKind, PropertyDiff } from "../provider.ts";
import type { Field, Fields } from "./field.ts";
import { plainEquals, plainMap, propertyPath } from "./values.ts";

/** Whether a value is secret is no change. What is not among the fields is no input, and is not looked at. */
export function diffInputs(fields: Fields, oldInputs: PropertyMap, inputs: PropertyMap): Diff {
  const detailedDiff: Record<string, PropertyDiff> = {};
  const diffs: string[] = [];
  const replaces: string[] = [];
  const olds = plainMap(oldInputs);
  const news = plainMap(inputs);
  for (const [key, field] of Object.entries(fields)) {
    const found: Record<string, PropertyDiff> = {};
    walk(field, olds[key], news[key], { path: propertyPath("", key), replaces: false, found });
    const kinds = Object.values(found).map(({ kind }) => kind);
    if (kinds.length === 0) continue;
    Object.assign(detailedDiff, found);
    diffs.push(key);
    if (kinds.some((kind) => kind.endsWith("-replace"))) replaces.push(key);
  }
  return { changes: diffs.length > 0, diffs, replaces, detailedDiff };
}

interface Place {
  readonly path: string;
  /** What is around replaces the resource. */
  readonly replaces: boolean;
  readonly found: Record<string, PropertyDiff>;
}

function walk(field: Field, a: PropertyValue | undefined, b: PropertyValue | undefined, place: Place): void {
  if (same(field, a, b)) return;
  const replaces = place.replaces || field.replaces === true;
  const inside = (path: string): Place => ({ ...place, path, replaces });
  if (isMap(a) && isMap(b) && (field.fields || field.items)) {
    for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
      const child = field.fields ? field.fields[key] : field.items;
      if (child) walk(child, a[key], b[key], inside(propertyPath(place.path, key)));
    }
  } else if (a !== undefined && isList(a) && b !== undefined && isList(b) && field.items) {
    if (field.unordered) walkUnordered(a, b, inside(place.path));
    else
      for (let index = 0; index < Math.max(a.length, b.length); index++)
        walk(field.items, a[index], b[index], inside(`${place.path}[${index}]`));
  } else {
    note(place.path, a === undefined ? "add" : b === undefined ? "delete" : "update", inside(place.path));
  }
}

function note(path: string, change: "add" | "delete" | "update", place: Place): void {
  const kind: DiffKind = place.replaces ? `${change}-replace` : change;
  place.found[path] = { kind, inputDiff: true };
}

function same(field: Field, a: PropertyValue | undefined, b: PropertyValue | undefined): boolean {
  if (b === undefined && field.computed) return true;
  // A state that was written before the property was known does without its default.
  if (plainEquals(a ?? field.default, b ?? field.default)) return true;
  // Empty collections and none at all ask for the same.
  if (isEmpty(a) && isEmpty(b)) return true;
  const equal = field.equal as ((a: unknown, b: unknown) => boolean) | undefined;
  return equal !== undefined && a !== undefined && b !== undefined && !(b instanceof Unknown) && equal(a, b);
}

function isEmpty(value: PropertyValue | undefined): boolean {
  if (value === undefined) return true;
  if (isList(value)) return value.length === 0;
  return isMap(value) && Object.keys(value).length === 0;
}

/** Elements are told apart by what they are, not by where they stand. */
function walkUnordered(a: readonly PropertyValue[], b: readonly PropertyValue[], place: Place): void {
  const gone = new Map(a.map((item, index) => [index, item]));
  const come = new Map<number, PropertyValue>();
  b.forEach((item, index) => {
    const match = [...gone].find(([, old]) => plainEquals(old, item));
    if (match) gone.delete(match[0]);
    else come.set(index, item);
  });
  for (const index of gone.keys()) note(`${place.path}[${index}]`, come.has(index) ? "update" : "delete", place);
  for (const index of come.keys()) if (!gone.has(index)) note(`${place.path}[${index}]`, "add", place);
}
