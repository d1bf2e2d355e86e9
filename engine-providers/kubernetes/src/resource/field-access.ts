/** Fields of manifests by property path, with indexes of lists and `*`. */
import { isList } from "@automatos/provider-plugin";
import { isManifest } from "../manifest/manifest.ts";
import type { Manifest, ManifestValue } from "../manifest/manifest.ts";
import type { PropertyPath } from "./property-path.ts";

export function removeAt(manifest: Manifest, path: PropertyPath): Manifest {
  const changed = change(manifest, undefined, path, () => undefined);
  return isManifest(changed) ? changed : manifest;
}

/** Takes the value from `source` where both have it. */
export function copyAt(manifest: Manifest, source: Manifest, path: PropertyPath): Manifest {
  const changed = change(manifest, source, path, (value, found) => found ?? value);
  return isManifest(changed) ? changed : manifest;
}

type Change = (value: ManifestValue, source: ManifestValue | undefined) => ManifestValue | undefined;

function change(
  value: ManifestValue,
  source: ManifestValue | undefined,
  path: PropertyPath,
  to: Change,
): ManifestValue | undefined {
  const [step, ...rest] = path;
  if (step === undefined) return to(value, source);
  const sourceAt = (key: string | number) =>
    isList(source ?? null)
      ? (source as readonly ManifestValue[])[Number(key)]
      : isManifest(source) && Object.hasOwn(source, String(key))
        ? source[String(key)]
        : undefined;
  const wanted = (key: string | number) => step === "*" || String(step) === String(key);
  if (isList(value)) {
    return value.flatMap((item, index) => {
      const next = wanted(index) ? change(item, sourceAt(index), rest, to) : item;
      return next === undefined ? [] : [next];
    });
  }
  if (!isManifest(value)) return value;
  const entries: [string, ManifestValue][] = [];
  for (const [key, item] of Object.entries(value)) {
    const next = wanted(key) ? change(item, sourceAt(key), rest, to) : item;
    if (next !== undefined) entries.push([key, next]);
  }
  return Object.fromEntries(entries);
}
