/** Inputs as they will be sent: named, in a namespace, in the API's own spelling. */
import { Unknown } from "@automatos/provider-plugin";
import type { CheckRequest, Checked } from "@automatos/provider-plugin";
import { isOwnGroup } from "../cluster/scope.ts";
import { ANNOTATION, annotation, HELM_HOOK_PREFIX } from "../manifest/annotations.ts";
import {
  apiVersionOf,
  field,
  isCustomResourceDefinition,
  isManifest,
  kindOf,
  withField,
} from "../manifest/manifest.ts";
import type { Manifest } from "../manifest/manifest.ts";
import { normalize } from "../manifest/normalize.ts";
import { toManifest, toProperties } from "../manifest/properties.ts";
import { holdsSecret, markSecrets } from "../manifest/secrets.ts";
import type { Session } from "../session.ts";
import { autoname, isNamed, usesGenerateName } from "./naming.ts";
import { isPatchType } from "./types.ts";

/** @throws when the inputs cannot be an object's */
export async function check(session: Session, request: CheckRequest): Promise<Checked> {
  const { urn, type, name, inputs, randomSeed } = request;
  const isUnreachable = session.unreachable !== undefined && session.rendersTo === undefined;
  if (isUnreachable && session.settings.skipUpdateUnreachable && request.oldInputs !== undefined) {
    await session.log("warning", "the cluster is unreachable, and skipUpdateUnreachable is set: left as it is", urn);
    return { inputs: request.oldInputs };
  }
  const given = normalize(toManifest(inputs));
  refuseList(given);
  if (isPatchType(type, kindOf(given)) && !isNamed(given))
    throw new Error("patch resources require the `.metadata.name` field to be set: it says which object to patch");
  await warnOfAnnotations(session, given, urn);
  const oldInputs = request.oldInputs && toManifest(request.oldInputs);
  const named = autoname(given, oldInputs, name, randomSeed);
  if (usesGenerateName(named))
    throw new Error(
      "the `.metadata.generateName` field is not supported in Server-Side Apply mode: leave it out to get a name " +
        "with a random ending, or set `.metadata.name`",
    );
  if (isCustomResourceDefinition(named)) session.scopes.declare([named]);
  const placed = await withNamespace(session, named);
  if (session.rendersTo !== undefined && holdsSecret(markSecrets(toProperties(placed), inputs)))
    await session.log("warning", "rendered YAML will contain a secret value in plaintext", urn);
  return { inputs: markSecrets(toProperties(placed), inputs) };
}

/** Built-in lists are no objects: the API takes them apart. */
function refuseList(manifest: Manifest): void {
  if (!kindOf(manifest).endsWith("List") || !isOwnGroup(apiVersionOf(manifest))) return;
  throw new Error(
    `${kindOf(manifest)} exists for compatibility with YAML manifests and Helm charts, and cannot be created directly. ` +
      "Use the type of its items instead",
  );
}

async function warnOfAnnotations(session: Session, manifest: Manifest, urn: string): Promise<void> {
  const annotations = field(manifest, "metadata", "annotations");
  if (!isManifest(annotations)) return;
  if (annotation(manifest, ANNOTATION.autonamed) !== "")
    await session.log(
      "warning",
      `ignoring user-specified value for internal annotation "${ANNOTATION.autonamed}"`,
      urn,
    );
  const isHook = Object.keys(annotations).some((key) => key.startsWith(HELM_HOOK_PREFIX));
  if (isHook && !session.settings.suppressHelmHookWarnings)
    await session.log(
      "warning",
      "this object is a Helm hook: it will be created like any other, and not run as a hook. " +
        "PULUMI_K8S_SUPPRESS_HELM_HOOK_WARNINGS=true silences this warning",
      urn,
    );
}

/** Where it cannot be told whether the kind has namespaces it is assumed; what is created will be asked again. */
async function withNamespace(session: Session, manifest: Manifest): Promise<Manifest> {
  const namespace = field(manifest, "metadata", "namespace");
  const isSet = namespace instanceof Unknown || (typeof namespace === "string" && namespace !== "");
  if (isSet || field(manifest, "metadata") instanceof Unknown) return manifest;
  if ((await session.isNamespaced(manifest)) === false) return manifest;
  return withField(manifest, ["metadata", "namespace"], session.defaultNamespace);
}
