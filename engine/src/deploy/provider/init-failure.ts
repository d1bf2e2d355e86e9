import providerPb from "@pulumi/pulumi/proto/provider_pb.js";
import type { ErrorResourceInitFailed } from "@pulumi/pulumi/proto/provider_pb.js";
import statusPb from "@pulumi/pulumi/proto/status_pb.js";
import { isServiceError } from "../protocol/grpc.ts";

const TYPE_NAME = "pulumirpc.ErrorResourceInitFailed";

/** What a provider says of a resource that it made but could not bring to health; undefined for any other error. */
export function initFailure(error: unknown): ErrorResourceInitFailed | undefined {
  if (!isServiceError(error)) return undefined;
  const [details] = error.metadata.get("grpc-status-details-bin");
  if (!(details instanceof Buffer)) return undefined;
  const detail = statusPb.Status.deserializeBinary(details)
    .getDetailsList()
    .find((any) => any.getTypeUrl().endsWith(`/${TYPE_NAME}`) || any.getTypeUrl() === TYPE_NAME);
  return detail && providerPb.ErrorResourceInitFailed.deserializeBinary(detail.getValue_asU8());
}

export function describeReasons(reasons: readonly string[]): string {
  const heading = `${reasons.length} error${reasons.length === 1 ? "" : "s"} occurred:`;
  return [heading, ...reasons.map((reason) => `\t* ${reason}`), ""].join("\n");
}
