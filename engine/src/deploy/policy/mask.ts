/** Keeps secrets out of what policies say. */
import { Secret } from "../../model.ts";
import type { PropertyMap, PropertyValue } from "../../model.ts";
import { isList, isMap } from "../property/value.ts";

/** Shorter ones are found in any text. */
const SHORTEST_MASKED = 3;

/** The text with `[secret]` in place of each secret, as it is and as JSON writes it. */
export function masked(text: string, secrets: readonly string[]): string {
  const forms = secrets
    .filter((secret) => secret.length >= SHORTEST_MASKED)
    .flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1)])
    // One may be a part of another.
    .sort((a, b) => b.length - a.length);
  return forms.reduce((result, form) => result.replaceAll(form, "[secret]"), text);
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
