/** Inputs as a program gives them, checked against the fields: typed, defaults filled in, all mistakes together. */
import { isList, isMap, Secret, Unknown } from "@automatos/engine/property";
import type { PropertyMap, PropertyValue } from "@automatos/engine/property";
import type { CheckFailure, Checked } from "../provider.ts";
import type { Field, Fields } from "./field.ts";
import { plain, propertyPath } from "./values.ts";

/** What is unknown passes; what is secret stays so; a property that is null is not there. */
export function checkInputs(fields: Fields, inputs: PropertyMap): Required<Checked> {
  const failures: CheckFailure[] = [];
  return { inputs: checkMap(fields, inputs, "", failures), failures };
}

function checkMap(fields: Fields, values: PropertyMap, path: string, failures: CheckFailure[]): PropertyMap {
  const checked: Record<string, PropertyValue> = {};
  for (const [key, value] of Object.entries(values)) {
    if (value === null || key.startsWith("__")) continue;
    const field = Object.hasOwn(fields, key) ? fields[key] : undefined;
    const at = propertyPath(path, key);
    if (field) checked[key] = checkValue(field, value, at, failures);
    else failures.push({ property: at, reason: `${at} is no property here${suggestion(key, Object.keys(fields))}` });
  }
  for (const [key, field] of Object.entries(fields)) {
    if (Object.hasOwn(checked, key)) continue;
    const at = propertyPath(path, key);
    if (field.default !== undefined) checked[key] = field.default;
    else if (field.required) failures.push({ property: at, reason: `${at} is required` });
  }
  return checked;
}

function checkValue(field: Field, value: PropertyValue, path: string, failures: CheckFailure[]): PropertyValue {
  if (value instanceof Unknown) return value;
  if (value instanceof Secret) {
    const inside: CheckFailure[] = [];
    const checked = checkValue(field, value.element, path, inside);
    // The reasons quote values.
    failures.push(
      ...inside.map(({ property }) => ({ property, reason: `${property} is not valid; its value is secret` })),
    );
    return checked instanceof Secret ? checked : new Secret(checked);
  }
  const typed = typedValue(field, value, path, failures);
  if (typed === undefined) {
    failures.push({ property: path, reason: `${path} must be ${KINDS[field.kind]}, not ${kindOf(value)}` });
    return value;
  }
  const problem = validate(field, typed);
  if (problem !== undefined) failures.push({ property: path, reason: `${path} ${problem}` });
  return field.secret ? new Secret(typed) : typed;
}

function validate(field: Field, value: PropertyValue): string | undefined {
  // The fields' own types say that the function takes such values.
  const check = field.validate as ((value: unknown) => string | undefined) | undefined;
  return check?.(plain(value));
}

const KINDS = {
  string: "a string",
  integer: "a whole number",
  number: "a number",
  boolean: "true or false",
  list: "a list",
  map: "a map",
  object: "an object",
  asset: "an asset or archive",
} as const;

/** Scalars are read from text and written as text, as Pulumi's bridged providers do. */
function typedValue(
  field: Field,
  value: PropertyValue,
  path: string,
  failures: CheckFailure[],
): PropertyValue | undefined {
  switch (field.kind) {
    case "string":
      return typeof value === "object" ? undefined : String(value);
    case "boolean":
      if (value === "true" || value === "false") return value === "true";
      return typeof value === "boolean" ? value : undefined;
    case "integer":
    case "number": {
      const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
      if (typeof number !== "number" || !Number.isFinite(number)) return undefined;
      return field.kind === "number" || Number.isSafeInteger(number) ? number : undefined;
    }
    case "list": {
      const { items } = field;
      if (!isList(value) || items === undefined) return undefined;
      return value.map((item, index) => checkValue(items, item, `${path}[${index}]`, failures));
    }
    case "map": {
      const { items } = field;
      if (!isMap(value) || items === undefined) return undefined;
      const entries = Object.entries(value).filter(([, item]) => item !== null);
      return Object.fromEntries(
        entries.map(([key, item]) => [key, checkValue(items, item, propertyPath(path, key), failures)]),
      );
    }
    case "object":
      return isMap(value) && field.fields ? checkMap(field.fields, value, path, failures) : undefined;
    case "asset":
      return value;
  }
}

/** Never the value itself, which may be secret. */
function kindOf(value: PropertyValue): string {
  if (value === null) return "null";
  if (isList(value)) return "a list";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

function suggestion(key: string, known: readonly string[]): string {
  const near = known.find((name) => distanceAtMostTwo(name.toLowerCase(), key.toLowerCase()));
  return near === undefined ? `. There are: ${[...known].sort().join(", ")}` : `; did you mean ${near}?`;
}

function distanceAtMostTwo(a: string, b: string): boolean {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitute = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitute, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return (row[b.length] ?? 3) <= 2;
}
