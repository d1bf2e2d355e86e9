/**
 * Output values in wire form: a value together with the resources that it came from, whether it is secret and whether
 * it is known. The engine itself works with plain, secret and unknown values; transforms, components of other packages
 * and their methods take output values.
 */
import { own } from "../../own.ts";
import type { JavaScriptValue } from "../protocol/protobuf.ts";
import { OUTPUT_SIGNATURE, RESOURCE_SIGNATURE, SECRET_SIGNATURE, SIGNATURE_KEY, UNKNOWN_VALUE } from "./signatures.ts";

export type WireMap = Record<string, JavaScriptValue>;

/** By property, URNs. */
export type PropertyDependencies = Readonly<Record<string, readonly string[]>>;

/** Every secret and unknown value made an output value. */
export function toOutputValues(properties: WireMap): WireMap {
  return mapValues(properties, upgrade);
}

/** Every output value made a secret, unknown or plain value. */
export function fromOutputValues(properties: WireMap): WireMap {
  return mapValues(properties, downgrade);
}

/** The properties with output values that name these dependencies, where what is in them does not yet. */
export function withDependencies(properties: WireMap, dependencies: PropertyDependencies): WireMap {
  return mapValues(properties, (value, key) => {
    const needed = own(dependencies, key) ?? [];
    const known = new Set(dependenciesOf(value));
    if (needed.every((urn) => known.has(urn))) return value;
    const output = isSigned(value, OUTPUT_SIGNATURE) ? value : { [SIGNATURE_KEY]: OUTPUT_SIGNATURE, value };
    return { ...output, dependencies: [...new Set([...ownDependencies(output), ...needed])] };
  });
}

/** All resources that a value came from, with all that is in it. */
export function dependenciesOf(value: JavaScriptValue): string[] {
  if (typeof value !== "object" || value === null) return [];
  if (Array.isArray(value)) return [...new Set((value as JavaScriptValue[]).flatMap(dependenciesOf))];
  const own = isSigned(value, OUTPUT_SIGNATURE) ? ownDependencies(value) : [];
  return [...new Set([...own, ...Object.values(value as WireMap).flatMap(dependenciesOf)])];
}

/** Each property's dependencies: those that are given, and those of its output values. */
export function allDependencies(properties: WireMap, given: PropertyDependencies = {}): Record<string, string[]> {
  const result = new Map(Object.entries(given).map(([key, urns]) => [key, [...urns]]));
  for (const [key, value] of Object.entries(properties))
    result.set(key, [...new Set([...(result.get(key) ?? []), ...dependenciesOf(value)])]);
  return Object.fromEntries(result);
}

function upgrade(value: JavaScriptValue): JavaScriptValue {
  if (value === UNKNOWN_VALUE) return { [SIGNATURE_KEY]: OUTPUT_SIGNATURE };
  if (isSigned(value, SECRET_SIGNATURE)) {
    const element = value["value"] ?? null;
    return element === UNKNOWN_VALUE
      ? { [SIGNATURE_KEY]: OUTPUT_SIGNATURE, secret: true }
      : { [SIGNATURE_KEY]: OUTPUT_SIGNATURE, secret: true, value: upgrade(element) };
  }
  return mapNested(value, upgrade);
}

function downgrade(value: JavaScriptValue): JavaScriptValue {
  if (!isSigned(value, OUTPUT_SIGNATURE)) return mapNested(value, downgrade);
  const element = value["value"] === undefined ? UNKNOWN_VALUE : downgrade(value["value"]);
  return value["secret"] === true ? { [SIGNATURE_KEY]: SECRET_SIGNATURE, value: element } : element;
}

function ownDependencies(output: WireMap): string[] {
  const list = output["dependencies"];
  return Array.isArray(list) ? list.filter((urn) => typeof urn === "string") : [];
}

function isSigned(value: JavaScriptValue, signature: string): value is WireMap {
  return typeof value === "object" && value !== null && (value as WireMap)[SIGNATURE_KEY] === signature;
}

function mapNested(value: JavaScriptValue, change: (value: JavaScriptValue) => JavaScriptValue): JavaScriptValue {
  // A reference to a resource is one value: its id is not an output.
  if (typeof value !== "object" || value === null || isSigned(value, RESOURCE_SIGNATURE)) return value;
  if (Array.isArray(value)) return (value as JavaScriptValue[]).map(change);
  return mapValues(value as WireMap, change);
}

function mapValues(map: WireMap, change: (value: JavaScriptValue, key: string) => JavaScriptValue): WireMap {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, change(value, key)]));
}
