/**
 * Kubernetes objects as this provider handles them: JSON, with unknown values of a preview in it. Never changed in
 * place: what changes one returns another.
 */
import { isList, isMap, Unknown } from "@automatos/provider-plugin";

export type ManifestValue = null | boolean | number | string | Unknown | readonly ManifestValue[] | Manifest;

export interface Manifest {
  readonly [key: string]: ManifestValue;
}

/** Which object: what the API's paths are made of. */
export interface ObjectReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  /** Undefined for kinds without namespace, and where the default namespace applies. */
  readonly namespace?: string | undefined;
}

export function isManifest(value: ManifestValue | undefined): value is Manifest {
  return value !== undefined && isMap(value);
}

export function field(manifest: ManifestValue | undefined, ...path: readonly string[]): ManifestValue | undefined {
  let value = manifest;
  for (const key of path) value = isManifest(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  return value;
}

/** Empty when it is no string. */
export function text(manifest: ManifestValue | undefined, ...path: readonly string[]): string {
  const value = field(manifest, ...path);
  return typeof value === "string" ? value : "";
}

export function number(manifest: ManifestValue | undefined, ...path: readonly string[]): number | undefined {
  const value = field(manifest, ...path);
  return typeof value === "number" ? value : undefined;
}

/** Empty when it is no list. */
export function list(manifest: ManifestValue | undefined, ...path: readonly string[]): readonly ManifestValue[] {
  const value = field(manifest, ...path);
  return value !== undefined && isList(value) ? value : [];
}

/** With maps made along the path; what is there and no map is replaced. */
export function withField(manifest: Manifest, path: readonly string[], value: ManifestValue): Manifest {
  const [key, ...rest] = path;
  if (key === undefined) return manifest;
  if (rest.length === 0) return { ...manifest, [key]: value };
  const inner = manifest[key];
  return { ...manifest, [key]: withField(isManifest(inner) ? inner : {}, rest, value) };
}

export function withoutField(manifest: Manifest, path: readonly string[]): Manifest {
  const [key, ...rest] = path;
  if (key === undefined || !Object.hasOwn(manifest, key)) return manifest;
  if (rest.length === 0) {
    return Object.fromEntries(Object.entries(manifest).filter(([name]) => name !== key));
  }
  const inner = manifest[key];
  return isManifest(inner) ? { ...manifest, [key]: withoutField(inner, rest) } : manifest;
}

export function hasUnknowns(value: ManifestValue): boolean {
  if (value instanceof Unknown) return true;
  if (isList(value)) return value.some(hasUnknowns);
  return isManifest(value) && Object.values(value).some(hasUnknowns);
}

/** The server leaves out many fields that hold nothing but their type's zero, so that they are never seen in it. */
export function isEmptyValue(value: ManifestValue): boolean {
  if (value === false || value === 0 || value === "") return true;
  if (isList(value)) return value.length === 0;
  return isManifest(value) && Object.values(value).every((item) => item === null || isEmptyValue(item));
}

export const nameOf = (manifest: Manifest): string => text(manifest, "metadata", "name");
export const namespaceOf = (manifest: Manifest): string => text(manifest, "metadata", "namespace");
export const kindOf = (manifest: Manifest): string => text(manifest, "kind");

/** The core group's name may be spelled out in programs; the API knows it as none. */
export function apiVersionOf(manifest: Manifest): string {
  return text(manifest, "apiVersion").replace(/^core\//, "");
}

export function referenceOf(manifest: Manifest): ObjectReference {
  return {
    apiVersion: apiVersionOf(manifest),
    kind: kindOf(manifest),
    name: nameOf(manifest),
    namespace: namespaceOf(manifest) || undefined,
  };
}

/** `namespace/name`, or the name alone: the ids of this provider's resources. */
export function idOf(manifest: Manifest): string {
  const namespace = namespaceOf(manifest);
  return namespace === "" ? nameOf(manifest) : `${namespace}/${nameOf(manifest)}`;
}

export function parseId(id: string): { readonly namespace: string; readonly name: string } {
  const [first = "", second] = id.split("/");
  return second === undefined ? { namespace: "", name: first } : { namespace: first, name: second };
}

export function isOwnedBy(manifest: Manifest, owner: Manifest | undefined): boolean {
  const uid = text(owner, "metadata", "uid");
  return (
    uid !== "" && list(manifest, "metadata", "ownerReferences").some((reference) => text(reference, "uid") === uid)
  );
}

export const isSecretKind = (manifest: Manifest): boolean =>
  kindOf(manifest) === "Secret" && apiVersionOf(manifest) === "v1";

export const isCustomResourceDefinition = (manifest: Manifest): boolean =>
  kindOf(manifest) === "CustomResourceDefinition" && apiVersionOf(manifest).startsWith("apiextensions.k8s.io/");
