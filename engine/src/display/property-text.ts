/** Property values as text for people. Secrets and unknown values are named, never shown. */
import { secretSignature, signatureKey, unknownPlaceholder } from "../backend/property-json.ts";
import { own } from "../own.ts";
import type { Paint } from "./words.ts";

const longestText = 150;
const indentation = "    ";

type Properties = Readonly<Record<string, unknown>>;

/** A value in as many lines as it needs; the lines after the first are indented by `indent`. */
export function valueText(value: unknown, indent: string): string {
  if (value === unknownPlaceholder) return "[unknown]";
  if (typeof value === "string")
    return JSON.stringify(value.length > longestText ? `${value.slice(0, longestText)}...` : value);
  if (value === null || value === undefined) return "<null>";
  if (typeof value !== "object") return JSON.stringify(value);
  if (isSecret(value)) return "[secret]";
  const inner = indent + indentation;
  if (Array.isArray(value)) {
    if (value.length === 0) return "[]";
    const lines = value.map((element: unknown, index) => `${inner}[${index}]: ${valueText(element, inner)}\n`);
    return `[\n${lines.join("")}${indent}]`;
  }
  const kind = assetKind(value as Properties);
  if (kind !== undefined) return kind;
  const entries = Object.entries(value).filter(([key]) => isShown(key));
  if (entries.length === 0) return "{}";
  const width = Math.max(...entries.map(([key]) => key.length));
  return `{\n${entries.map(([key, item]) => `${inner}${key.padEnd(width)}: ${valueText(item, inner)}\n`).join("")}${indent}}`;
}

/** The lines of a map on its own: all of them new, all of them going, or what is between the two. */
export function propertyLines(
  before: Properties | undefined,
  after: Properties | undefined,
  indent: string,
  paint: Paint,
): string {
  const keys = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])].filter(isShown).sort();
  const width = Math.max(0, ...keys.map((key) => key.length));
  if (before === undefined || after === undefined) {
    const only = after ?? before ?? {};
    return keys.map((key) => `${indent}  ${key.padEnd(width)}: ${valueText(own(only, key), `${indent}  `)}\n`).join("");
  }
  return keys.map((key) => differenceLines(key, width, own(before, key), own(after, key), indent, paint)).join("");
}

function differenceLines(
  key: string,
  width: number,
  before: unknown,
  after: unknown,
  indent: string,
  paint: Paint,
): string {
  if (sameValue(before, after)) return "";
  const label = key.padEnd(width);
  if (before === undefined) return paint("green", `${indent}+ ${label}: ${valueText(after, `${indent}  `)}`) + "\n";
  if (after === undefined) return paint("red", `${indent}- ${label}: ${valueText(before, `${indent}  `)}`) + "\n";
  if (isPlainMap(before) && isPlainMap(after))
    return `${paint("yellow", `${indent}~ ${label}`)}: {\n${propertyLines(before, after, indent + indentation, paint)}${indent}  }\n`;
  if (Array.isArray(before) && Array.isArray(after)) {
    const [old, now] = [byIndex(before), byIndex(after)];
    return `${paint("yellow", `${indent}~ ${label}`)}: [\n${propertyLines(old, now, indent + indentation, paint)}${indent}  ]\n`;
  }
  const change = `${valueText(before, `${indent}  `)} => ${valueText(after, `${indent}  `)}`;
  return `${paint("yellow", `${indent}~ ${label}: ${change}`)}\n`;
}

/** Two secrets cannot be told apart here: whether they differ, the engine's own diff says. */
export function sameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  const [keysOfA, keysOfB] = [Object.keys(a), Object.keys(b)];
  return (
    Array.isArray(a) === Array.isArray(b) &&
    keysOfA.length === keysOfB.length &&
    keysOfA.every((key) => sameValue((a as Properties)[key], (b as Properties)[key]))
  );
}

/** Dynamic providers keep their serialised code under such names. */
function isShown(key: string): boolean {
  return !key.startsWith("__");
}

function isSecret(value: object): boolean {
  return (value as Properties)[signatureKey] === secretSignature;
}

function isPlainMap(value: unknown): value is Properties {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(signatureKey in value);
}

function assetKind(value: Properties): string | undefined {
  if (!(signatureKey in value)) return undefined;
  if (typeof value["urn"] === "string") return value["urn"];
  if (typeof value["path"] === "string") return `file(${value["path"]})`;
  if (typeof value["uri"] === "string") return `uri(${value["uri"]})`;
  if (typeof value["text"] === "string") return `text(${value["text"].length} characters)`;
  if (typeof value["hash"] === "string") return `archive(${value["hash"].slice(0, 7)})`;
  return "archive";
}

function byIndex(list: readonly unknown[]): Properties {
  return Object.fromEntries(list.map((element, index) => [`[${index}]`, element]));
}
