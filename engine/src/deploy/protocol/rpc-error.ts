/** What the other side of a gRPC call says went wrong, without what gRPC adds to it. */
import type * as grpc from "@grpc/grpc-js";
import errorsPb from "@pulumi/pulumi/proto/errors_pb.js";
import statusPb from "@pulumi/pulumi/proto/status_pb.js";

/** A property of the inputs that the other side refuses. */
interface InputError {
  propertyPath: string;
  reason: string;
}

interface Detail {
  type: string;
  bytes: Uint8Array;
}

export class RpcError extends Error {
  readonly code: grpc.status;
  readonly inputErrors: readonly InputError[];
  readonly #details: readonly Detail[];

  constructor(error: grpc.ServiceError) {
    const details = detailsOf(error.metadata);
    super([error.details, ...causes(details)].filter((part) => part !== "").join(": "), { cause: error });
    this.name = "RpcError";
    this.code = error.code;
    this.#details = details;
    this.inputErrors = inputErrors(details);
  }

  /** The bytes of the message of this type that came with the error, as `pulumirpc.ErrorResourceInitFailed`. */
  detail(type: string): Uint8Array | undefined {
    return this.#details.find((detail) => detail.type === type)?.bytes;
  }
}

/** The Go library of gRPC packs messages into this header; Pulumi's SDKs do likewise. */
function detailsOf(metadata: grpc.Metadata): Detail[] {
  const [packed] = metadata.get("grpc-status-details-bin");
  if (!(packed instanceof Buffer)) return [];
  return statusPb.Status.deserializeBinary(packed)
    .getDetailsList()
    .map((any) => ({ type: any.getTypeUrl().replace(/^.*\//, ""), bytes: any.getValue_asU8() }));
}

function causes(details: readonly Detail[]): string[] {
  return details
    .filter(({ type }) => type === "pulumirpc.ErrorCause")
    .map(({ bytes }) => errorsPb.ErrorCause.deserializeBinary(bytes).getMessage());
}

function inputErrors(details: readonly Detail[]): InputError[] {
  return details
    .filter(({ type }) => type === "pulumirpc.InputPropertiesError")
    .flatMap(({ bytes }) => errorsPb.InputPropertiesError.deserializeBinary(bytes).getErrorsList())
    .map((entry) => ({ propertyPath: entry.getPropertyPath(), reason: entry.getReason() }));
}
