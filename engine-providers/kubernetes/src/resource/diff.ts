/** What an update would do to an object: nothing, change it, or make another in its place. */
import type { Diff, DiffRequest, PropertyDiff } from "@automatos/provider-plugin";
import { ANNOTATION, isAnnotated } from "../manifest/annotations.ts";
import { kindOf, nameOf, namespaceOf, referenceOf, withField, withoutField } from "../manifest/manifest.ts";
import type { Manifest } from "../manifest/manifest.ts";
import { normalize, prune } from "../manifest/normalize.ts";
import { toManifest } from "../manifest/properties.ts";
import { isJobDone } from "../readiness/job.ts";
import type { Session } from "../session.ts";
import { fromOutputs } from "./checkpoint.ts";
import { detailedDiff } from "./detailed-diff.ts";
import { forceNewPatterns, touches } from "./force-new.ts";
import { isNamed } from "./naming.ts";
import { contains, parsePropertyPath } from "./property-path.ts";
import { isPatchType } from "./types.ts";

/**
 * Compares the inputs with the live object as the state has it, as far as the old inputs spoke of it: so changes that
 * others made are seen once they were read (`refresh`), and what the cluster fills in never is.
 */
export async function diff(session: Session, request: DiffRequest): Promise<Diff> {
  const { inputs, oldOutputs, type, urn } = request;
  const before = fromOutputs(oldOutputs);
  const oldInput = normalize(before.inputs);
  const given = normalize(toManifest(inputs));
  const namespaced = (await session.isNamespaced(given)) ?? true;
  const newInput = inNamespace(given, namespaced);
  let live = inNamespace(prune(before.live, oldInput), namespaced);
  if (isNamed(newInput)) live = withField(live, ["metadata", "name"], nameOf(before.live));
  const patterns = forceNewPatterns(newInput, isPatchType(type, kindOf(newInput)), session.settings);
  const found = withoutIgnored(
    detailedDiff({ live, oldInput, newInput }, (path, value) => touches(patterns, path, value)),
    request.ignoreChanges,
  );
  const replaces = Object.entries(found)
    .filter(([path, { kind }]) => kind.endsWith("-replace") || (path === "metadata" && kind === "delete"))
    .map(([path]) => path);
  if (await isUnready(session, newInput, before.live, urn))
    replaces.push(`.metadata.annotations["${ANNOTATION.replaceUnready}"]`);
  const alwaysRender = session.rendersTo !== undefined && session.settings.alwaysRender;
  return {
    changes: alwaysRender || replaces.length > 0 || Object.keys(found).length > 0,
    diffs: [...new Set(Object.keys(found).map((path) => /^[^.[]*/.exec(path)?.[0] ?? path))],
    replaces,
    detailedDiff: found,
    deleteBeforeReplace: replaces.length > 0 && keepsName(newInput, before.live, namespaced),
  };
}

function inNamespace(manifest: Manifest, namespaced: boolean): Manifest {
  if (!namespaced) return withoutField(manifest, ["metadata", "namespace"]);
  const named = namespaceOf(manifest) !== "" || manifest["metadata"] === undefined;
  return named || !isPlainNamespace(manifest) ? manifest : withField(manifest, ["metadata", "namespace"], "default");
}

/** Not one that is unknown yet. */
function isPlainNamespace(manifest: Manifest): boolean {
  const metadata = manifest["metadata"];
  return typeof metadata === "object" && metadata !== null && typeof (metadata as Manifest)["namespace"] !== "object";
}

function withoutIgnored(
  found: Readonly<Record<string, PropertyDiff>>,
  ignoreChanges: readonly string[],
): Record<string, PropertyDiff> {
  const ignored = ignoreChanges.map(parsePropertyPath);
  const kept = Object.entries(found).filter(([path]) => {
    const changed = parsePropertyPath(path);
    return !ignored.some((one) => contains(one, changed));
  });
  return Object.fromEntries(kept);
}

/** Two objects cannot have one name: the old one must go first. A name that was chosen here can be another. */
function keepsName(inputs: Manifest, live: Manifest, namespaced: boolean): boolean {
  const sameNamespace = !namespaced || (namespaceOf(live) || "default") === (namespaceOf(inputs) || "default");
  return !isAnnotated(inputs, ANNOTATION.autonamed) && nameOf(inputs) === nameOf(live) && sameNamespace;
}

/** Whether a Job is to be made anew because it has not come to its end. */
async function isUnready(session: Session, inputs: Manifest, live: Manifest, urn: string): Promise<boolean> {
  if (!isAnnotated(inputs, ANNOTATION.replaceUnready)) return false;
  const cluster = session.reachableCluster;
  if (kindOf(inputs) !== "Job") {
    await session.log("warning", "the replaceUnready annotation is not supported for this kind", urn);
    return false;
  }
  if (cluster === undefined) {
    await session.log("warning", "the cluster is unreachable: the replaceUnready annotation is not looked at", urn);
    return false;
  }
  const current = await cluster.find(referenceOf(live)).catch(() => undefined);
  return current !== undefined && !isJobDone(current);
}
