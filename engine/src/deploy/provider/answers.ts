/** Parts of the provider protocol's messages. */
import * as grpc from "@grpc/grpc-js";
import type { DiffResponse } from "@pulumi/pulumi/proto/provider_pb.js";
import type { DiffKind, DiffResult, PropertyDiff } from "../property/diff.ts";
import { isServiceError } from "../protocol/grpc.ts";
import { urnName, urnType } from "../urn.ts";
import type { CheckFailure } from "./provider.ts";

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
  return isServiceError(error) && error.code === grpc.status.UNIMPLEMENTED;
}
