import type { DeleteRequest } from "@automatos/provider-plugin";
import type { Cluster } from "../cluster/cluster.ts";
import { ApiError, isNotFound, KindUnknownError, UnreachableError } from "../cluster/errors.ts";
import { groupOf } from "../cluster/scope.ts";
import { ANNOTATION, isAnnotated, propagationOf, timeoutSecondsOf } from "../manifest/annotations.ts";
import { apiVersionOf, kindOf, parseId, referenceOf } from "../manifest/manifest.ts";
import type { Manifest, ObjectReference } from "../manifest/manifest.ts";
import { waitUntilGone } from "../readiness/wait.ts";
import { removeRendered } from "../render/render.ts";
import type { Session } from "../session.ts";
import { fromOutputs } from "./checkpoint.ts";
import { fieldManagerOf } from "./naming.ts";
import { isPatchType } from "./types.ts";

/** Whose end is not waited for with the annotation skipAwait; the end of others always is. */
const NOT_AWAITED = new Set(
  "/Namespace /Pod /ReplicationController apps/DaemonSet apps/Deployment apps/StatefulSet batch/Job".split(" "),
);

export async function deleteResource(session: Session, request: DeleteRequest): Promise<void> {
  const state = fromOutputs(request.outputs);
  if (session.rendersTo !== undefined) return removeRendered(session.rendersTo, state.live);
  if (session.unreachable !== undefined) return deleteUnreachable(session, request.urn);
  const placed = await session.place(state.live);
  const reference = { ...referenceOf(placed), name: parseId(request.id).name };
  try {
    if (isPatchType(request.type, kindOf(placed))) {
      await relinquish(session.cluster, reference, fieldManagerOf(state.inputs, state.fieldManager));
    } else
      await deleteObject(
        session,
        request,
        state.inputs,
        { ...placed, metadata: state.live["metadata"] ?? {} },
        reference,
      );
  } catch (error) {
    // Nothing is left of a kind that is no longer there.
    if (!(error instanceof KindUnknownError) && !isNotFound(error)) throw error;
  }
}

async function deleteUnreachable(session: Session, urn: string): Promise<void> {
  const words = new UnreachableError(session.unreachable ?? "").message;
  if (!session.settings.deleteUnreachable)
    throw new Error(
      `${words}. If the cluster was deleted, you can remove this resource from Pulumi state by rerunning the operation ` +
        'with the PULUMI_K8S_DELETE_UNREACHABLE environment variable set to "true"',
    );
  await session.log("warning", `${words}; deleteUnreachable is set: the resource is removed from the state alone`, urn);
}

async function deleteObject(
  session: Session,
  request: DeleteRequest,
  inputs: Manifest,
  live: Manifest,
  reference: ObjectReference,
): Promise<void> {
  const { cluster, engine } = session;
  await cluster.delete(reference, propagationOf(inputs));
  const kind = `${groupOf(apiVersionOf(live))}/${kindOf(live)}`;
  if (isAnnotated(inputs, ANNOTATION.skipAwait) && NOT_AWAITED.has(kind)) return;
  const { urn, signal } = request;
  let shown = "";
  await waitUntilGone({
    cluster,
    object: { ...live, metadata: { ...metadataOf(live), name: reference.name, namespace: reference.namespace ?? "" } },
    timeoutSeconds: timeoutSecondsOf(inputs, request.timeoutSeconds),
    signal,
    onProgress: (progress) => {
      if (progress !== shown) void engine.log("info", progress, { urn, ephemeral: true });
      shown = progress;
    },
  });
}

function metadataOf(live: Manifest): Manifest {
  const metadata = live["metadata"];
  return typeof metadata === "object" && metadata !== null ? (metadata as Manifest) : {};
}

/** Gives all of the manager's fields up; what nobody else manages goes back to the server's defaults. */
export async function relinquish(
  cluster: Cluster,
  of: Manifest | ObjectReference,
  fieldManager: string,
): Promise<void> {
  const { apiVersion, kind, name, namespace } = "metadata" in of ? referenceOf(of) : (of as ObjectReference);
  const metadata = namespace === undefined ? { name } : { name, namespace };
  try {
    await cluster.apply({ apiVersion, kind, metadata }, { fieldManager, dryRun: false });
  } catch (error) {
    const required = error instanceof ApiError ? error.causes("FieldValueRequired").map(({ field }) => field) : [];
    if (required.length === 0) throw error;
    throw new Error(
      "this Patch resource is currently managing a required field, so it can't be deleted directly. Either set the " +
        `\`retainOnDelete\` resource option, or transfer ownership of the field before deleting: ${required.join(", ")}`,
      { cause: error },
    );
  }
}
