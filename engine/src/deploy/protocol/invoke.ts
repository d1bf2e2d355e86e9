/** Functions of providers that the program calls. */
import providerPb from "@pulumi/pulumi/proto/provider_pb.js";
import resourcePb from "@pulumi/pulumi/proto/resource_pb.js";
import type { Callback } from "@pulumi/pulumi/proto/callback_pb.js";
import type { ResourceInvokeRequest, ResourceInvokeResponse } from "@pulumi/pulumi/proto/resource_pb.js";
import { messageOf } from "../errors.ts";
import { marshalProperties, unmarshalProperties } from "../property/wire.ts";
import type { InvokeResult } from "../provider/provider.ts";
import { packageOf } from "../urn.ts";
import type { Ancestry } from "./ancestry.ts";
import { providerOfReference } from "./monitor-deps.ts";
import type { MonitorDeps } from "./monitor-deps.ts";
import type { Packages } from "./packages.ts";
import { applyInvokeTransform } from "./transforms.ts";

export async function invoke(
  deps: MonitorDeps,
  parts: { transforms: readonly Callback[]; ancestry: Ancestry; packages: Packages },
  request: ResourceInvokeRequest,
): Promise<ResourceInvokeResponse> {
  const token = request.getTok();
  const options = new resourcePb.TransformInvokeOptions();
  options.setProvider(parts.ancestry.functionProvider(request.getProvider(), request.getParent(), token));
  options.setVersion(request.getVersion());
  options.setPluginDownloadUrl(request.getPlugindownloadurl());
  let call = { args: unmarshalProperties(request.getArgs()), options };
  for (const transform of parts.transforms) call = await applyInvokeTransform(deps.callbacks, transform, token, call);
  const wish = parts.packages.named(request) ?? {
    plugin: packageOf(token),
    version: call.options.getVersion(),
    pluginDownloadUrl: call.options.getPluginDownloadUrl(),
  };
  const provider = await providerOfReference(deps, call.options.getProvider(), wish, token);
  let answer: InvokeResult;
  try {
    answer = await provider.invoke(token, call.args, deps.request.dryRun);
  } catch (error) {
    throw new Error(`invocation of ${token} returned an error: ${messageOf(error)}`, { cause: error });
  }
  const response = new resourcePb.ResourceInvokeResponse();
  response.setReturn(
    marshalProperties(answer.result, {
      keepUnknowns: true,
      keepSecrets: true,
      keepResources: request.getAcceptresources() || token === "pulumi:pulumi:getResource",
    }),
  );
  response.setFailuresList(
    answer.failures.map(({ property, reason }) => {
      const failure = new providerPb.CheckFailure();
      failure.setProperty(property);
      failure.setReason(reason);
      return failure;
    }),
  );
  return response;
}
