/** Property values as the protocol carries them: plain JSON, with objects of a known signature for what is special. */

/** What the protocol sends in place of a value that is not known yet. */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";

export type Properties = Record<string, unknown>;

export function isObject(value: unknown): value is Properties {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isSecret(value: unknown): boolean {
  return isObject(value) && value[SIGNATURE] === SECRET;
}

export function secret(value: unknown): Properties {
  return { [SIGNATURE]: SECRET, value };
}

/** The value without the secret marks in it. */
export function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (!isObject(value)) return value;
  if (isSecret(value)) return plain(value["value"]);
  return Object.fromEntries(Object.entries(value).map(([key, element]) => [key, plain(element)]));
}

/** Whether something in it is not known yet. */
export function hasUnknowns(value: unknown): boolean {
  if (value === UNKNOWN) return true;
  return typeof value === "object" && value !== null && Object.values(value).some(hasUnknowns);
}

/** The paths at which two values differ, as `blob.list[0].x`. */
export function differences(before: unknown, after: unknown, path = ""): Map<string, "ADD" | "DELETE" | "UPDATE"> {
  const found = new Map<string, "ADD" | "DELETE" | "UPDATE">();
  if (isObject(before) && isObject(after)) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)]))
      merge(found, differences(before[key], after[key], path === "" ? key : `${path}.${key}`));
  } else if (Array.isArray(before) && Array.isArray(after)) {
    for (let index = 0; index < Math.max(before.length, after.length); index += 1)
      merge(found, differences(before[index], after[index], `${path}[${index}]`));
  } else if (before !== after) {
    found.set(path, before === undefined ? "ADD" : after === undefined ? "DELETE" : "UPDATE");
  }
  return found;
}

function merge<Key, Value>(into: Map<Key, Value>, from: ReadonlyMap<Key, Value>): void {
  for (const [key, value] of from) into.set(key, value);
}
