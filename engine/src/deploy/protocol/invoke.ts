/** Functions of providers that the program calls. */
import providerPb from "@pulumi/pulumi/proto/provider_pb.js";
import resourcePb from "@pulumi/pulumi/proto/resource_pb.js";
import type { Callback } from "@pulumi/pulumi/proto/callback_pb.js";
import type { ResourceInvokeRequest, ResourceInvokeResponse } from "@pulumi/pulumi/proto/resource_pb.js";
import { messageOf, UnsupportedError } from "../errors.ts";
import { marshalProperties, unmarshalProperties } from "../property/wire.ts";
import type { InvokeResult } from "../provider/provider.ts";
import { packageOf } from "../urn.ts";
import { ProviderUnknownError } from "./monitor-deps.ts";
import type { MonitorDeps } from "./monitor-deps.ts";
import { applyInvokeTransform } from "./transforms.ts";

export async function invoke(
  deps: MonitorDeps,
  transforms: readonly Callback[],
  request: ResourceInvokeRequest,
): Promise<ResourceInvokeResponse> {
  const token = request.getTok();
  if (request.getPackageref() !== "") throw new UnsupportedError(`parameterized packages (${token})`);
  const options = new resourcePb.TransformInvokeOptions();
  options.setProvider(request.getProvider());
  options.setVersion(request.getVersion());
  options.setPluginDownloadUrl(request.getPlugindownloadurl());
  let call = { args: unmarshalProperties(request.getArgs()), options };
  for (const transform of transforms) call = await applyInvokeTransform(deps.callbacks, transform, token, call);
  const reference =
    call.options.getProvider() ||
    (await deps.defaultProviders.reference(
      {
        package: packageOf(token),
        version: call.options.getVersion(),
        pluginDownloadUrl: call.options.getPluginDownloadUrl(),
      },
      token,
    ));
  const provider = deps.providers.get(reference);
  if (provider === undefined) throw new ProviderUnknownError(reference);
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
