import providerPb from "@pulumi/pulumi/proto/provider_pb.js";
import type { ErrorResourceInitFailed } from "@pulumi/pulumi/proto/provider_pb.js";
import { RpcError } from "../protocol/rpc-error.ts";

/** What a provider says of a resource that it made but could not bring to health; undefined for any other error. */
export function initFailure(error: unknown): ErrorResourceInitFailed | undefined {
  const bytes = error instanceof RpcError ? error.detail("pulumirpc.ErrorResourceInitFailed") : undefined;
  return bytes && providerPb.ErrorResourceInitFailed.deserializeBinary(bytes);
}

export function describeReasons(reasons: readonly string[]): string {
  if (reasons.length === 0) return "resource init failed";
  const heading = `${reasons.length} error${reasons.length === 1 ? "" : "s"} occurred:`;
  return [heading, ...reasons.map((reason) => `\t* ${reason}`), ""].join("\n");
}
