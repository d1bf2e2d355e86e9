/** A stack's deployment (version 3) as JSON: checked when read, its unknown fields carried over when written. */
import type { Snapshot } from "../model.ts";
import type { Json, JsonMap, SecretCodec } from "./property-json.ts";
import {
  pendingOperationFromJson,
  pendingOperationToJson,
  resourceFromJson,
  resourceToJson,
  type ResourceJson,
} from "./resource-json.ts";
import { StateIntegrityError, StateVersionError } from "./state-errors.ts";

export const deploymentVersion = 3;

/** `latest` of a checkpoint, `deployment` of an export. */
export interface Deployment {
  readonly manifest?: JsonMap;
  readonly secrets_providers?: { readonly type: string; readonly state?: { readonly salt?: string } };
  readonly resources?: readonly ResourceJson[];
  readonly pending_operations?: readonly JsonMap[];
  readonly [other: string]: unknown;
}

/** @throws StateVersionError */
export function checkVersion(version: unknown, features: unknown, where: string): void {
  const named = Array.isArray(features) ? features.map(String) : [];
  if (version !== deploymentVersion || named.length > 0) throw new StateVersionError(where, version, named);
}

/**
 * Whether JSON has the shape of a deployment and its resources can be walked: names once each (but for those that wait
 * for deletion), parents and dependencies before the resources that name them.
 * @param options `unchecked`: the shape alone.
 * @throws StateIntegrityError
 */
export function checkDeployment(
  deployment: unknown,
  where: string,
  options: { readonly unchecked?: boolean } = {},
): asserts deployment is Deployment {
  const fail = (reason: string): never => {
    throw new StateIntegrityError(where, reason);
  };
  if (!isMap(deployment)) return fail("it is no object");
  const { resources = [], pending_operations: pending = [] } = deployment;
  if (!Array.isArray(resources) || !Array.isArray(pending)) return fail("its resources are no list");
  const seen = new Set<string>();
  const live = new Set<string>();
  for (const [index, resource] of (resources as unknown[]).entries()) {
    if (!isMap(resource) || typeof resource["urn"] !== "string" || typeof resource["type"] !== "string")
      return fail(`resource ${index} has no urn or no type`);
    if (options.unchecked) continue;
    const urn = resource["urn"];
    if (resource["delete"] !== true) {
      if (live.has(urn)) return fail(`duplicate resource ${urn}`);
      live.add(urn);
    }
    const parent = resource["parent"];
    if (typeof parent === "string" && !seen.has(parent))
      return fail(`child resource ${urn}'s parent ${parent} missing`);
    for (const dependency of (resource["dependencies"] ?? []) as string[])
      if (!seen.has(dependency)) return fail(`resource ${urn} refers to missing dependency ${dependency}`);
    seen.add(urn);
  }
  for (const operation of pending as unknown[])
    if (!isMap(operation) || !isMap(operation["resource"]) || typeof operation["type"] !== "string")
      return fail("a pending operation has no resource or no type");
}

export function deploymentToSnapshot(deployment: Deployment, codec: SecretCodec): Snapshot {
  return {
    resources: (deployment.resources ?? []).map((json) => resourceFromJson(json, codec)),
    pendingOperations: (deployment.pending_operations ?? []).map((json) => pendingOperationFromJson(json, codec)),
  };
}

/** A deployment with other secrets: read with one codec, written with another. */
export function recode(deployment: Deployment, read: SecretCodec, write: SecretCodec): Deployment {
  const { resources, pendingOperations } = deploymentToSnapshot(deployment, read);
  return {
    ...deployment,
    ...(resources.length > 0 && {
      resources: resources.map((resource) => resourceToJson(resource, write) as ResourceJson),
    }),
    ...(pendingOperations.length > 0 && {
      pending_operations: pendingOperations.map((operation) => pendingOperationToJson(operation, write)),
    }),
  };
}

/** Whether any value of it is a secret: only then is a passphrase needed to read it. */
export function holdsSecrets(json: unknown): boolean {
  if (Array.isArray(json)) return json.some(holdsSecrets);
  if (!isMap(json)) return false;
  return "ciphertext" in json || Object.values(json).some(holdsSecrets);
}

const stackType = "pulumi:pulumi:Stack";

/** The stack's own resource holds its outputs. */
export function stackOutputsOf(deployment: Deployment): JsonMap {
  const root = (deployment.resources ?? []).find((resource) => isRootStack(resource) && !resource["parent"]);
  return (root?.["outputs"] as JsonMap | undefined) ?? {};
}

export function isRootStack(resource: { readonly type: string }): boolean {
  return resource.type === stackType;
}

function isMap(value: unknown): value is Record<string, Json> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
