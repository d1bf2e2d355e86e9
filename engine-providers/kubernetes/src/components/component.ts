/** The package's components: sets of objects that come from text, a chart or a kustomization. */
import { isList, isMap, ResourceReference, Secret, Unknown, UnknownTokenError } from "@automatos/provider-plugin";
import type { PropertyMap, PropertyValue } from "@automatos/provider-plugin";
import { marshalProperties, unmarshalProperties } from "@automatos/engine/property";
import providerPb from "@pulumi/pulumi/proto/provider_pb.js";
import type { ConstructRequest, ConstructResponse } from "@pulumi/pulumi/proto/provider_pb.js";
import { UnreachableError } from "../cluster/errors.ts";
import { ANNOTATION } from "../manifest/annotations.ts";
import { apiVersionOf, isSecretKind, kindOf, nameOf, namespaceOf, text, withField } from "../manifest/manifest.ts";
import type { Manifest } from "../manifest/manifest.ts";
import { toProperties } from "../manifest/properties.ts";
import { markSecrets } from "../manifest/secrets.ts";
import { completeManifests } from "../manifests/decode.ts";
import { orderManifests } from "../manifests/order.ts";
import type { Session } from "../session.ts";
import { ComponentMonitor } from "./monitor.ts";
import { chartManifests } from "../charts/chart-v4.ts";
import { directoryManifests } from "../charts/kustomize.ts";
import { configFileManifests, configGroupManifests } from "./config.ts";

/** What a component's objects are, from its inputs; all of them known. */
export type ManifestSource = (session: Session, inputs: PropertyMap, name: string) => Promise<readonly Manifest[]>;

const SOURCES: Readonly<Record<string, ManifestSource>> = {
  "kubernetes:yaml/v2:ConfigFile": configFileManifests,
  "kubernetes:yaml/v2:ConfigGroup": configGroupManifests,
  "kubernetes:helm.sh/v4:Chart": chartManifests,
  "kubernetes:kustomize/v2:Directory": directoryManifests,
};

/** Objects with it stay when their chart goes. */
const HELM_KEEP = "helm.sh/resource-policy";

export async function construct(session: Session, request: ConstructRequest): Promise<ConstructResponse> {
  const source = SOURCES[request.getType()];
  if (source === undefined)
    throw new UnknownTokenError(
      "resource type",
      request.getType(),
      `Its components are ${Object.keys(SOURCES).join(", ")}.`,
    );
  // Nothing is registered when there is nothing to make it in.
  if (session.rendersTo === undefined && session.unreachable !== undefined)
    throw new UnreachableError(session.unreachable);
  const inputs = unmarshalProperties(request.getInputs());
  const monitor = await ComponentMonitor.begin(request);
  try {
    const outputs = { resources: await childrenOf(session, request, inputs, source, monitor) };
    await monitor.outputs(outputs);
    return response(monitor.urn, outputs);
  } finally {
    monitor.close();
  }
}

async function childrenOf(
  session: Session,
  request: ConstructRequest,
  inputs: PropertyMap,
  source: ManifestSource,
  monitor: ComponentMonitor,
): Promise<PropertyValue> {
  if (someUnknown(inputs)) {
    await session.log("warning", "Input properties have unknown values. Preview is incomplete.", monitor.urn);
    return Unknown.instance;
  }
  const name = request.getName();
  const namespace = inputs["namespace"];
  const given = await source(session, inputs, name);
  const complete = await completeManifests(
    session,
    given,
    typeof namespace === "string" && namespace !== "" ? namespace : session.defaultNamespace,
  );
  const prefix = typeof inputs["resourcePrefix"] === "string" ? inputs["resourcePrefix"] : name;
  return register(monitor, complete, { prefix, skipAwait: inputs["skipAwait"] === true });
}

function someUnknown(inputs: PropertyMap): boolean {
  return Object.values(inputs).some(holdsUnknown);
}

function holdsUnknown(value: PropertyValue): boolean {
  if (value instanceof Unknown) return true;
  if (value instanceof Secret) return holdsUnknown(value.element);
  if (isList(value)) return value.some(holdsUnknown);
  return isMap(value) && Object.values(value).some(holdsUnknown);
}

async function register(
  monitor: ComponentMonitor,
  manifests: readonly Manifest[],
  options: { readonly prefix: string; readonly skipAwait: boolean },
): Promise<ResourceReference[]> {
  const registered = new Map<Manifest, Promise<{ readonly urn: string; readonly id: string }>>();
  for (const { manifest, dependsOn } of orderManifests(manifests)) {
    const before = dependsOn.map((dependency) => registered.get(dependency)).filter((one) => one !== undefined);
    const run = async () => {
      const urns = (await Promise.all(before)).map(({ urn }) => urn);
      return monitor.child(childOf(manifest, urns, options));
    };
    const child = run();
    child.catch(() => undefined); // told when all are awaited
    registered.set(manifest, child);
  }
  const found = await Promise.all([...registered.values()]);
  return found.map(({ urn, id }) => new ResourceReference(urn, id === "" ? Unknown.instance : id, ""));
}

function childOf(
  manifest: Manifest,
  dependsOn: readonly string[],
  { prefix, skipAwait }: { readonly prefix: string; readonly skipAwait: boolean },
): Parameters<ComponentMonitor["child"]>[0] {
  const awaited = skipAwait ? withField(manifest, ["metadata", "annotations", ANNOTATION.skipAwait], "true") : manifest;
  const id = namespaceOf(manifest) === "" ? nameOf(manifest) : `${namespaceOf(manifest)}/${nameOf(manifest)}`;
  const apiVersion = apiVersionOf(manifest);
  return {
    type: `kubernetes:${apiVersion.includes("/") ? apiVersion : `core/${apiVersion}`}:${kindOf(manifest)}`,
    name: prefix === "" ? id : `${prefix}:${id}`,
    inputs: markSecrets(toProperties(awaited), {}),
    dependsOn,
    retainOnDelete: text(manifest, "metadata", "annotations", HELM_KEEP) === "keep",
    additionalSecretOutputs: isSecretKind(manifest) ? ["data", "stringData"] : [],
  };
}

function response(urn: string, outputs: PropertyMap): ConstructResponse {
  const answer = new providerPb.ConstructResponse();
  answer.setUrn(urn);
  answer.setState(marshalProperties(outputs, { keepUnknowns: true, keepSecrets: true, keepResources: true }));
  return answer;
}
