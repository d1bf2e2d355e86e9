/** Resources as state files hold them (apitype.ResourceV3). */
import type { PendingOperation, ResourceState } from "../model.ts";
import {
  propertiesFromJson,
  propertiesToJson,
  propertyFromJson,
  propertyToJson,
  type Json,
  type JsonMap,
  type SecretCodec,
} from "./property-json.ts";

/** A resource as it is in a file that was checked (deployment.ts). */
export type ResourceJson = JsonMap & { readonly urn: string; readonly type: string };

/** Fields that are copied as they are, in the order in which Pulumi writes them; the others need a codec. */
const order = [
  "urn",
  "custom",
  "delete",
  "id",
  "type",
  "inputs",
  "outputs",
  "parent",
  "protect",
  "external",
  "dependencies",
  "initErrors",
  "provider",
  "propertyDependencies",
  "pendingReplacement",
  "additionalSecretOutputs",
  "aliases",
  "customTimeouts",
  "importID",
  "retainOnDelete",
  "deletedWith",
  "created",
  "modified",
  "sourcePosition",
  "ignoreChanges",
  "hideDiff",
  "replaceOnChanges",
  "replacementTrigger",
] as const satisfies readonly (keyof ResourceState)[];

const known = new Set<string>(order);

/** Empty fields are left out, as Pulumi leaves them out. */
export function resourceToJson(resource: ResourceState, codec: SecretCodec): JsonMap {
  const json: Record<string, Json> = {};
  for (const field of order) {
    const value = fieldToJson(resource, field, codec);
    if (value !== undefined && (field === "custom" || !isEmpty(value))) json[field] = value;
  }
  return { ...json, ...(resource.extra as JsonMap | undefined) };
}

function fieldToJson(resource: ResourceState, field: (typeof order)[number], codec: SecretCodec): Json | undefined {
  switch (field) {
    case "inputs":
    case "outputs":
      return resource[field] && propertiesToJson(resource[field], codec, `${resource.urn}/${field}`);
    case "replacementTrigger":
      return resource.replacementTrigger === undefined
        ? undefined
        : propertyToJson(resource.replacementTrigger, codec, `${resource.urn}/${field}`);
    case "propertyDependencies":
      return resource.propertyDependencies && sortKeys(resource.propertyDependencies);
    case "customTimeouts":
      return resource.customTimeouts;
    default:
      return resource[field];
  }
}

export function resourceFromJson(json: ResourceJson, codec: SecretCodec): ResourceState {
  const { urn } = json;
  const resource: Record<string, unknown> = {};
  const extra: Record<string, Json> = {};
  for (const [field, value] of Object.entries(json)) {
    // Go writes null for what it has nothing of
    if (known.has(field) && value === null) continue;
    if (field === "inputs" || field === "outputs")
      resource[field] = propertiesFromJson(value as JsonMap, codec, `${urn}/${field}`);
    else if (field === "replacementTrigger") resource[field] = propertyFromJson(value, codec, `${urn}/${field}`);
    else if (field === "propertyDependencies") resource[field] = listsOf(value as Record<string, string[] | null>);
    else if (known.has(field)) resource[field] = value;
    else extra[field] = value;
  }
  if (Object.keys(extra).length > 0) resource["extra"] = extra;
  // the shape was checked when the file was read (deployment.ts)
  return resource as unknown as ResourceState;
}

export function pendingOperationToJson(operation: PendingOperation, codec: SecretCodec): JsonMap {
  return { resource: resourceToJson(operation.resource, codec), type: operation.type };
}

export function pendingOperationFromJson(json: JsonMap, codec: SecretCodec): PendingOperation {
  return {
    resource: resourceFromJson(json["resource"] as ResourceJson, codec),
    type: json["type"] as PendingOperation["type"],
  };
}

function isEmpty(value: Json): boolean {
  if (value === false || value === "" || value === null) return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

/** Pulumi writes null for the dependencies of a property that has none. */
function listsOf(map: Readonly<Record<string, string[] | null>>): Record<string, string[]> {
  return Object.fromEntries(Object.entries(map).map(([key, urns]) => [key, urns ?? []]));
}

function sortKeys(map: Record<string, string[]>): JsonMap {
  return Object.fromEntries(
    Object.keys(map)
      .sort()
      .map((key) => [key, map[key] ?? []]),
  );
}
