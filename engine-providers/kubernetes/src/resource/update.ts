import type { PropertyMap, UpdateRequest } from "@automatos/provider-plugin";
import type { Cluster } from "../cluster/cluster.ts";
import { hasReason } from "../cluster/errors.ts";
import { hasNoManagers, hasOwnWrites, isManagedByOthers, takeOver } from "../cluster/managed-fields.ts";
import {
  apiVersionOf,
  hasUnknowns,
  isCustomResourceDefinition,
  kindOf,
  nameOf,
  referenceOf,
  text,
  withField,
} from "../manifest/manifest.ts";
import type { Manifest } from "../manifest/manifest.ts";
import { normalize } from "../manifest/normalize.ts";
import { toManifest } from "../manifest/properties.ts";
import { holdsSecret, markSecrets } from "../manifest/secrets.ts";
import { renderManifest } from "../render/render.ts";
import type { Session } from "../session.ts";
import { fromOutputs, toOutputs } from "./checkpoint.ts";
import { isServed } from "./create.ts";
import { relinquish } from "./delete.ts";
import { copyAt, removeAt } from "./field-access.ts";
import { fieldManagerOf } from "./naming.ts";
import { parsePropertyPath } from "./property-path.ts";
import { isPatchType } from "./types.ts";
import { explain, forcesConflicts, previewOf, settle } from "./write.ts";

export async function update(session: Session, request: UpdateRequest): Promise<PropertyMap> {
  const { inputs, preview, urn } = request;
  const given = normalize(toManifest(inputs));
  const old = fromOutputs(request.oldOutputs);
  const checkpoint = {
    inputs: given,
    initialApiVersion: old.initialApiVersion || apiVersionOf(given),
    fieldManager: fieldManagerOf(given, old.fieldManager),
  };
  if (session.rendersTo !== undefined) return render(session, request, given, checkpoint);
  if (preview && (hasUnknowns(given) || !(await isServed(session, given)))) return inputs;
  const { cluster } = session;
  const placed = await session.place(given);
  let before: Manifest;
  let live: Manifest;
  try {
    before = await cluster.get({ ...referenceOf(placed), name: nameOf(old.live) || nameOf(placed) });
    live = await send(session, request, placed, before, checkpoint.fieldManager);
  } catch (error) {
    if (preview && hasReason(error, "Forbidden")) return inputs;
    throw explain(error, `update of resource "${urn}"`, checkpoint.fieldManager, inputs);
  }
  if (preview) return toOutputs({ ...checkpoint, live: previewOf(live) }, inputs);
  const outputs = await settle(session, {
    ...request,
    given,
    live,
    before,
    checkpoint,
    customTimeoutSeconds: request.timeoutSeconds,
    done: "updated",
  });
  const oldManager = fieldManagerOf(old.inputs, old.fieldManager);
  if (oldManager !== checkpoint.fieldManager) await relinquish(cluster, live, oldManager);
  return outputs;
}

async function render(
  session: Session,
  { inputs, preview, urn }: UpdateRequest,
  given: Manifest,
  checkpoint: Omit<Parameters<typeof toOutputs>[0], "live">,
): Promise<PropertyMap> {
  if (preview) return inputs;
  const file = await renderManifest(session.rendersTo ?? "", given);
  if (holdsSecret(markSecrets(inputs, inputs)))
    await session.log("warning", `rendered file ${file} contains a secret value in plaintext`, urn);
  return toOutputs({ ...checkpoint, live: given }, inputs);
}

async function send(
  session: Session,
  { type, preview, signal, ignoreChanges }: UpdateRequest,
  manifest: Manifest,
  before: Manifest,
  fieldManager: string,
): Promise<Manifest> {
  const { cluster } = session;
  const options = { fieldManager, dryRun: preview, signal };
  if (isCustomResourceDefinition(manifest)) {
    // Replaced as a whole: what its schema no longer says must go, and objects of its kind stay.
    const version = text(before, "metadata", "resourceVersion");
    return cluster.replace(withField(manifest, ["metadata", "resourceVersion"], version), options);
  }
  const isPatch = isPatchType(type, kindOf(manifest));
  const current = preview || isPatch ? before : await adopt(cluster, before, fieldManager);
  const applied = withIgnored(manifest, current, fieldManager, ignoreChanges);
  // At preview nothing has been taken over yet, which must not look like a conflict.
  const unowned = hasNoManagers(before) || (preview && hasOwnWrites(before));
  const force = forcesConflicts(session, manifest) || unowned;
  return cluster.apply(applied, { ...options, force });
}

/** Takes over what earlier forms of this provider, and kubectl, manage. */
async function adopt(cluster: Cluster, before: Manifest, manager: string): Promise<Manifest> {
  const entries = takeOver(before, manager);
  if (entries === undefined) return before;
  return cluster.patch(referenceOf(before), [
    { op: "replace", path: "/metadata/managedFields", value: entries },
    // Refused when somebody has written in between.
    { op: "replace", path: "/metadata/resourceVersion", value: text(before, "metadata", "resourceVersion") },
  ]);
}

/**
 * Fields of `ignoreChanges` stay what they are in the cluster: left out where others manage them, else sent as they
 * are, since what an apply leaves out is removed.
 */
function withIgnored(manifest: Manifest, live: Manifest, manager: string, ignoreChanges: readonly string[]): Manifest {
  let applied = manifest;
  for (const path of ignoreChanges.map(parsePropertyPath)) {
    applied = isManagedByOthers(live, manager, path) ? removeAt(applied, path) : copyAt(applied, live, path);
  }
  return applied;
}
