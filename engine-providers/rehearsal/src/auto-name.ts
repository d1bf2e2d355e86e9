/**
 * Names that the provider gives, as Pulumi's bridge of Terraform providers gives them (AutoName in
 * pulumi-terraform-bridge, pkg/tfbridge/names.go): the resource's name, a separator and seven random hexadecimal
 * digits; kept for the resource's life, and listed in the input `__defaults` so that a name which the program gave can be told.
 */
import { createHash, randomBytes } from "node:crypto";
import { isList } from "@automatos/provider-plugin";
import type { PropertyMap, PropertyValue } from "@automatos/provider-plugin";
import type { AutoName } from "./model.ts";

export const DEFAULTS = "__defaults";
const RANDOM_DIGITS = 7;

export interface NameRequest {
  readonly name: string;
  readonly inputs: PropertyMap;
  readonly oldInputs: PropertyMap | undefined;
  /** Empty: the name is another one at each call. */
  readonly randomSeed: Uint8Array;
}

/** The inputs with a name and with `__defaults`, which lists what the provider added. */
export function withName(rule: AutoName | undefined, request: NameRequest): PropertyMap {
  const { inputs, oldInputs } = request;
  if (rule === undefined || (inputs[rule.property] ?? null) !== null) return { [DEFAULTS]: [], ...inputs };
  const kept = oldInputs !== undefined && wasNamedByProvider(rule, oldInputs) ? oldInputs[rule.property] : undefined;
  return { [DEFAULTS]: [rule.property], ...inputs, [rule.property]: kept ?? newName(rule, request) };
}

/** Whether the provider, not the program, gave the name. */
export function wasNamedByProvider(rule: AutoName, inputs: PropertyMap): boolean {
  const defaults: PropertyValue = inputs[DEFAULTS] ?? [];
  return isList(defaults) && defaults.includes(rule.property);
}

function newName(rule: AutoName, { name, randomSeed }: NameRequest): string {
  const random = randomSeed.length > 0 ? createHash("sha256").update(randomSeed).digest() : randomBytes(16);
  const digits = random.toString("hex").slice(0, rule.digits ?? RANDOM_DIGITS);
  const end = digits === "" ? "" : `${rule.separator ?? "-"}${digits}`;
  const start = name.slice(0, rule.maxLength - end.length);
  return `${rule.lowerCase === true ? start.toLowerCase() : start}${end}`;
}
