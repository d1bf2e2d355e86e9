/** Property values as state files hold them. */
import { AssetOrArchive, ResourceReference, Secret, Unknown } from "../model.ts";
import type { PropertyMap, PropertyValue } from "../model.ts";
import { EngineError } from "./errors.ts";
import { omit } from "./records.ts";

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonMap = Readonly<Record<string, Json>>;

/** Marks an object that stands for something JSON cannot say. */
export const signatureKey = "4dabf18193072939515e22adb298388d";
export const secretSignature = "1b47061264138c4ac30d75fd1eb44270";
const assetSignature = "c44067f5952c0a294b673a41bacd8c17";
const archiveSignature = "0def7320c3a5731c473e5ecbe6d01bc7";
export const referenceSignature = "5cf8f73096256a8f31e491e813e4eb8e";
const floatSignature = "8ad145fe-0d11-4827-bfd7-1abcbf086f5c";
/** Stands for a value that is not known yet. */
export const unknownPlaceholder = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** What happens to secrets on their way out and in. `place` tells two secrets of one resource apart. */
export interface SecretCodec {
  readonly seal: (plaintextJson: string, place: string) => Json;
  readonly open: (sealed: JsonMap, place: string) => string;
}

/**
 * Keys are sorted, as Go writes maps: the same state is the same bytes. By entries, both ways: `__proto__` is a key like
 * any other.
 */
export function propertiesToJson(properties: PropertyMap, codec: SecretCodec, place: string): JsonMap {
  const keys = Object.keys(properties).sort();
  return Object.fromEntries(
    keys.map((key) => [key, propertyToJson(properties[key] ?? null, codec, `${place}.${key}`)]),
  );
}

export function propertyToJson(value: PropertyValue, codec: SecretCodec, place: string): Json {
  if (value === null || typeof value === "boolean" || typeof value === "string") return value;
  if (typeof value === "number") return Number.isFinite(value) ? value : floatToJson(value);
  if (value instanceof Unknown) return unknownPlaceholder;
  if (value instanceof Secret) return codec.seal(JSON.stringify(propertyToJson(value.element, codec, place)), place);
  if (value instanceof ResourceReference) {
    const id = value.id instanceof Unknown ? "" : value.id;
    return {
      [signatureKey]: referenceSignature,
      ...(id === undefined || id === null ? {} : { id: propertyToJson(id, codec, place) }),
      ...(value.packageVersion === "" ? {} : { packageVersion: value.packageVersion }),
      urn: value.urn,
    };
  }
  if (value instanceof AssetOrArchive)
    return {
      [signatureKey]: value.kind === "asset" ? assetSignature : archiveSignature,
      ...propertiesToJson(value.fields, codec, place),
    };
  if (isList(value)) return value.map((element, index) => propertyToJson(element, codec, `${place}[${index}]`));
  return propertiesToJson(value, codec, place);
}

export function propertiesFromJson(json: JsonMap, codec: SecretCodec, place: string): PropertyMap {
  const entries = Object.entries(json);
  return Object.fromEntries(entries.map(([key, value]) => [key, propertyFromJson(value, codec, `${place}.${key}`)]));
}

export function propertyFromJson(json: Json, codec: SecretCodec, place: string): PropertyValue {
  if (typeof json === "string") return json === unknownPlaceholder ? Unknown.instance : json;
  if (json === null || typeof json !== "object") return json;
  if (isJsonList(json)) return json.map((element, index) => propertyFromJson(element, codec, `${place}[${index}]`));
  const signature = json[signatureKey];
  if (signature === undefined) return propertiesFromJson(json, codec, place);
  const fields = omit(json, signatureKey);
  switch (signature) {
    case secretSignature:
      return new Secret(propertyFromJson(JSON.parse(codec.open(json, place)) as Json, codec, place));
    case assetSignature:
      return new AssetOrArchive("asset", propertiesFromJson(fields, codec, place));
    case archiveSignature:
      return new AssetOrArchive("archive", propertiesFromJson(fields, codec, place));
    case referenceSignature:
      return new ResourceReference(
        text(fields["urn"]),
        fields["id"] === undefined ? undefined : propertyFromJson(fields["id"], codec, place),
        text(fields["packageVersion"]),
      );
    case floatSignature:
      return floatFromJson(text(fields["value"]));
    default:
      throw new EngineError("STATE_VALUE", `the state holds a value of a kind unknown to this engine at ${place}`);
  }
}

function floatToJson(value: number): Json {
  const bits = Buffer.alloc(8);
  bits.writeDoubleBE(value);
  return { [signatureKey]: floatSignature, value: bits.toString("hex") };
}

function floatFromJson(hex: string): number {
  return Buffer.from(hex.padStart(16, "0"), "hex").readDoubleBE();
}

function text(json: Json | undefined): string {
  return typeof json === "string" ? json : "";
}

function isList(value: PropertyValue): value is readonly PropertyValue[] {
  return Array.isArray(value);
}

export function isJsonList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
