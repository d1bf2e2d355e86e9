import type { PropertyMap } from "../../model.ts";
import { diffInputs } from "../property/diff.ts";
import type { DiffResult } from "../property/diff.ts";
import type { DiffRequest } from "./provider.ts";

/** The provider's answer, or the engine's own where the provider does not know. */
export async function diffResource(
  diff: (request: DiffRequest) => Promise<DiffResult>,
  request: DiffRequest,
  ignore: (newInputs: PropertyMap, oldInputs: PropertyMap) => PropertyMap,
): Promise<DiffResult> {
  const answer = await diff(request);
  if (answer.changes !== "unknown") return answer;
  const own = diffInputs(request.oldInputs, ignore(request.newInputs, request.oldInputs));
  if (own.changes === "none") return { ...answer, changes: "none" };
  return { ...answer, changes: "some", changedKeys: own.changedKeys, detailedDiff: own.detailedDiff };
}
