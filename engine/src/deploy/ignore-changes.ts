import type { PropertyMap } from "../model.ts";
import type { Diagnostics } from "./diagnostics.ts";
import { applyIgnoreChanges } from "./property/diff.ts";

/** The new inputs, with the old values where the program ignores changes; says which paths it could not ignore. */
export function ignoreChanges(
  diagnostics: Diagnostics,
  urn: string,
  newInputs: PropertyMap,
  oldInputs: PropertyMap,
  paths: readonly string[],
): PropertyMap {
  if (paths.length === 0) return newInputs;
  const { inputs, invalid } = applyIgnoreChanges(newInputs, oldInputs, paths);
  if (invalid.length > 0)
    diagnostics.info(
      urn,
      `cannot ignore changes in added or removed elements of the path: ${JSON.stringify(invalid.join(", "))}`,
    );
  return inputs;
}
