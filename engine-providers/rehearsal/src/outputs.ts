/** What a resource answers: inputs, what the cloud adds, and a mark that it is rehearsed. */
import { containsSecrets, mapWithoutSecrets, Unknown } from "@automatos/provider-plugin";
import type { PropertyMap, PropertyValue } from "@automatos/provider-plugin";
import { DEFAULTS } from "./auto-name.ts";
import type { CloudDefinition, Making, ResourceModel } from "./model.ts";
import type { ClassFacts } from "./sdk-class.ts";
import { markSecrets } from "./sealing.ts";
import { defined, own, without } from "./values.ts";
import type { Properties } from "./values.ts";

/** In the outputs of each resource: no class declares it, so no program can take it for a cloud's. */
const REHEARSED = "rehearsed";

/** Outputs that are made of an input of another name. */
const SOURCES: Readonly<Record<string, string>> = {
  tagsAll: "tags",
  pulumiLabels: "labels",
  effectiveLabels: "labels",
};

export interface OutputParts {
  readonly facts: ClassFacts;
  readonly model: ResourceModel;
  /** As checked. */
  readonly inputs: PropertyMap;
  /** Place and labels. */
  readonly known: Properties;
}

/** Defaults and inputs: what is known before the resource is made. Values that are only written are left out. */
export function knownOutputs({ facts, model, inputs, known }: OutputParts): PropertyMap {
  const kept = Object.fromEntries(
    Object.entries(without(inputs, DEFAULTS)).filter(([key]) => !isWriteOnly(facts, key)),
  );
  const defaults =
    typeof model.defaults === "function" ? model.defaults(mapWithoutSecrets(inputs)) : (model.defaults ?? {});
  return { ...defined(defaults), ...defined(known), ...withoutNulls(kept), ...labelsOver(known) };
}

/** What is computed is unknown before the creation, and as it was before an update. */
export function previewOutputs(parts: OutputParts, oldOutputs: PropertyMap = {}): PropertyMap {
  const outputs: Record<string, PropertyValue> = {};
  for (const [name, { optional }] of parts.facts.outputs) {
    const old = parts.facts.inputs.has(name) && optional ? undefined : oldOutputs[name];
    if (old !== undefined) outputs[name] = old;
    else if (!optional) outputs[name] = Unknown.instance;
  }
  return secretsMarked({ ...outputs, ...knownOutputs(parts), [REHEARSED]: true }, parts);
}

/**
 * @param made what was made at the creation and stays
 * @param invent the value of a computed output that no model gives
 */
export function madeOutputs(
  parts: OutputParts,
  making: Making,
  made: PropertyMap,
  invent: CloudDefinition["inventOutput"],
): PropertyMap {
  const outputs: Record<string, PropertyValue> = {};
  const known = {
    ...knownOutputs(parts),
    ...made,
    ...defined(parts.model.outputs?.(making) ?? {}),
    ...labelsOver(parts.known),
  };
  for (const [name, { type, optional }] of parts.facts.outputs) {
    if (known[name] !== undefined || optional) continue;
    const invented = invent(name, type, making);
    if (invented !== undefined) outputs[name] = invented;
  }
  return secretsMarked({ ...outputs, ...known, [REHEARSED]: true }, parts);
}

/** As the class and the model say, and wherever an output was made of an input that holds a secret. */
function secretsMarked(outputs: PropertyMap, { facts, model, inputs }: OutputParts): PropertyMap {
  const opened = Object.keys(outputs).filter(
    (key) => containsSecrets(own(inputs, SOURCES[key] ?? key) ?? null) && !containsSecrets(outputs[key] ?? null),
  );
  return markSecrets(outputs, new Set([...facts.secretOutputs, ...(model.secrets ?? []), ...opened]));
}

/** Terraform's write-only arguments: `passwordWo` beside `passwordWoVersion`. */
function isWriteOnly(facts: ClassFacts, key: string): boolean {
  return key.endsWith("Wo") && facts.inputs.has(`${key}Version`);
}

function withoutNulls(map: PropertyMap): PropertyMap {
  return Object.fromEntries(Object.entries(map).filter(([, value]) => value !== null));
}

/** Labels that the provider completed count more than those that the program gave. */
function labelsOver(known: Properties): PropertyMap {
  const { tagsAll, pulumiLabels, effectiveLabels } = known;
  return defined({ tagsAll, pulumiLabels, effectiveLabels });
}
