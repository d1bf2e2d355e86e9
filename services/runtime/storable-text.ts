/**
 * Where a value holds text that PostgreSQL does not keep: NUL, or half of a surrogate pair, in a string or a key.
 *
 * @returns The path to it, e.g. `["steps", "0", "input"]`; undefined when all of it can be kept.
 */
export function findUnstorable(value: unknown, path: readonly string[] = []): readonly string[] | undefined {
  if (typeof value === "string") return value.includes("\0") || !value.isWellFormed() ? path : undefined;
  if (typeof value !== "object" || value === null) return undefined;
  for (const [key, item] of Object.entries(value)) {
    const found = findUnstorable(key, path) ?? findUnstorable(item, [...path, key]);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The text as PostgreSQL keeps it: programs print NUL, and a text cut at a length may end with half of a pair. */
export const storable = (text: string): string => text.toWellFormed().replaceAll("\0", "\u{fffd}");

/** JSON text that a jsonb column takes. */
export const toJsonb = (value: unknown): string => JSON.stringify(storableJson(value));

function storableJson(value: unknown): unknown {
  if (typeof value === "string") return storable(value);
  if (Array.isArray(value)) return value.map(storableJson);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [storable(key), storableJson(item)]));
}
