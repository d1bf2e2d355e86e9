/** Which kinds the cluster serves, and under which paths. */
import { field, isManifest, list, text } from "../manifest/manifest.ts";
import type { Manifest, ObjectReference } from "../manifest/manifest.ts";
import { isNotFound, KindUnknownError } from "./errors.ts";
import type { ApiTransport } from "./http.ts";

export interface KindInfo {
  /** Plural, as in paths. */
  readonly resource: string;
  readonly namespaced: boolean;
}

type KindsOfVersion = ReadonlyMap<string, KindInfo>;

export class Discovery {
  readonly #transport: ApiTransport;
  readonly #versions = new Map<string, Promise<KindsOfVersion>>();

  constructor(transport: ApiTransport) {
    this.#transport = transport;
  }

  /** What is not known is asked for anew: a definition may have been made since. @throws KindUnknownError */
  async kind(apiVersion: string, kind: string): Promise<KindInfo> {
    const known = this.#versions.get(apiVersion);
    const found = (await known)?.get(kind);
    if (found !== undefined) return found;
    // Another caller may have asked meanwhile; one question is enough for all that wait.
    if (this.#versions.get(apiVersion) === known) this.#versions.set(apiVersion, this.#fetch(apiVersion));
    const now = (await this.#versions.get(apiVersion))?.get(kind);
    if (now === undefined) throw new KindUnknownError(apiVersion, kind);
    return now;
  }

  /** The path of an object, or of the collection when the reference has no name. */
  async path(reference: Omit<ObjectReference, "name"> & { readonly name?: string }): Promise<string> {
    const { apiVersion, kind, namespace, name } = reference;
    const { resource, namespaced } = await this.kind(apiVersion, kind);
    const scope = namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : "";
    return `${root(apiVersion)}${scope}/${resource}${name === undefined ? "" : `/${encodeURIComponent(name)}`}`;
  }

  /** `group/version` and `group/version/Kind` of all that the server serves, as Helm's capabilities name them. */
  async servedVersions(): Promise<string[]> {
    const { body } = await this.#transport.request({ method: "GET", path: "/apis" });
    const versions = list(body, "groups").flatMap((group) =>
      list(group, "versions").map((version) => text(version, "groupVersion")),
    );
    const served = ["v1", ...versions].map(async (version) => {
      const kinds = await this.#fetch(version).catch(() => new Map<string, KindInfo>());
      return [version, ...[...kinds.keys()].map((kind) => `${version}/${kind}`)];
    });
    return (await Promise.all(served)).flat();
  }

  async #fetch(apiVersion: string): Promise<KindsOfVersion> {
    try {
      const { body } = await this.#transport.request({ method: "GET", path: root(apiVersion) });
      return kindsIn(body);
    } catch (error) {
      this.#versions.delete(apiVersion);
      if (isNotFound(error)) return new Map();
      throw error;
    }
  }
}

function root(apiVersion: string): string {
  return apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}

/** Subresources (`pods/log`) have kinds too, and are none of their own. */
function kindsIn(answer: Manifest): KindsOfVersion {
  const kinds = new Map<string, KindInfo>();
  for (const entry of list(answer, "resources")) {
    const resource = text(entry, "name");
    if (!isManifest(entry) || resource.includes("/")) continue;
    kinds.set(text(entry, "kind"), { resource, namespaced: field(entry, "namespaced") === true });
  }
  return kinds;
}
