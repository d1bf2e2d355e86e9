/** Maps whose keys users choose: `constructor` and `__proto__` are keys like any other. */

/** The map's own value; undefined where it has none. */
export function own<Value>(map: Readonly<Record<string, Value>>, key: string): Value | undefined {
  return Object.hasOwn(map, key) ? map[key] : undefined;
}
