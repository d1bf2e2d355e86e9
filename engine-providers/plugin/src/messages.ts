/** Between the protocol's messages and the values of provider.ts. */
import * as grpc from "@grpc/grpc-js";
import { anyPb, marshalProperties, unmarshalProperties } from "@automatos/engine/property";
import type { PropertyMap, Struct } from "@automatos/engine/property";
import providerPb from "@pulumi/pulumi/proto/provider_pb.js";
import statusPb from "@pulumi/pulumi/proto/status_pb.js";
import { InitializationFailedError, UnknownTokenError } from "./errors.ts";
import type { CheckFailure, Diff, DiffKind } from "./provider.ts";

/** All that the engine can be told: secrets, unknowns and references stay what they are. */
export function toStruct(properties: PropertyMap): Struct {
  return marshalProperties(properties, { keepUnknowns: true, keepSecrets: true, keepResources: true });
}

export function fromStruct(struct: Struct | undefined): PropertyMap {
  return unmarshalProperties(struct);
}

export function failuresToWire(failures: readonly CheckFailure[] = []): InstanceType<typeof providerPb.CheckFailure>[] {
  return failures.map(({ property, reason }) => {
    const failure = new providerPb.CheckFailure();
    failure.setProperty(property);
    failure.setReason(reason);
    return failure;
  });
}

const { Kind } = providerPb.PropertyDiff;
const KINDS: Readonly<Record<DiffKind, (typeof Kind)[keyof typeof Kind]>> = {
  add: Kind.ADD,
  "add-replace": Kind.ADD_REPLACE,
  delete: Kind.DELETE,
  "delete-replace": Kind.DELETE_REPLACE,
  update: Kind.UPDATE,
  "update-replace": Kind.UPDATE_REPLACE,
};

export function diffToWire(diff: Diff): InstanceType<typeof providerPb.DiffResponse> {
  const response = new providerPb.DiffResponse();
  const { DIFF_NONE, DIFF_SOME } = providerPb.DiffResponse.DiffChanges;
  response.setChanges(diff.changes ? DIFF_SOME : DIFF_NONE);
  response.setDiffsList([...(diff.diffs ?? [])]);
  response.setReplacesList([...(diff.replaces ?? [])]);
  response.setStablesList([...(diff.stables ?? [])]);
  response.setDeletebeforereplace(diff.deleteBeforeReplace ?? false);
  response.setHasdetaileddiff(diff.detailedDiff !== undefined);
  for (const [path, { kind, inputDiff }] of Object.entries(diff.detailedDiff ?? {})) {
    const entry = new providerPb.PropertyDiff();
    entry.setKind(KINDS[kind]);
    entry.setInputdiff(inputDiff ?? false);
    response.getDetaileddiffMap().set(path, entry);
  }
  return response;
}

/** The status by which a failed call is answered. */
export function statusOf(error: unknown): Partial<grpc.StatusObject> {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof UnknownTokenError) return { code: grpc.status.NOT_FOUND, details: message };
  if (!(error instanceof InitializationFailedError)) return { code: grpc.status.UNKNOWN, details: message };
  const failed = new providerPb.ErrorResourceInitFailed();
  failed.setId(error.id);
  failed.setProperties(toStruct(error.outputs));
  failed.setInputs(toStruct(error.inputs));
  failed.setReasonsList([...error.reasons]);
  const detail = new anyPb.Any();
  detail.pack(failed.serializeBinary(), "pulumirpc.ErrorResourceInitFailed");
  const status = new statusPb.Status();
  status.setCode(grpc.status.UNKNOWN);
  status.setMessage(message);
  status.addDetails(detail);
  const metadata = new grpc.Metadata();
  metadata.set("grpc-status-details-bin", Buffer.from(status.serializeBinary()));
  return { code: grpc.status.UNKNOWN, details: message, metadata };
}
