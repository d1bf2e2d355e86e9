/** The URNs that a deployment holds: in the fields of its resources and in references among their properties. */
import type { Deployment } from "./deployment.ts";
import {
  isJsonList,
  referenceSignature,
  secretSignature,
  signatureKey,
  type Json,
  type JsonMap,
} from "./property-json.ts";
import type { ResourceJson } from "./resource-json.ts";

type MapUrn = (urn: string) => string;

/** Every resource mapped, those of pending operations too. */
export function mapDeployment(deployment: Deployment, map: (resource: ResourceJson) => ResourceJson): Deployment {
  return {
    ...deployment,
    ...(deployment.resources && { resources: deployment.resources.map(map) }),
    ...(deployment.pending_operations && {
      pending_operations: deployment.pending_operations.map((operation) => ({
        ...operation,
        resource: map(operation["resource"] as ResourceJson),
      })),
    }),
  };
}

/** Fields that hold a URN, a list of them, and a list for each property. */
const single = ["urn", "parent", "deletedWith", "viewOf"];
const lists = ["dependencies", "aliases", "replaceWith"];
const values = ["inputs", "outputs", "replacementTrigger"];

export function mapUrns(resource: ResourceJson, map: MapUrn): ResourceJson {
  const mapped: Record<string, Json> = { ...resource };
  for (const field of single)
    if (typeof mapped[field] === "string" && mapped[field] !== "") mapped[field] = map(mapped[field]);
  for (const field of lists) if (mapped[field] !== undefined) mapped[field] = (mapped[field] as string[]).map(map);
  for (const field of values) if (mapped[field] !== undefined) mapped[field] = mapValue(mapped[field], map);
  if (mapped["propertyDependencies"] !== undefined)
    mapped["propertyDependencies"] = Object.fromEntries(
      Object.entries(mapped["propertyDependencies"] as Record<string, string[] | null>).map(([key, urns]) => [
        key,
        urns?.map(map) ?? null,
      ]),
    );
  if (typeof mapped["provider"] === "string" && mapped["provider"] !== "")
    mapped["provider"] = mapProvider(mapped["provider"], map);
  return mapped as ResourceJson;
}

/** A provider's reference is `<urn>::<id>`. */
export function splitProvider(reference: string): { readonly urn: string; readonly id: string } {
  const end = reference.lastIndexOf("::");
  return { urn: reference.slice(0, end), id: reference.slice(end + 2) };
}

function mapProvider(reference: string, map: MapUrn): string {
  const { urn, id } = splitProvider(reference);
  return `${map(urn)}::${id}`;
}

function mapValue(value: Json, map: MapUrn): Json {
  if (typeof value !== "object" || value === null) return value;
  if (isJsonList(value)) return value.map((element) => mapValue(element, map));
  if (value[signatureKey] === secretSignature) return value; // encrypted: what is in it cannot be seen
  const mapped: JsonMap = Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapValue(item, map)]));
  if (value[signatureKey] !== referenceSignature || typeof value["urn"] !== "string") return mapped;
  return { ...mapped, urn: map(value["urn"]) };
}
