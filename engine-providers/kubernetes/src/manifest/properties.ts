/** Between Pulumi's property values and manifests. */
import { AssetOrArchive, isList, isMap, ResourceReference, Secret } from "@automatos/provider-plugin";
import type { PropertyMap, PropertyValue } from "@automatos/provider-plugin";
import type { Manifest, ManifestValue } from "./manifest.ts";

/** JSON schema's extensions, which the SDK spells with underscores. */
const UNDERSCORED = [
  "x-kubernetes-embedded-resource",
  "x-kubernetes-int-or-string",
  "x-kubernetes-list-map-keys",
  "x-kubernetes-list-type",
  "x-kubernetes-map-type",
  "x-kubernetes-preserve-unknown-fields",
  "x-kubernetes-validations",
];
const TO_SDK = new Map(UNDERSCORED.map((name) => [name, name.replaceAll("-", "_")]));
const FROM_SDK = new Map(UNDERSCORED.map((name) => [name.replaceAll("-", "_"), name]));

/** @throws when the properties hold what no manifest can: assets, archives */
export function toManifest(properties: PropertyMap): Manifest {
  return Object.fromEntries(
    Object.entries(properties).map(([key, value]) => [FROM_SDK.get(key) ?? key, toManifestValue(value)]),
  );
}

function toManifestValue(value: PropertyValue): ManifestValue {
  if (value instanceof Secret) return toManifestValue(value.element);
  if (value instanceof ResourceReference) return value.id === undefined ? value.urn : toManifestValue(value.id);
  if (value instanceof AssetOrArchive)
    throw new Error(`a Kubernetes manifest cannot hold an ${value.kind}: read the file and pass its text`);
  if (isList(value)) return value.map(toManifestValue);
  return isMap(value) ? toManifest(value) : value;
}

export function toProperties(manifest: Manifest): PropertyMap {
  return Object.fromEntries(
    Object.entries(manifest).map(([key, value]) => [TO_SDK.get(key) ?? key, toPropertyValue(value)]),
  );
}

function toPropertyValue(value: ManifestValue): PropertyValue {
  if (isList(value)) return value.map(toPropertyValue);
  return isMap(value) ? toProperties(value) : value;
}
