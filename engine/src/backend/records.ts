/** A copy of a map without some of its keys. */
export function omit<Map extends object, Key extends keyof Map>(map: Map, ...keys: readonly Key[]): Omit<Map, Key> {
  const left = new Set<PropertyKey>(keys);
  return Object.fromEntries(Object.entries(map).filter(([key]) => !left.has(key))) as Omit<Map, Key>;
}
