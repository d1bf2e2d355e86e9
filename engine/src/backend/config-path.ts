/** Paths into configuration values, as `--path` takes them: `outer.inner`, `names[0]`, `["a.b"].c`. */
import { ConfigError } from "./errors.ts";

export type PathSegment = string | number;

/** What Pulumi.<stack>.yaml holds under a key; an encrypted text is `{ secure: "v1:…" }`. */
export type ConfigNode = null | boolean | number | string | ConfigNode[] | { [key: string]: ConfigNode };

/** @throws ConfigError when the text is no path. */
export function parseConfigPath(text: string): PathSegment[] {
  const segments: PathSegment[] = [];
  let rest = text.startsWith(".") ? text.slice(1) : text;
  while (rest !== "") {
    const quoted = /^\["((?:[^"\\]|\\.)*)"\]/s.exec(rest);
    const index = /^\[(\d+)\]/.exec(rest);
    const name = /^[^.[]+/.exec(rest);
    if (quoted) segments.push((quoted[1] ?? "").replace(/\\(.)/gs, "$1"));
    else if (index) segments.push(Number(index[1]));
    else if (name) segments.push(name[0]);
    else throw new ConfigError(`'${text}' is no property path: cannot read '${rest}'`);
    rest = rest.slice((quoted ?? index ?? name)?.[0].length);
    if (rest.startsWith(".")) {
      rest = rest.slice(1);
      if (rest === "" || rest.startsWith(".") || rest.startsWith("["))
        throw new ConfigError(`'${text}' is no property path: a name is missing after a dot`);
    } else if (rest !== "" && !rest.startsWith("["))
      throw new ConfigError(`'${text}' is no property path: cannot read '${rest}'`);
  }
  if (typeof segments[0] !== "string")
    throw new ConfigError(`'${text}' is no property path: it must begin with a name`);
  return segments;
}

/** The path's text, such that parsing it gives the same segments. */
export function formatConfigPath(segments: readonly PathSegment[]): string {
  return segments
    .map((segment, position) => {
      if (typeof segment === "number") return `[${segment}]`;
      if (segment === "" || /[.["\]\\]/.test(segment)) return `["${segment.replace(/["\\]/g, "\\$&")}"]`;
      return position === 0 ? segment : `.${segment}`;
    })
    .join("");
}

/** The value at a path; undefined when there is none. */
export function getAt(root: ConfigNode | undefined, path: readonly PathSegment[]): ConfigNode | undefined {
  let node = root;
  for (const segment of path) {
    if (Array.isArray(node)) node = typeof segment === "number" ? node[segment] : undefined;
    else if (isObject(node))
      node = typeof segment === "string" && Object.hasOwn(node, segment) ? node[segment] : undefined;
    else return undefined;
  }
  return node;
}

/**
 * The root with a value set at a path; lists grow by one at most. A top-level value that is no container is replaced by
 * one, anything deeper is not.
 * @throws ConfigError
 */
export function setAt(root: ConfigNode | undefined, path: readonly PathSegment[], value: ConfigNode): ConfigNode {
  return setBelow(root, path, value, 0);
}

function setBelow(
  node: ConfigNode | undefined,
  path: readonly PathSegment[],
  value: ConfigNode,
  depth: number,
): ConfigNode {
  const segment = path[depth];
  if (segment === undefined) return value;
  const here = formatConfigPath(path.slice(0, depth + 1));
  const container = isSecure(node) || (!Array.isArray(node) && !isObject(node)) ? undefined : node;
  if (container === undefined && node !== undefined && node !== null && depth > 0)
    throw new ConfigError(`${formatConfigPath(path.slice(0, depth))}: expected ${wanted(segment)}`);
  if (typeof segment === "number") {
    const list = container ?? [];
    if (!Array.isArray(list)) throw new ConfigError(`${here}: key for a map must be a string`);
    if (segment > list.length) throw new ConfigError(`${here}: array index out of range`);
    return list.toSpliced(segment, 1, setBelow(list[segment], path, value, depth + 1));
  }
  const map = container ?? {};
  if (Array.isArray(map)) throw new ConfigError(`${here}: key for an array must be an int`);
  const previous = Object.hasOwn(map, segment) ? map[segment] : undefined;
  const result = { ...map };
  Object.defineProperty(result, segment, {
    value: setBelow(previous, path, value, depth + 1),
    enumerable: true,
    configurable: true,
    writable: true,
  });
  if (isSecure(result) && !isSecure(map))
    throw new ConfigError(`${here}: a map of only "secure" would read as a secret`);
  return result;
}

/** In a list or map, words that read as a boolean or an integer are one; at the top everything is text. */
export function coerce(text: string): ConfigNode {
  if (text === "true") return true;
  if (text === "false") return false;
  const integer = /^(0|-?[1-9]\d*)$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(integer) ? integer : text;
}

export function isSecure(node: ConfigNode | undefined): node is { secure: string } {
  return isObject(node) && Object.keys(node).length === 1 && typeof node["secure"] === "string";
}

function isObject(node: ConfigNode | undefined): node is Record<string, ConfigNode> {
  return typeof node === "object" && node !== null && !Array.isArray(node);
}

function wanted(segment: PathSegment): string {
  return typeof segment === "number" ? "an array" : "a map";
}
