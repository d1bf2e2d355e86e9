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
