/**
 * JSON schema as policies use it for their configuration (PolicyConfigJSONSchema of @pulumi/policy: draft 7 without
 * references and combinations), with the words in which Pulumi tells what does not fit.
 */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonMap;
export interface JsonMap {
  readonly [key: string]: JsonValue;
}

/** @returns What does not fit, as `<property>: <what is wrong>`; the whole object is named `(root)`. */
export function schemaProblems(schema: JsonValue, value: JsonValue, path = "(root)"): string[] {
  if (schema === true) return [];
  if (schema === false) return [`${path}: False always fails validation`];
  if (!isMap(schema)) return [];
  const say = (text: string): string => `${path}: ${text}`;
  const type = typeProblem(schema["type"], value);
  // What is of another kind altogether need not be told that it is too short as well.
  if (type !== undefined) return [say(type)];
  return [
    ...choiceProblems(schema, value).map(say),
    ...(typeof value === "number" ? numberProblems(schema, value).map(say) : []),
    ...(typeof value === "string" ? stringProblems(schema, value).map(say) : []),
    ...(isList(value) ? listProblems(schema, value, path) : []),
    ...(isMap(value) ? mapProblems(schema, value, path) : []),
  ];
}

export function isList(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value);
}

export function isMap(value: JsonValue | undefined): value is JsonMap {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function typeProblem(wanted: JsonValue | undefined, value: JsonValue): string | undefined {
  const types = isList(wanted) ? wanted : wanted === undefined ? [] : [wanted];
  const own = typeName(value);
  if (types.length === 0 || types.includes(own) || (own === "integer" && types.includes("number"))) return undefined;
  return `Invalid type. Expected: ${types.map(text).join("/")}, given: ${own}`;
}

function text(value: JsonValue): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function typeName(value: JsonValue): string {
  if (value === null) return "null";
  if (isList(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value;
}

function choiceProblems(schema: JsonMap, value: JsonValue): string[] {
  const problems: string[] = [];
  const { enum: choices, const: only } = schema;
  if (isList(choices) && !choices.some((choice) => same(choice, value)))
    problems.push(`must be one of the following: ${choices.map((choice) => JSON.stringify(choice)).join(", ")}`);
  if (only !== undefined && !same(only, value)) problems.push(`does not match: ${JSON.stringify(only)}`);
  return problems;
}

function numberProblems(schema: JsonMap, value: number): string[] {
  const rules: readonly [string, (limit: number) => boolean, string][] = [
    ["minimum", (limit) => value >= limit, "Must be greater than or equal to"],
    ["exclusiveMinimum", (limit) => value > limit, "Must be greater than"],
    ["maximum", (limit) => value <= limit, "Must be less than or equal to"],
    ["exclusiveMaximum", (limit) => value < limit, "Must be less than"],
    ["multipleOf", (step) => isMultiple(value, step), "Must be a multiple of"],
  ];
  return rules.flatMap(([key, fits, words]) => {
    const limit = schema[key];
    return typeof limit === "number" && !fits(limit) ? [`${words} ${limit}`] : [];
  });
}

/** 0.3 is a multiple of 0.1, though not in binary fractions. */
function isMultiple(value: number, step: number): boolean {
  const quotient = value / step;
  return Math.abs(quotient - Math.round(quotient)) < 1e-9;
}

function stringProblems(schema: JsonMap, value: string): string[] {
  // Characters, not UTF-16 units.
  const length = Array.from(value).length;
  const { minLength, maxLength, pattern } = schema;
  return [
    ...(typeof minLength === "number" && length < minLength
      ? [`String length must be greater than or equal to ${minLength}`]
      : []),
    ...(typeof maxLength === "number" && length > maxLength
      ? [`String length must be less than or equal to ${maxLength}`]
      : []),
    ...(typeof pattern === "string" && !new RegExp(pattern, "u").test(value)
      ? [`Does not match pattern '${pattern}'`]
      : []),
  ];
}

function listProblems(schema: JsonMap, value: readonly JsonValue[], path: string): string[] {
  const { items, additionalItems, minItems, maxItems, uniqueItems, contains } = schema;
  const say = (text: string): string => `${path}: ${text}`;
  const problems: string[] = [];
  if (typeof minItems === "number" && value.length < minItems)
    problems.push(say(`Array must have at least ${minItems} items`));
  if (typeof maxItems === "number" && value.length > maxItems)
    problems.push(say(`Array must have at most ${maxItems} items`));
  if (uniqueItems === true && value.some((item, index) => value.slice(0, index).some((other) => same(item, other))))
    problems.push(say("array items must be unique"));
  if (contains !== undefined && !value.some((item) => schemaProblems(contains, item).length === 0))
    problems.push(say("At least one of the items must match"));
  value.forEach((item, index) => {
    const own = isList(items) ? (items[index] ?? additionalItems) : items;
    if (own !== undefined) problems.push(...schemaProblems(own, item, below(path, String(index))));
  });
  return problems;
}

function mapProblems(schema: JsonMap, value: JsonMap, path: string): string[] {
  const { required, minProperties, maxProperties, dependencies, propertyNames } = schema;
  const say = (text: string): string => `${path}: ${text}`;
  const keys = Object.keys(value);
  const problems = (isList(required) ? required : [])
    .filter((key) => typeof key === "string")
    .filter((key) => !Object.hasOwn(value, key))
    .map((key) => say(`${key} is required`));
  if (typeof minProperties === "number" && keys.length < minProperties)
    problems.push(say(`Must have at least ${minProperties} properties`));
  if (typeof maxProperties === "number" && keys.length > maxProperties)
    problems.push(say(`Must have at most ${maxProperties} properties`));
  for (const key of keys) {
    if (propertyNames !== undefined && schemaProblems(propertyNames, key).length > 0)
      problems.push(say(`Property name of ${JSON.stringify(key)} does not match`));
    problems.push(...propertyProblems(schema, key, value[key] ?? null, path));
  }
  for (const [key, needed] of Object.entries(isMap(dependencies) ? dependencies : {})) {
    if (!Object.hasOwn(value, key)) continue;
    if (!isList(needed)) problems.push(...schemaProblems(needed, value, path));
    else
      for (const other of needed)
        if (typeof other === "string" && !Object.hasOwn(value, other))
          problems.push(say(`Has a dependency on ${other}`));
  }
  return problems;
}

function propertyProblems(schema: JsonMap, key: string, value: JsonValue, path: string): string[] {
  const { properties, patternProperties, additionalProperties } = schema;
  const schemas = [
    ...(isMap(properties) && Object.hasOwn(properties, key) ? [properties[key] ?? true] : []),
    ...Object.entries(isMap(patternProperties) ? patternProperties : {})
      .filter(([pattern]) => new RegExp(pattern, "u").test(key))
      .map(([, own]) => own),
  ];
  if (schemas.length > 0) return schemas.flatMap((own) => schemaProblems(own, value, below(path, key)));
  if (additionalProperties === false) return [`${path}: Additional property ${key} is not allowed`];
  return additionalProperties === undefined ? [] : schemaProblems(additionalProperties, value, below(path, key));
}

function below(path: string, key: string): string {
  return path === "(root)" ? key : `${path}.${key}`;
}

function same(a: JsonValue, b: JsonValue): boolean {
  if (isList(a) || isList(b))
    return isList(a) && isList(b) && a.length === b.length && a.every((item, index) => same(item, b[index] ?? null));
  if (isMap(a) || isMap(b)) {
    if (!isMap(a) || !isMap(b) || Object.keys(a).length !== Object.keys(b).length) return false;
    return Object.entries(a).every(([key, item]) => Object.hasOwn(b, key) && same(item, b[key] ?? null));
  }
  return a === b;
}
