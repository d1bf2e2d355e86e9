import { InitializationFailedError } from "@automatos/provider-plugin";
import type { PropertyMap, Read, ReadRequest } from "@automatos/provider-plugin";
import { isNotFound, KindUnknownError, UnreachableError } from "../cluster/errors.ts";
import { apiVersionOf, idOf, kindOf, namespaceOf, parseId, withoutField } from "../manifest/manifest.ts";
import type { Manifest, ObjectReference } from "../manifest/manifest.ts";
import { inputsFrom, normalize } from "../manifest/normalize.ts";
import { toManifest, toProperties } from "../manifest/properties.ts";
import { markSecrets, maskOf } from "../manifest/secrets.ts";
import { judgeOf } from "../readiness/judges.ts";
import { judgeOnce } from "../readiness/wait.ts";
import type { Session } from "../session.ts";
import { fromOutputs, secretsOf, toOutputs } from "./checkpoint.ts";
import { fieldManagerOf } from "./naming.ts";
import { kindFromType } from "./types.ts";

/** Written by the cluster: nobody's inputs. */
const NOT_INPUTS = [
  ["status"],
  ["metadata", "selfLink"],
  ["metadata", "annotations", "deployment.kubernetes.io/revision"],
  ["metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration"],
];

/** Undefined when the object is gone. Without inputs it is an import or a `get`: they are what the object itself says. */
export async function read(session: Session, request: ReadRequest): Promise<Read | undefined> {
  if (session.rendersTo !== undefined)
    return { id: request.id, outputs: request.outputs, inputs: request.inputs ?? {} };
  if (session.unreachable !== undefined) return readUnreachable(session, request);
  const state = fromOutputs(request.outputs);
  const oldInputs = normalize(toManifest(request.inputs ?? {}));
  const isKnown = kindOf(oldInputs) !== "" || kindOf(state.live) !== "";
  const reference = await referenceFor(session, request, kindOf(oldInputs) === "" ? state.live : oldInputs);
  const live = await find(session, reference, request.signal);
  if (live === undefined) return undefined;

  const inputs = kindOf(oldInputs) === "" ? inputsOf(live) : inputsFrom(live, oldInputs);
  const secrets = secretsOf(request.outputs, request.inputs);
  const checkpoint = {
    live,
    inputs,
    initialApiVersion: state.initialApiVersion || apiVersionOf(inputs),
    fieldManager: fieldManagerOf(inputs, state.fieldManager),
  };
  const found = {
    id: request.id || idOf(live),
    outputs: toOutputs(checkpoint, secrets),
    inputs: markSecrets(toProperties(inputs), secrets),
  };
  if (isKnown) await refuseUnready(session, live, inputs, found, secrets);
  return found;
}

async function readUnreachable(session: Session, request: ReadRequest): Promise<Read | undefined> {
  const words = new UnreachableError(session.unreachable ?? "").message;
  await session.log("warning", words, request.urn);
  if (session.settings.deleteUnreachable) {
    await session.log("info", "deleteUnreachable is set: the resource is removed from the state", request.urn);
    return undefined;
  }
  if (session.settings.skipUpdateUnreachable) {
    await session.log("info", "skipUpdateUnreachable is set: what the state says may be out of date", request.urn);
    return { id: request.id, outputs: request.outputs, inputs: request.inputs ?? {} };
  }
  throw new Error(
    `failed to read resource state due to unreachable cluster (${session.unreachable ?? ""}). If the cluster was deleted, ` +
      "you can remove this resource from Pulumi state by rerunning the operation with the PULUMI_K8S_DELETE_UNREACHABLE " +
      'environment variable set to "true"',
  );
}

async function referenceFor(session: Session, { id, type }: ReadRequest, known: Manifest): Promise<ObjectReference> {
  const parsed = parseId(id);
  if (parsed.name === "")
    throw new Error(`${JSON.stringify(id)} is no id of a Kubernetes object: <namespace>/<name> or <name>`);
  const ofType = kindFromType(type);
  const apiVersion = apiVersionOf(known) || ofType.apiVersion;
  // A Patch is read as the object that it patches.
  const kind = kindOf(known) || ofType.kind.replace(/Patch$/, "");
  const namespaced = await session.isNamespaced({ apiVersion, kind });
  const namespace = parsed.namespace || namespaceOf(known) || session.defaultNamespace;
  return { apiVersion, kind, name: parsed.name, namespace: namespaced === false ? undefined : namespace };
}

async function find(session: Session, reference: ObjectReference, signal: AbortSignal): Promise<Manifest | undefined> {
  try {
    return await session.cluster.get(reference, signal);
  } catch (error) {
    // An object whose kind is no longer there is not there either.
    if (error instanceof KindUnknownError || isNotFound(error)) return undefined;
    throw error;
  }
}

/** An object as a program would have written it. */
export function inputsOf(live: Manifest): Manifest {
  return NOT_INPUTS.reduce<Manifest>((rest, path) => withoutField(rest, path), normalize(live));
}

async function refuseUnready(
  session: Session,
  live: Manifest,
  inputs: Manifest,
  found: Read,
  secrets: PropertyMap,
): Promise<void> {
  const judge = judgeOf(inputs, process.env["PULUMI_K8S_AWAIT_ALL"] === "true");
  if (judge === undefined) return;
  const verdict = await judgeOnce(judge, session.cluster, live);
  if (verdict.state === "ready") return;
  const name = `'${live["kind"] as string} ${found.id}'`;
  const reasons = [`${name} is not ready: ${verdict.progress}`, ...verdict.reasons].map(maskOf(secrets));
  throw new InitializationFailedError({ ...found, reasons });
}
