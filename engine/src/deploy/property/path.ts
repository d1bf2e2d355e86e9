/** Property paths: `root.list[0].key["quoted key"]`, with `*` and `[*]` as globs. */
import { Secret } from "../../model.ts";
import type { PropertyMap, PropertyValue } from "../../model.ts";
import { own } from "../../own.ts";
import { without } from "../without.ts";
import { isList, isMap, makeSecret } from "./value.ts";

export type PropertyPath = readonly (string | number)[];

/** @throws Error when a bracket or quote is not closed, or an index is no number. */
export function parsePropertyPath(text: string): PropertyPath {
  const path: (string | number)[] = [];
  let rest = text;
  if (rest.startsWith(".")) throw new Error("expected property path element");
  while (rest !== "") {
    if (rest.startsWith(".")) {
      rest = rest.slice(1);
      if (rest === "") throw new Error("expected property name after '.'");
      continue;
    }
    const [element, after] = rest.startsWith("[") ? readBracket(rest) : readName(rest);
    path.push(element);
    rest = after;
  }
  return path;
}

function readName(text: string): [string, string] {
  const end = text.search(/[.[]/);
  return end < 0 ? [text, ""] : [text.slice(0, end), text.slice(end)];
}

function readBracket(text: string): [string | number, string] {
  if (text.startsWith('["')) {
    const quoted = /^\["((?:\\"|[^"])*)"\]/.exec(text);
    if (quoted === null) {
      throw new Error(
        /^\["(?:\\"|[^"])*"/.test(text)
          ? "missing closing bracket in property access"
          : "missing closing quote in property name",
      );
    }
    return [(quoted[1] ?? "").replaceAll('\\"', '"'), text.slice(quoted[0].length)];
  }
  const end = text.indexOf("]");
  if (end < 0) throw new Error("missing closing bracket in array index");
  const segment = text.slice(1, end);
  if (segment === "*") return ["*", text.slice(end + 1)];
  if (!/^[+-]?\d+$/.test(segment)) throw new Error(`invalid array index: ${segment}`);
  return [Number(segment), text.slice(end + 1)];
}

export function formatPropertyPath(path: PropertyPath): string {
  return path
    .map((element, index) => {
      if (typeof element === "number") return `[${element}]`;
      if (!/^[A-Za-z0-9_]+$/.test(element)) return `["${element.replaceAll('"', '\\"')}"]`;
      return index === 0 ? element : `.${element}`;
    })
    .join("");
}

/** Whether `other` is `path` or lies below it. */
export function pathContains(path: PropertyPath, other: PropertyPath): boolean {
  return other.length >= path.length && path.every((element, index) => element === "*" || element === other[index]);
}

/**
 * `news` with the value that `olds` has at the path; a key that `olds` lacks is removed.
 * @returns undefined when the path goes through an element that only one side has: it cannot be ignored.
 */
export function resetPath(path: PropertyPath, olds: PropertyMap, news: PropertyMap): PropertyMap | undefined {
  const result = reset(path, olds, news, false, false);
  return result === undefined ? undefined : (result.value as PropertyMap);
}

interface Reset {
  value: PropertyValue;
}

function reset(
  path: PropertyPath,
  oldValue: PropertyValue,
  newValue: PropertyValue,
  oldIsSecret: boolean,
  newIsSecret: boolean,
): Reset | undefined {
  if (oldValue instanceof Secret) return reset(path, oldValue.element, newValue, true, newIsSecret);
  if (newValue instanceof Secret) {
    const inner = reset(path, oldValue, newValue.element, oldIsSecret, true);
    return inner && { value: makeSecret(inner.value) };
  }
  const [key, ...rest] = path;
  if (key === undefined) return undefined;
  const taken = (value: PropertyValue): PropertyValue => (oldIsSecret && !newIsSecret ? makeSecret(value) : value);
  const below = (old: PropertyValue, next: PropertyValue) => reset(rest, old, next, oldIsSecret, newIsSecret);
  if (key === "*") return resetAll(oldValue, newValue, rest.length === 0 ? undefined : below, taken);
  if (typeof key === "number") return resetIndex(key, oldValue, newValue, rest.length === 0 ? undefined : below, taken);
  return resetKey(key, oldValue, newValue, rest.length === 0 ? undefined : below, taken);
}

type Below = ((oldValue: PropertyValue, newValue: PropertyValue) => Reset | undefined) | undefined;
type Taken = (value: PropertyValue) => PropertyValue;

function resetIndex(index: number, olds: PropertyValue, news: PropertyValue, below: Below, taken: Taken) {
  if (index < 0) return undefined;
  if (!isList(olds) || !isList(news)) return !isList(olds) && !isList(news) ? { value: news } : undefined;
  const old = olds[index];
  const next = news[index];
  if (old === undefined || next === undefined) {
    return old === undefined && next === undefined && below === undefined ? { value: news } : undefined;
  }
  const replaced = below === undefined ? { value: taken(old) } : below(old, next);
  return replaced && { value: news.with(index, replaced.value) };
}

function resetKey(key: string, olds: PropertyValue, news: PropertyValue, below: Below, taken: Taken) {
  if (below === undefined) {
    const old = isMap(olds) ? own(olds, key) : undefined;
    if (!isMap(news)) return old === undefined ? { value: news } : undefined;
    return { value: old === undefined ? without(news, key) : { ...news, [key]: taken(old) } };
  }
  if (!isMap(olds) || !isMap(news)) return !isMap(olds) && !isMap(news) ? { value: news } : undefined;
  const old = own(olds, key);
  const next = own(news, key);
  if (old === undefined && next === undefined) return { value: news };
  if (next === undefined) return undefined;
  const replaced = below(old ?? null, next);
  return replaced && { value: { ...news, [key]: replaced.value } };
}

function resetAll(olds: PropertyValue, news: PropertyValue, below: Below, taken: Taken): Reset | undefined {
  if (below === undefined) {
    if (isMap(news)) return { value: isMap(olds) ? Object.fromEntries(entriesOf(olds, taken)) : news };
    if (!isList(news)) return undefined;
    if (!isList(olds)) return { value: news };
    return olds.length === news.length ? { value: olds.map(taken) } : undefined;
  }
  if (isMap(olds) && isMap(news)) {
    let result: PropertyMap = news;
    for (const [key, old] of Object.entries(olds)) {
      const next = own(news, key);
      const replaced = next === undefined ? undefined : below(old, next);
      if (replaced === undefined) return undefined;
      result = { ...result, [key]: replaced.value };
    }
    return { value: result };
  }
  if (!isList(olds) || !isList(news) || olds.length !== news.length) return undefined;
  const items: PropertyValue[] = [];
  for (const [index, old] of olds.entries()) {
    const replaced = below(old, news[index] ?? null);
    if (replaced === undefined) return undefined;
    items.push(replaced.value);
  }
  return { value: items };
}

function entriesOf(map: PropertyMap, taken: Taken): [string, PropertyValue][] {
  return Object.entries(map).map(([key, value]) => [key, taken(value)]);
}
