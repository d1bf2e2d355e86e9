/** Whether there is a resource, without taking it over or putting it on record. */
import resourcePb from "@pulumi/pulumi/proto/resource_pb.js";
import type { ExistsResourceRequest, ExistsResourceResponse } from "@pulumi/pulumi/proto/resource_pb.js";
import { UNKNOWN_VALUE } from "../property/signatures.ts";
import { unmarshalProperties } from "../property/wire.ts";
import { createUrn, packageOf } from "../urn.ts";
import type { Ancestry } from "./ancestry.ts";
import { providerOfReference } from "./monitor-deps.ts";
import type { MonitorDeps } from "./monitor-deps.ts";
import type { Packages } from "./packages.ts";

export async function existsResource(
  deps: MonitorDeps,
  parts: { ancestry: Ancestry; packages: Packages },
  request: ExistsResourceRequest,
): Promise<ExistsResourceResponse> {
  const [type, id] = [request.getType(), request.getId()];
  const response = new resourcePb.ExistsResourceResponse();
  if (id === UNKNOWN_VALUE) {
    response.setUnknown(true);
    return response;
  }
  const { stack, project, dryRun } = deps.request;
  const reference = parts.ancestry.provider(request.getProvider(), undefined, request.getParent(), type);
  const wish = parts.packages.requestOf(request, packageOf(type));
  const provider = await providerOfReference(deps, reference, wish, type);
  if (!provider.isConfigured) {
    response.setUnknown(true);
    return response;
  }
  const inputs = unmarshalProperties(request.getProperties());
  const found = await provider.read({
    // A provider is asked for a resource by its URN: one that is only looked for is called by its id.
    urn: createUrn(stack, project, request.getParent(), type, id),
    id,
    preview: dryRun,
    inputs,
    state: inputs,
    timeoutSeconds: 0,
  });
  response.setExists(found !== undefined);
  return response;
}
