/** Manifests as text: several documents of YAML or JSON. */
import { parseAllDocuments } from "yaml";
import type { Tags } from "yaml";
import { isManifest, kindOf, list, nameOf, namespaceOf, text, withField } from "../manifest/manifest.ts";
import type { Manifest, ManifestValue } from "../manifest/manifest.ts";
import type { Session } from "../session.ts";

/** Go's YAML, which Kubernetes reads with, is version 1.1 (`0644`, `yes`) without its times and base-60 numbers. */
const isReadByGo = (tag: Tags[number]): boolean =>
  typeof tag === "string" || (tag.tag !== "tag:yaml.org,2002:timestamp" && !("format" in tag && tag.format === "TIME"));

/** Empty documents are left out. @throws with the place, when it is no YAML */
export function decodeManifests(content: string): Manifest[] {
  const documents = parseAllDocuments(content, {
    version: "1.1",
    merge: true,
    customTags: (tags) => tags.filter(isReadByGo),
  });
  if (!Array.isArray(documents)) return [];
  const manifests: Manifest[] = [];
  for (const document of documents) {
    const [error] = document.errors;
    if (error !== undefined) throw new Error(`decoding YAML: ${error.message}`);
    // Aliases to one node many times over are how a small file becomes a huge one.
    const value = document.toJS({ maxAliasCount: 1_000 }) as ManifestValue | undefined;
    if (isManifest(value) && Object.keys(value).length > 0) manifests.push(value);
    else if (value !== null && value !== undefined && !isManifest(value))
      throw new Error("decoding YAML: a document is no object with apiVersion and kind");
  }
  return manifests;
}

/** Takes built-in lists apart, however deep: the API knows their items alone. */
export function expandLists(manifests: readonly Manifest[]): Manifest[] {
  return manifests.flatMap((manifest) =>
    Array.isArray(manifest["items"]) ? expandLists(list(manifest, "items").filter(isManifest)) : [manifest],
  );
}

/**
 * Objects ready to be registered: lists taken apart, the core group unnamed, and in `namespace` what needs one.
 * @throws when one has no kind, version or name
 */
export async function completeManifests(
  session: Session,
  manifests: readonly Manifest[],
  namespace: string,
): Promise<Manifest[]> {
  const expanded = expandLists(manifests);
  session.scopes.declare(expanded);
  const complete: Manifest[] = [];
  for (const manifest of expanded) {
    if (kindOf(manifest) === "" || text(manifest, "apiVersion") === "")
      throw new Error(`Kubernetes resources require a kind and apiVersion: ${describe(manifest)}`);
    if (nameOf(manifest) === "")
      throw new Error(`Kubernetes resources require a .metadata.name: ${describe(manifest)}`);
    const named = withField(manifest, ["apiVersion"], text(manifest, "apiVersion").replace(/^core\//, ""));
    const needsNamespace = namespaceOf(named) === "" && (await session.isNamespaced(named)) === true;
    complete.push(needsNamespace ? withField(named, ["metadata", "namespace"], namespace) : named);
  }
  return complete;
}

/** Names it without its contents, which may be secret. */
function describe(manifest: Manifest): string {
  const { apiVersion = "", kind = "" } = manifest;
  const metadata = { name: nameOf(manifest), namespace: namespaceOf(manifest) };
  return JSON.stringify({ apiVersion, kind, metadata });
}
