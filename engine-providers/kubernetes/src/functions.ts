/** The functions of the package, which its components of the first generation are made with. */
import { UnknownTokenError } from "@automatos/provider-plugin";
import type { Invoked, InvokeRequest } from "@automatos/provider-plugin";
import { templateChart } from "./charts/chart-v3.ts";
import { kustomize } from "./charts/kustomize.ts";
import { kindOf, namespaceOf, text, withField } from "./manifest/manifest.ts";
import type { Manifest } from "./manifest/manifest.ts";
import { toManifest } from "./manifest/properties.ts";
import { decodeManifests } from "./manifests/decode.ts";
import type { Session } from "./session.ts";

type KubernetesFunction = (session: Session, args: Manifest) => Promise<readonly Manifest[]>;

const FUNCTIONS: Readonly<Record<string, KubernetesFunction>> = {
  async "kubernetes:yaml:decode"(session, args) {
    if (typeof args["text"] !== "string") throw new Error("missing required field 'text' of type string");
    return inNamespace(session, decodeManifests(args["text"]), text(args, "defaultNamespace"));
  },
  async "kubernetes:helm:template"(session, args) {
    const jsonOptions = args["jsonOpts"];
    if (typeof jsonOptions !== "string") throw new Error("missing required field 'jsonOpts' of type string");
    const manifests = await templateChart(session, jsonOptions);
    return inNamespace(session, manifests, text(JSON.parse(jsonOptions) as Manifest, "namespace"));
  },
  async "kubernetes:kustomize:directory"(session, args) {
    return inNamespace(session, await kustomize(text(args, "directory")), "");
  },
};

export async function invoke(session: Session, { token, args }: InvokeRequest): Promise<Invoked> {
  const run = FUNCTIONS[token];
  if (run === undefined)
    throw new UnknownTokenError("function", token, `Its functions are ${Object.keys(FUNCTIONS).join(", ")}.`);
  return { result: { result: [...(await run(session, toManifest(args)))] } };
}

/** Documents that are no objects are left out. */
async function inNamespace(session: Session, manifests: readonly Manifest[], namespace: string): Promise<Manifest[]> {
  session.scopes.declare(manifests);
  const placed: Manifest[] = [];
  for (const manifest of manifests) {
    if (kindOf(manifest) === "" || text(manifest, "apiVersion") === "") continue;
    const needsNamespace =
      namespace !== "" && namespaceOf(manifest) === "" && (await session.isNamespaced(manifest)) !== false;
    placed.push(needsNamespace ? withField(manifest, ["metadata", "namespace"], namespace) : manifest);
  }
  return placed;
}
