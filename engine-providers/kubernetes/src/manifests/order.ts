/** In which order objects of one set are made: definitions before their objects, namespaces before what is in them. */
import { groupOf } from "../cluster/scope.ts";
import { apiVersionOf, isCustomResourceDefinition, kindOf, nameOf, namespaceOf, text } from "../manifest/manifest.ts";
import type { Manifest } from "../manifest/manifest.ts";

/** References by commas: `group/namespaces/namespace/Kind/name`, or `group/Kind/name`. */
const DEPENDS_ON = "config.kubernetes.io/depends-on";

export interface OrderedManifest {
  readonly manifest: Manifest;
  /** Each comes before this one in the list. */
  readonly dependsOn: readonly Manifest[];
}

/** @throws when they depend on each other in a circle */
export function orderManifests(manifests: readonly Manifest[]): OrderedManifest[] {
  const byKey = new Map(manifests.map((manifest) => [keyOf(manifest), manifest]));
  const definitions = new Map(
    manifests
      .filter(isCustomResourceDefinition)
      .map((one) => [`${text(one, "spec", "group")}/${text(one, "spec", "names", "kind")}`, one]),
  );
  const dependenciesOf = (manifest: Manifest): Manifest[] => {
    const found = [
      definitions.get(`${groupOf(apiVersionOf(manifest))}/${kindOf(manifest)}`),
      namespaceOf(manifest) === "" ? undefined : byKey.get(`/Namespace/${namespaceOf(manifest)}`),
      ...explicitOf(manifest).map((key) => byKey.get(key)),
    ];
    return [...new Set(found)].filter((one) => one !== undefined && one !== manifest) as Manifest[];
  };

  const ordered: OrderedManifest[] = [];
  const states = new Map<Manifest, "visiting" | "done">();
  const visit = (manifest: Manifest, way: readonly Manifest[]): void => {
    if (states.get(manifest) === "done") return;
    const circle = [...way, manifest];
    if (states.get(manifest) === "visiting")
      throw new Error(`objects depend on each other in a circle: ${circle.map(keyOf).join(" -> ")}`);
    states.set(manifest, "visiting");
    const dependsOn = dependenciesOf(manifest);
    for (const dependency of dependsOn) visit(dependency, circle);
    states.set(manifest, "done");
    ordered.push({ manifest, dependsOn });
  };
  for (const manifest of manifests) visit(manifest, []);
  return ordered;
}

function explicitOf(manifest: Manifest): string[] {
  return text(manifest, "metadata", "annotations", DEPENDS_ON)
    .split(",")
    .map((reference) => reference.trim().replace(/^([^/]*)\/namespaces\/([^/]+)\/([^/]+)\//, "$1/$3/$2/"))
    .filter((reference) => reference !== "");
}

/** `group/Kind/name` or `group/Kind/namespace/name`. */
function keyOf(manifest: Manifest): string {
  const scope = namespaceOf(manifest) === "" ? "" : `${namespaceOf(manifest)}/`;
  return `${groupOf(apiVersionOf(manifest))}/${kindOf(manifest)}/${scope}${nameOf(manifest)}`;
}
