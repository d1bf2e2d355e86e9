/** Parts of the provider protocol's messages. */
import * as grpc from "@grpc/grpc-js";
import providerPb from "@pulumi/pulumi/proto/provider_pb.js";
import type { DiffResponse } from "@pulumi/pulumi/proto/provider_pb.js";
import type { DiffKind, DiffResult, PropertyDiff } from "../property/diff.ts";
import { RpcError } from "../protocol/rpc-error.ts";
import type { PropertyMap } from "../../model.ts";
import { urnName, urnType } from "../urn.ts";
import { unmarshalProperties } from "../property/wire.ts";
import type { Struct } from "../protocol/protobuf.ts";
import { describeReasons, initFailure } from "./init-failure.ts";
import type { Applied, CheckFailure } from "./provider.ts";

export function identify(
  request: { setUrn: (urn: string) => unknown; setName: (name: string) => unknown; setType: (type: string) => unknown },
  urn: string,
): void {
  request.setUrn(urn);
  request.setName(urnName(urn));
  request.setType(urnType(urn));
}

export function failuresOf(list: readonly { getProperty: () => string; getReason: () => string }[]): CheckFailure[] {
  return list.map((failure) => ({ property: failure.getProperty(), reason: failure.getReason() }));
}

const DIFF_KINDS: readonly DiffKind[] = ["add", "add-replace", "delete", "delete-replace", "update", "update-replace"];

export function diffResult(response: DiffResponse): DiffResult {
  const detailed = response.getDetaileddiffMap();
  const detailedDiff = new Map<string, PropertyDiff>();
  detailed.forEach((entry, path) => {
    detailedDiff.set(path, { diffKind: DIFF_KINDS[entry.getKind()] ?? "update", inputDiff: entry.getInputdiff() });
  });
  const changes = (["unknown", "none", "some"] as const)[response.getChanges()];
  return {
    changes,
    replaceKeys: response.getReplacesList(),
    stableKeys: response.getStablesList(),
    changedKeys: response.getDiffsList(),
    detailedDiff: detailedDiff.size > 0 || response.getHasdetaileddiff() ? detailedDiff : undefined,
    deleteBeforeReplace: response.getDeletebeforereplace(),
  };
}

export function isUnimplemented(error: unknown): boolean {
  return error instanceof RpcError && error.code === grpc.status.UNIMPLEMENTED;
}

/** What a create, update or read brought about, also where it left the resource there but unhealthy. */
export async function applied<Response extends { getProperties: () => Struct | undefined }>(
  ask: () => Promise<Response>,
  read: (response: Response) => { id: string; inputs?: Struct | undefined; refreshBeforeUpdate: boolean },
  withSecrets: (properties: PropertyMap) => PropertyMap,
): Promise<Applied> {
  try {
    const response = await ask();
    const { id, inputs, refreshBeforeUpdate } = read(response);
    return {
      id,
      outputs: withSecrets(unmarshalProperties(response.getProperties())),
      ...(inputs === undefined ? {} : { inputs: unmarshalProperties(inputs) }),
      ...(refreshBeforeUpdate ? { refreshBeforeUpdate } : {}),
    };
  } catch (error) {
    const failure = initFailure(error);
    if (failure === undefined) throw error;
    const reasons = failure.getReasonsList();
    const inputs = failure.getInputs();
    return {
      id: failure.getId(),
      outputs: withSecrets(unmarshalProperties(failure.getProperties())),
      ...(inputs === undefined ? {} : { inputs: unmarshalProperties(inputs) }),
      ...(failure.getRefreshBeforeUpdate() ? { refreshBeforeUpdate: true } : {}),
      initErrors: reasons,
      initErrorMessage: describeReasons(reasons),
    };
  }
}

/** A plugin that lacks configuration says of which keys: the user is told how each is set. */
export function configureError(error: unknown): unknown {
  const bytes = error instanceof RpcError ? error.detail("pulumirpc.ConfigureErrorMissingKeys") : undefined;
  if (bytes === undefined) return error;
  const missing = providerPb.ConfigureErrorMissingKeys.deserializeBinary(bytes).getMissingkeysList();
  if (missing.length === 0) return error;
  return new Error(
    describeReasons(
      missing.map(
        (key) =>
          `missing required configuration key ${JSON.stringify(key.getName())}: ${key.getDescription()}\n` +
          `Set a value using the command \`pulumi config set ${key.getName()} <value>\`.`,
      ),
    ),
    { cause: error },
  );
}
