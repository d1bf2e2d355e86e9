/** Property values as the protocol carries them, in a google.protobuf.Struct. */
import { AssetOrArchive, ResourceReference, Secret, Unknown } from "../../model.ts";
import type { PropertyMap, PropertyValue } from "../../model.ts";
import { structPb } from "../protocol/protobuf.ts";
import type { JavaScriptValue, Struct } from "../protocol/protobuf.ts";
import {
  ARCHIVE_SIGNATURE,
  ASSET_SIGNATURE,
  OUTPUT_SIGNATURE,
  RESOURCE_SIGNATURE,
  SECRET_SIGNATURE,
  SIGNATURE_KEY,
  UNKNOWN_VALUE,
} from "./signatures.ts";
import { isList } from "./value.ts";

interface MarshalOptions {
  /** Unknown values go over as such; without it they are left out. */
  keepUnknowns?: boolean;
  /** Without it the receiver sees secrets as plain values. */
  keepSecrets?: boolean;
  /** Without it the receiver sees a resource's id, or its URN when it has none. */
  keepResources?: boolean;
  /** Properties that the SDK keeps for itself (`__provider`) are left out. */
  skipInternalKeys?: boolean;
}

type WireMap = Record<string, JavaScriptValue>;

export function marshalProperties(properties: PropertyMap, options: MarshalOptions): Struct {
  return structPb.Struct.fromJavaScript(toWireMap(properties, options));
}

export function toWireMap(properties: PropertyMap, options: MarshalOptions): WireMap {
  return Object.fromEntries(
    Object.entries(properties).flatMap(([key, value]) => {
      if (options.skipInternalKeys && key.startsWith("__")) return [];
      const marshalled = toWire(value, options);
      return marshalled === undefined ? [] : [[key, marshalled]];
    }),
  );
}

export function toWire(value: PropertyValue, options: MarshalOptions): JavaScriptValue | undefined {
  if (value === null || typeof value !== "object") return value;
  if (value instanceof Unknown) return options.keepUnknowns ? UNKNOWN_VALUE : undefined;
  if (value instanceof Secret) {
    const element = toWire(value.element, options);
    if (!options.keepSecrets || element === undefined) return element;
    return { [SIGNATURE_KEY]: SECRET_SIGNATURE, value: element };
  }
  if (value instanceof ResourceReference) return referenceToWire(value, options);
  if (value instanceof AssetOrArchive)
    return {
      [SIGNATURE_KEY]: value.kind === "asset" ? ASSET_SIGNATURE : ARCHIVE_SIGNATURE,
      ...toWireMap(value.fields, options),
    };
  if (isList(value)) return value.map((item) => toWire(item, options) ?? null);
  return toWireMap(value, options);
}

function referenceToWire(reference: ResourceReference, options: MarshalOptions): JavaScriptValue | undefined {
  const id = reference.id === undefined ? undefined : toWire(reference.id, { ...options, keepUnknowns: true });
  if (!options.keepResources) {
    if (reference.id instanceof Unknown) return options.keepUnknowns ? UNKNOWN_VALUE : undefined;
    return id ?? reference.urn;
  }
  return {
    [SIGNATURE_KEY]: RESOURCE_SIGNATURE,
    urn: reference.urn,
    packageVersion: reference.packageVersion,
    ...(id === undefined ? {} : { id }),
  };
}

/** Output values are read as what they hold: unknown, secret or plain. */
export function unmarshalProperties(struct: Struct | undefined): PropertyMap {
  return struct === undefined ? {} : fromWireMap(struct.toJavaScript());
}

export function fromWireMap(wire: Readonly<WireMap>): PropertyMap {
  return Object.fromEntries(Object.entries(wire).map(([key, value]) => [key, fromWire(value)]));
}

export function fromWire(value: JavaScriptValue): PropertyValue {
  if (value === UNKNOWN_VALUE) return Unknown.instance;
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return (value as JavaScriptValue[]).map(fromWire);
  const map = value as WireMap;
  switch (map[SIGNATURE_KEY]) {
    case undefined:
      return fromWireMap(map);
    case SECRET_SIGNATURE:
      return new Secret(fromWire(map["value"] ?? null));
    case OUTPUT_SIGNATURE:
      return outputFromWire(map);
    case RESOURCE_SIGNATURE:
      return referenceFromWire(map);
    case ASSET_SIGNATURE:
      return new AssetOrArchive("asset", fieldsOf(map, ASSET_FIELDS));
    case ARCHIVE_SIGNATURE:
      return new AssetOrArchive("archive", fieldsOf(map, ARCHIVE_FIELDS));
    default:
      throw new Error(`a property value has the unknown signature ${JSON.stringify(map[SIGNATURE_KEY])}`);
  }
}

/** The SDK sends marks of its own with them. */
const ASSET_FIELDS = ["hash", "text", "path", "uri"];
const ARCHIVE_FIELDS = ["hash", "assets", "path", "uri"];

function fieldsOf(map: WireMap, names: readonly string[]): PropertyMap {
  const given = names.filter((name) => map[name] !== undefined && map[name] !== "");
  return Object.fromEntries(given.map((name) => [name, fromWire(map[name] ?? null)]));
}

function outputFromWire(map: WireMap): PropertyValue {
  const element = map["value"] === undefined ? Unknown.instance : fromWire(map["value"]);
  return map["secret"] === true ? new Secret(element) : element;
}

function referenceFromWire(map: WireMap): ResourceReference {
  const id = map["id"];
  const version = map["packageVersion"];
  return new ResourceReference(
    typeof map["urn"] === "string" ? map["urn"] : "",
    id === undefined ? undefined : id === "" ? Unknown.instance : fromWire(id),
    typeof version === "string" ? version : "",
  );
}
