import { AssetOrArchive, ResourceReference, Secret, Unknown } from "../../model.ts";
import type { PropertyMap, PropertyValue } from "../../model.ts";
import { own } from "../../own.ts";
import { without } from "../without.ts";

export function isList(value: PropertyValue): value is readonly PropertyValue[] {
  return Array.isArray(value);
}

export function isMap(value: PropertyValue | undefined): value is PropertyMap {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Unknown) &&
    !(value instanceof Secret) &&
    !(value instanceof ResourceReference) &&
    !(value instanceof AssetOrArchive)
  );
}

export function deepEquals(a: PropertyValue | undefined, b: PropertyValue | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined || a === null || b === null) return false;
  if (typeof a !== "object" || typeof b !== "object") return false;
  if (a instanceof Unknown || b instanceof Unknown) return a instanceof Unknown && b instanceof Unknown;
  if (a instanceof Secret || b instanceof Secret)
    return a instanceof Secret && b instanceof Secret && deepEquals(a.element, b.element);
  if (a instanceof ResourceReference || b instanceof ResourceReference)
    return (
      a instanceof ResourceReference &&
      b instanceof ResourceReference &&
      a.urn === b.urn &&
      (a.id ?? "") === (b.id ?? "")
    );
  if (a instanceof AssetOrArchive || b instanceof AssetOrArchive)
    return a instanceof AssetOrArchive && b instanceof AssetOrArchive && assetsEqual(a, b);
  if (isList(a) || isList(b)) {
    return isList(a) && isList(b) && a.length === b.length && a.every((item, index) => deepEquals(item, b[index]));
  }
  return mapsEqual(a, b);
}

/** An undefined map is an empty one. */
export function mapsEqual(a: PropertyMap | undefined, b: PropertyMap | undefined): boolean {
  if (a === b) return true;
  const left = a ?? {};
  const right = b ?? {};
  const keys = Object.keys(left);
  if (keys.length !== Object.keys(right).length) return false;
  return keys.every((key) => Object.hasOwn(right, key) && deepEquals(left[key], right[key]));
}

/** Equal contents are equal assets, wherever they were read from. */
function assetsEqual(a: AssetOrArchive, b: AssetOrArchive): boolean {
  if (a.kind !== b.kind) return false;
  const hash = a.fields["hash"];
  if (typeof hash === "string" && hash !== "" && hash === b.fields["hash"]) return true;
  return mapsEqual(without(a.fields, "hash"), without(b.fields, "hash"));
}

function some(value: PropertyValue, test: (value: PropertyValue) => boolean): boolean {
  if (test(value)) return true;
  if (value instanceof Secret) return some(value.element, test);
  if (value instanceof ResourceReference) return value.id !== undefined && some(value.id, test);
  if (isList(value)) return value.some((item) => some(item, test));
  if (isMap(value)) return Object.values(value).some((item) => some(item, test));
  return false;
}

export function containsUnknowns(value: PropertyValue): boolean {
  return some(value, (item) => item instanceof Unknown);
}

export function containsSecrets(value: PropertyValue): boolean {
  return some(value, (item) => item instanceof Secret);
}

export function makeSecret(value: PropertyValue): PropertyValue {
  return value instanceof Secret ? value : new Secret(value);
}

/** The value without any secret around or in it. */
export function withoutSecrets(value: PropertyValue): PropertyValue {
  if (value instanceof Secret) return withoutSecrets(value.element);
  if (isList(value)) return value.map(withoutSecrets);
  if (isMap(value)) return mapWithoutSecrets(value);
  return value;
}

export function mapWithoutSecrets(map: PropertyMap): PropertyMap {
  return mapValues(map, withoutSecrets);
}

export function mapValues(map: PropertyMap, change: (value: PropertyValue, key: string) => PropertyValue): PropertyMap {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, change(value, key)]));
}

/**
 * What a provider that knows no secrets gave back, with every property secret again whose namesake in `source` is
 * secret.
 */
export function annotateSecrets(target: PropertyMap, source: PropertyMap): PropertyMap {
  return mapValues(target, (value, key) => {
    const from = own(source, key);
    if (from === undefined) return value;
    if (isMap(value) && isMap(from)) return annotateSecrets(value, from);
    return containsSecrets(from) ? makeSecret(value) : value;
  });
}
