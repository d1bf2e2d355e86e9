import { z } from "zod";

export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly format?: string;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly items?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: boolean | JsonSchema;
  readonly required?: readonly string[];
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly $ref?: string;
}

const MAX_SAFE = Number.MAX_SAFE_INTEGER;
export const cell = (text: string) => text.replaceAll("|", "\\|").replaceAll("\n", " ");
const code = (value: unknown) => `\`${typeof value === "string" && value !== "" ? value : JSON.stringify(value)}\``;

/** One schema in a few words: its type, choices and bounds. */
export function describeType(schema: JsonSchema): string {
  if (schema.const !== undefined) return code(schema.const);
  if (schema.enum !== undefined) return schema.enum.map(code).join(", ");
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices !== undefined) return [...new Set(choices.map(describeType))].join(" or ");
  if (schema.$ref !== undefined) return "JSON";
  if (schema.type === "array") return `list of ${schema.items === undefined ? "any" : describeType(schema.items)}`;
  if (schema.type === "object")
    return typeof schema.additionalProperties === "object"
      ? `map to ${describeType(schema.additionalProperties)}`
      : "object";
  const bounds = [
    schema.minimum !== undefined && schema.minimum > -MAX_SAFE ? `from ${schema.minimum}` : "",
    schema.maximum !== undefined && schema.maximum < MAX_SAFE ? `to ${schema.maximum}` : "",
    schema.minLength !== undefined && schema.minLength > 1 ? `at least ${schema.minLength} characters` : "",
  ].filter(Boolean);
  const name =
    schema.format ??
    (Array.isArray(schema.type) ? schema.type.join(" or ") : ((schema.type as string | undefined) ?? "any"));
  return [name, ...bounds].join(" ");
}

/** The rows of an object's keys, nested objects with dotted names. */
export function rows(schema: JsonSchema, prefix = ""): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, value]) => {
    const nested = value.type === "object" && value.properties !== undefined;
    const required = (schema.required ?? []).includes(key) && value.default === undefined;
    const fallback = value.default !== undefined && !nested ? code(value.default) : required ? "required" : "";
    const row = `| \`${prefix}${key}\` | ${cell(describeType(value))} | ${cell(fallback)} | ${cell(value.description ?? "")} |`;
    return [row, ...(nested ? rows(value, `${prefix}${key}.`) : [])];
  });
}

/** The keys of a zod object as a table in Markdown. */
export const table = (type: z.ZodType, io: "input" | "output" = "input"): string =>
  [
    "| key | type | default | meaning |",
    "|---|---|---|---|",
    ...rows(z.toJSONSchema(type, { io, unrepresentable: "any" }) as JsonSchema),
  ].join("\n");
