/** Which values are secret, and how they stay out of messages. */
import { isList, isMap, Secret } from "@automatos/provider-plugin";
import type { PropertyMap, PropertyValue } from "@automatos/provider-plugin";

const SECRET_FIELDS = ["data", "stringData"];

/**
 * Marks in `properties` what is secret in `source`, field by field; a list is secret as a whole when anything in it is,
 * since the cluster may reorder it. The contents of a Secret are secret wherever they come from.
 */
export function markSecrets(properties: PropertyMap, source: PropertyMap): PropertyMap {
  const marked = Object.entries(properties).map(([key, value]): [string, PropertyValue] => {
    const from = source[key];
    if (from === undefined) return [key, value];
    if (isMap(value) && isMap(from)) return [key, markSecrets(value, from)];
    return [key, holdsSecret(from) ? secret(value) : value];
  });
  return markSecretKind(Object.fromEntries(marked));
}

function markSecretKind(properties: PropertyMap): PropertyMap {
  if (properties["kind"] !== "Secret") return properties;
  const contents = SECRET_FIELDS.filter((name) => Object.hasOwn(properties, name));
  return { ...properties, ...Object.fromEntries(contents.map((name) => [name, secret(properties[name] ?? null)])) };
}

function secret(value: PropertyValue): Secret {
  return value instanceof Secret ? value : new Secret(value);
}

export function holdsSecret(value: PropertyValue): boolean {
  if (value instanceof Secret) return true;
  if (isList(value)) return value.some(holdsSecret);
  return isMap(value) && Object.values(value).some(holdsSecret);
}

/** Shorter texts are no secret worth the name, and hiding them would make a message unreadable. */
const SHORTEST_MASKED = 4;

/** Hides the secrets of the given properties in messages: an API server repeats values that it refuses. */
export function maskOf(...sources: readonly PropertyMap[]): (message: string) => string {
  const texts = new Set<string>();
  for (const source of sources) collect(source, source["kind"] === "Secret", texts);
  const longestFirst = [...texts].sort((a, b) => b.length - a.length);
  return (message) => longestFirst.reduce((masked, value) => masked.replaceAll(value, "[secret]"), message);
}

function collect(value: PropertyValue, ofSecretKind: boolean, texts: Set<string>): void {
  if (value instanceof Secret) collectTexts(value.element, texts);
  else if (isList(value)) for (const item of value) collect(item, false, texts);
  else if (isMap(value))
    for (const [key, item] of Object.entries(value)) {
      if (ofSecretKind && SECRET_FIELDS.includes(key)) collectTexts(item, texts);
      else collect(item, false, texts);
    }
}

function collectTexts(value: PropertyValue, texts: Set<string>): void {
  if (value instanceof Secret) collectTexts(value.element, texts);
  else if (typeof value === "string") {
    const plain = Buffer.from(value, "base64").toString();
    for (const form of [value, plain, Buffer.from(value).toString("base64"), JSON.stringify(value).slice(1, -1)])
      if (form.length >= SHORTEST_MASKED) texts.add(form);
  } else if (isList(value)) for (const item of value) collectTexts(item, texts);
  else if (isMap(value)) for (const item of Object.values(value)) collectTexts(item, texts);
}
