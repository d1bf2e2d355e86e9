/** Inputs against the SDK's class, in the words of the real providers. */
import { mapValues, mapWithoutSecrets, Secret } from "@automatos/provider-plugin";
import type { Checked, CheckFailure, PropertyMap } from "@automatos/provider-plugin";
import { DEFAULTS, withName } from "./auto-name.ts";
import type { NameRequest } from "./auto-name.ts";
import type { AutoName, ResourceModel } from "./model.ts";
import type { ClassFacts } from "./sdk-class.ts";
import { own, without } from "./values.ts";

export function checkInputs(
  facts: ClassFacts,
  model: ResourceModel,
  autoName: AutoName | undefined,
  request: NameRequest,
): Checked {
  const given = without(request.inputs, DEFAULTS);
  const named = withName(autoName, { ...request, inputs: given });
  const inputs = mapValues(named, (value, key) =>
    facts.secretInputs.has(key) && value !== null && !(value instanceof Secret) ? new Secret(value) : value,
  );
  const failures = [
    ...unknownProperties(request.name, facts, given),
    ...missingProperties(request.name, facts, inputs),
    ...(model.validate?.(mapWithoutSecrets(inputs)) ?? []),
  ];
  return { inputs, failures };
}

function unknownProperties(name: string, facts: ClassFacts, inputs: PropertyMap): CheckFailure[] {
  return Object.keys(inputs)
    .filter((property) => !facts.inputs.has(property))
    .map((property) => {
      const near = nearest(property, facts.inputs);
      const proposal = near === undefined ? "" : ` Did you mean "${near}"?`;
      return { property, reason: `Invalid or unknown key.${proposal} Examine values at '${name}.${property}'.` };
    });
}

function missingProperties(name: string, facts: ClassFacts, inputs: PropertyMap): CheckFailure[] {
  return [...facts.required]
    .filter((property) => (own(inputs, property) ?? null) === null)
    .map((property) => ({
      property,
      reason:
        `Missing required argument. The argument "${property}" is required, but no definition was found. ` +
        `Examine values at '${name}.${property}'.`,
    }));
}

/** The name that differs in the fewest letters, if in three at most. */
function nearest(name: string, names: Iterable<string>): string | undefined {
  let best: { name: string; distance: number } | undefined;
  for (const candidate of names) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance <= 3 && (best === undefined || distance < best.distance)) best = { name: candidate, distance };
  }
  return best?.name;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
