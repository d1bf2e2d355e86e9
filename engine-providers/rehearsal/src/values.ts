/** Reading and writing property values by path. A path is dotted, without list indices: `vpcConfig.subnetIds`. */
import { isList, isMap, Secret, Unknown } from "@automatos/provider-plugin";
import type { PropertyMap, PropertyValue } from "@automatos/provider-plugin";

/** What a model writes: properties that are undefined are left out. */
export type Properties = Readonly<Record<string, PropertyValue | undefined>>;

/** All values at the path; a list on the way is walked through, a secret is opened, what is null or absent is left out. */
export function valuesAt(value: PropertyValue | undefined, path: string): PropertyValue[] {
  return walk(value, path === "" ? [] : path.split("."));
}

function walk(value: PropertyValue | undefined, path: readonly string[]): PropertyValue[] {
  if (value === undefined || value === null) return [];
  if (value instanceof Secret) return walk(value.element, path);
  if (isList(value)) return value.flatMap((item) => walk(item, path));
  const [key, ...rest] = path;
  if (key === undefined) return [value];
  if (value instanceof Unknown) return [value];
  return isMap(value) ? walk(own(value, key), rest) : [];
}

/** The texts at the path, without those that are empty or unknown. */
export function textsAt(value: PropertyValue | undefined, path: string): string[] {
  return valuesAt(value, path).filter((item): item is string => typeof item === "string" && item !== "");
}

/** The first text at the path. */
export function textAt(value: PropertyValue | undefined, path: string): string | undefined {
  return textsAt(value, path)[0];
}

/** Whether the first value at the path is `true`; also as text, which older states hold. */
export function isTrueAt(value: PropertyValue | undefined, path: string): boolean {
  const [first] = valuesAt(value, path);
  return first === true || first === "true";
}

/** The text itself; empty for everything else. */
export function asText(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** The first that is not empty; empty when there is none. */
export function firstText(...texts: readonly (string | undefined)[]): string {
  return texts.find((text) => text !== undefined && text !== "") ?? "";
}

/** The map's own value: keys are the program's, and one may be called `constructor`. */
export function own<Value>(map: Readonly<Record<string, Value>>, key: string): Value | undefined {
  return Object.hasOwn(map, key) ? map[key] : undefined;
}

/** The map without this key. */
export function without(map: PropertyMap, key: string): PropertyMap {
  return Object.fromEntries(Object.entries(map).filter(([name]) => name !== key));
}

/** Drops what is undefined. */
export function defined(properties: Properties): PropertyMap {
  return Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== undefined)) as PropertyMap;
}

/** The labels or tags in it, empty where there are none. */
export function mapAt(map: PropertyMap, key: string): PropertyMap {
  const value = map[key];
  const opened = value instanceof Secret ? value.element : value;
  return isMap(opened) ? opened : {};
}

/** One text for equal values whatever the order of their keys; secrets count as what they hold. */
export function canonical(value: PropertyValue | undefined): string {
  if (value === undefined) return "undefined";
  if (value instanceof Unknown) return "unknown";
  if (value instanceof Secret) return canonical(value.element);
  if (isList(value)) return `[${value.map(canonical).join(",")}]`;
  if (isMap(value)) {
    const entries = Object.keys(value).sort();
    return `{${entries.map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(",")}}`;
  }
  if (typeof value === "object" && value !== null) {
    // Assets, archives and references: plain fields.
    const { kind, fields, urn } = value as { kind?: string; fields?: PropertyMap; urn?: string };
    return `<${kind ?? urn ?? ""}${canonical(fields)}>`;
  }
  return JSON.stringify(value);
}
