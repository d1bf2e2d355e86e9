import type { Created, CreateRequest } from "@automatos/provider-plugin";
import { hasReason, isNamespaceMissing, KindUnknownError } from "../cluster/errors.ts";
import { apiVersionOf, hasUnknowns, idOf, isCustomResourceDefinition, kindOf } from "../manifest/manifest.ts";
import type { Manifest } from "../manifest/manifest.ts";
import { toManifest } from "../manifest/properties.ts";
import { holdsSecret, markSecrets } from "../manifest/secrets.ts";
import { renderManifest } from "../render/render.ts";
import type { Session } from "../session.ts";
import { toOutputs } from "./checkpoint.ts";
import { fieldManagerOf } from "./naming.ts";
import { isPatchType } from "./types.ts";
import { explain, forcesConflicts, previewOf, settle, withRetries } from "./write.ts";

/** Of creation, as Pulumi's provider names it: the first update takes its fields over for the resource's own manager. */
const CREATING_MANAGER = "pulumi-kubernetes";

export async function create(session: Session, request: CreateRequest): Promise<Created> {
  const { inputs, preview, type } = request;
  const given = toManifest(inputs);
  if (preview && !(await canPreview(session, given, type))) return { id: "", outputs: inputs };
  const checkpoint = {
    inputs: given,
    initialApiVersion: apiVersionOf(given),
    fieldManager: fieldManagerOf(given, ""),
  };
  if (session.rendersTo !== undefined) {
    const file = await renderManifest(session.rendersTo, given);
    if (holdsSecret(markSecrets(inputs, inputs)))
      await session.log("warning", `rendered file ${file} contains a secret value in plaintext`, request.urn);
    return { id: idOf(given), outputs: toOutputs({ ...checkpoint, live: given }, inputs) };
  }
  const placed = await session.place(given);
  const live = await send(session, placed, request, checkpoint.fieldManager);
  if (live === undefined) return { id: "", outputs: inputs };
  if (preview) return { id: "", outputs: toOutputs({ ...checkpoint, live: previewOf(live) }, inputs) };
  const outputs = await settle(session, {
    ...request,
    given,
    live,
    checkpoint,
    customTimeoutSeconds: request.timeoutSeconds,
    done: "created",
  });
  return { id: idOf(live), outputs };
}

async function canPreview(session: Session, given: Manifest, type: string): Promise<boolean> {
  if (session.rendersTo !== undefined) return false;
  if (hasUnknowns(given) || isPatchType(type, kindOf(given))) return false;
  return isServed(session, given);
}

/** Whether the cluster can be reached, and knows the kind. */
export async function isServed(session: Session, given: Manifest): Promise<boolean> {
  const cluster = session.reachableCluster;
  if (cluster === undefined) return false;
  try {
    await cluster.discovery.kind(apiVersionOf(given), kindOf(given));
    return true;
  } catch (error) {
    if (error instanceof KindUnknownError) return false;
    throw error;
  }
}

/** Undefined when a preview cannot tell: what the object needs will be made by the same update. */
async function send(
  session: Session,
  manifest: Manifest,
  { urn, type, inputs, preview, signal }: CreateRequest,
  manager: string,
): Promise<Manifest | undefined> {
  const { cluster } = session;
  const onto = isPatchType(type, kindOf(manifest)) || session.settings.upsertExistingObjects;
  const write = () =>
    onto
      ? cluster.apply(manifest, {
          fieldManager: manager,
          dryRun: preview,
          force: preview || forcesConflicts(session, manifest),
          signal,
        })
      : cluster.create(manifest, { fieldManager: CREATING_MANAGER, dryRun: preview, signal });
  try {
    if (preview) return await write();
    const onRetry = (error: Error) =>
      void session.engine.log("info", `creation failed, trying again: ${error.message}`, { urn, ephemeral: true });
    return await withRetries(signal, onRetry, write);
  } catch (error) {
    const maybeLater =
      hasReason(error, "Forbidden") ||
      hasReason(error, "AlreadyExists") ||
      isNamespaceMissing(error) ||
      (error instanceof Error && error.message.includes("does not support dry run"));
    if (preview && maybeLater) return undefined;
    throw explain(error, `creation of resource "${urn}"`, manager, inputs);
  } finally {
    if (isCustomResourceDefinition(manifest)) session.scopes.declare([manifest]);
  }
}
