/** Property values without what the engine alone needs to know of them. */
import { containsSecrets, isList, isMap, Secret, Unknown } from "@automatos/engine/property";
import type { PropertyMap, PropertyValue } from "@automatos/engine/property";

/** The value without any secret around or in it; what is null in a map is not there. */
export function plain(value: PropertyValue): PropertyValue {
  if (value instanceof Secret) return plain(value.element);
  if (isList(value)) return value.map(plain);
  if (isMap(value)) return plainMap(value);
  return value;
}

export function plainMap(map: PropertyMap): PropertyMap {
  const entries = Object.entries(map).filter(([, value]) => value !== null);
  return Object.fromEntries(entries.map(([key, value]) => [key, plain(value)]));
}

/** Checked inputs as properties: every field's value is a property value, which the type made of the fields does not say. */
export function asProperties(values: object): PropertyMap {
  return values as PropertyMap;
}

/** Equality of plain values; an unknown value equals none. */
export function plainEquals(a: PropertyValue | undefined, b: PropertyValue | undefined): boolean {
  if (a instanceof Unknown || b instanceof Unknown) return false;
  if (a === b) return true;
  if (a === undefined || b === undefined || a === null || b === null) return false;
  if (isList(a) && isList(b)) return a.length === b.length && a.every((item, index) => plainEquals(item, b[index]));
  if (!isMap(a) || !isMap(b)) return JSON.stringify(a) === JSON.stringify(b);
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => plainEquals(a[key], b[key]));
}

/** `values` with each property secret that `names` has, or that is or holds a secret in `sources`. */
export function withSecrets(
  values: PropertyMap,
  names: readonly string[],
  ...sources: readonly PropertyMap[]
): PropertyMap {
  const secret = (key: string): boolean =>
    names.includes(key) || sources.some((source) => Object.hasOwn(source, key) && containsSecrets(source[key] ?? null));
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => [
      key,
      !(value instanceof Secret) && secret(key) ? new Secret(value) : value,
    ]),
  );
}

/** How a path goes on to a property: `a.b`, `a["b.c"]`. */
export function propertyPath(parent: string, key: string): string {
  if (!/^[\p{L}_$][\p{L}\p{N}_$-]*$/u.test(key)) return `${parent}[${JSON.stringify(key)}]`;
  return parent === "" ? key : `${parent}.${key}`;
}
