/** Keeps secrets out of what programs, providers and policies say. */
import { Secret } from "../model.ts";
import type { OperationRequest, PropertyMap, PropertyValue } from "../model.ts";
import { isList, isMap } from "./property/value.ts";

/** Shorter ones are found in any text. */
const SHORTEST_MASKED = 3;

/** The text with `[secret]` in place of each secret, as it is and as JSON writes it. */
export function masked(text: string, secrets: readonly string[]): string {
  return masker(secrets)(text);
}

/** As {@link masked}, for many texts and the same secrets. */
export function masker(secrets: readonly string[]): (text: string) => string {
  const forms = secrets
    .filter((secret) => secret.length >= SHORTEST_MASKED)
    .flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1)])
    // One may be a part of another.
    .sort((a, b) => b.length - a.length);
  return (text) => forms.reduce((result, form) => result.replaceAll(form, "[secret]"), text);
}

/** All texts in a value of JSON are masked; keys stay. */
export function maskTexts(value: unknown, mask: (text: string) => string): unknown {
  if (typeof value === "string") return mask(value);
  if (Array.isArray(value)) return value.map((item) => maskTexts(item, mask));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, maskTexts(item, mask)]));
}

/** The secrets of a stack's configuration. */
export function configSecrets(config: OperationRequest["config"]): string[] {
  return [...config.values()].flatMap(({ value, secret, secretTexts }) => secretTexts ?? (secret ? [value] : []));
}

/** All texts below secret values. */
export function secretTexts(properties: PropertyMap): string[] {
  return Object.values(properties).flatMap((value) => textsOf(value, false));
}

function textsOf(value: PropertyValue, isSecret: boolean): string[] {
  if (value instanceof Secret) return textsOf(value.element, true);
  if (typeof value === "string") return isSecret ? [value] : [];
  if (isList(value)) return value.flatMap((item) => textsOf(item, isSecret));
  return isMap(value) ? Object.values(value).flatMap((item) => textsOf(item, isSecret)) : [];
}
