/** Inputs in the form in which the API server will give them back, so that the same object is never a difference. */
import { isList } from "@automatos/provider-plugin";
import {
  field,
  hasUnknowns,
  isCustomResourceDefinition,
  isEmptyValue,
  isManifest,
  isSecretKind,
  withField,
  withoutField,
} from "./manifest.ts";
import type { Manifest, ManifestValue } from "./manifest.ts";

/** Set by the API server alone (ObjectMeta of the Kubernetes API). */
const READ_ONLY_METADATA = [
  "creationTimestamp",
  "deletionGracePeriodSeconds",
  "deletionTimestamp",
  "generation",
  "managedFields",
  "resourceVersion",
  "uid",
];

export function normalize(manifest: Manifest): Manifest {
  let normal = READ_ONLY_METADATA.reduce<Manifest>((rest, name) => withoutField(rest, ["metadata", name]), manifest);
  if (isCustomResourceDefinition(normal)) normal = normalizeDefinition(normal);
  if (isSecretKind(normal) && !hasUnknowns(normal)) normal = normalizeSecret(normal);
  return normal;
}

/** Status is the server's; `preserveUnknownFields: false` is what version 1 means without it, and is dropped. */
function normalizeDefinition(manifest: Manifest): Manifest {
  const rest = withoutField(manifest, ["status"]);
  return field(rest, "spec", "preserveUnknownFields") === false
    ? withoutField(rest, ["spec", "preserveUnknownFields"])
    : rest;
}

/** The server moves `stringData` into `data`, over what is there, and writes all of it in canonical base64. */
function normalizeSecret(manifest: Manifest): Manifest {
  const stringData = manifest["stringData"];
  const data = isManifest(manifest["data"]) ? manifest["data"] : undefined;
  const encoded: Record<string, ManifestValue> = {};
  for (const [key, value] of Object.entries(data ?? {}))
    encoded[key] = typeof value === "string" ? canonicalBase64(value) : value;
  if (!isManifest(stringData)) return data === undefined ? manifest : withField(manifest, ["data"], encoded);
  for (const [key, value] of Object.entries(stringData))
    encoded[key] = typeof value === "string" ? Buffer.from(value).toString("base64") : value;
  return withField(withoutField(manifest, ["stringData"]), ["data"], encoded);
}

/** What is no base64 stays: the server's own words about it are better. */
function canonicalBase64(value: string): string {
  const compact = value.replaceAll(/[\r\n]/g, "");
  return /^[A-Za-z0-9+/]*={0,2}$/.test(compact) && compact.length % 4 === 0
    ? Buffer.from(compact, "base64").toString("base64")
    : value;
}

/**
 * The part of a live object that the inputs speak of. A list whose elements have names is taken in the inputs' order,
 * since admission may have put others between them.
 */
export function prune(live: Manifest, inputs: Manifest): Manifest {
  return pruneMap(live, inputs, false);
}

/** As {@link prune}, with the empty values that the server does not keep: they are inputs still. */
export function inputsFrom(live: Manifest, inputs: Manifest): Manifest {
  return pruneMap(live, inputs, true);
}

function pruneMap(live: Manifest, inputs: Manifest, keepEmpty: boolean): Manifest {
  const pruned: Record<string, ManifestValue> = {};
  for (const [key, wanted] of Object.entries(inputs)) {
    const value = Object.hasOwn(live, key) ? live[key] : undefined;
    if (value !== undefined) pruned[key] = pruneValue(value, wanted, keepEmpty);
    else if (keepEmpty && isEmptyValue(wanted)) pruned[key] = wanted;
  }
  return pruned;
}

function pruneValue(value: ManifestValue, wanted: ManifestValue, keepEmpty: boolean): ManifestValue {
  if (isManifest(value) && isManifest(wanted)) return pruneMap(value, wanted, keepEmpty);
  if (isList(value) && isList(wanted)) return pruneList(value, wanted, keepEmpty);
  return value;
}

function pruneList(
  values: readonly ManifestValue[],
  wanted: readonly ManifestValue[],
  keepEmpty: boolean,
): ManifestValue[] {
  const byName = named(values);
  const wantedByName = named(wanted);
  if (byName && wantedByName) {
    return [...wantedByName].flatMap(([name, item]) => {
      const found = byName.get(name);
      return found === undefined ? [] : [pruneValue(found, item, keepEmpty)];
    });
  }
  // What others add behind them (finalizers, say) is theirs.
  return values.slice(0, wanted.length).map((value, index) => pruneValue(value, wanted[index] ?? null, keepEmpty));
}

/** Undefined unless each is a map with a name of its own. */
function named(values: readonly ManifestValue[]): Map<string, ManifestValue> | undefined {
  const byName = new Map<string, ManifestValue>();
  for (const value of values) {
    const name = field(value, "name");
    if (typeof name !== "string" || byName.has(name)) return undefined;
    byName.set(name, value);
  }
  return byName;
}
