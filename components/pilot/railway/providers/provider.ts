import type { dynamic } from "@pulumi/pulumi";
import { z } from "zod";

/** A resource's life as the engine asks for it; plain data in and out. */
export type RailwayProvider<Inputs, Outputs> = Required<Omit<dynamic.ResourceProvider<Inputs, Outputs>, "configure">>;

/** What the SDK's dynamic provider is given in a preview for a value that is not known yet (`rpc.unknownValue`). */
const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** A value that may be unknown in a preview. */
export const maybe = <Value>(schema: z.ZodType<Value>) => z.literal(UNKNOWN).or(schema);

export const isKnown = (value: unknown): boolean => !JSON.stringify(value ?? null).includes(UNKNOWN);

/** What the schema finds wrong, in the form that the engine shows. Values are not repeated: they may be secrets. */
export function failuresOf(schema: z.ZodType, news: unknown): dynamic.CheckFailure[] {
  const parsed = schema.safeParse(news);
  if (parsed.success) return [];
  return parsed.error.issues.map((issue) => {
    const [property = "", ...rest] = issue.path.map(String);
    return { property, reason: `${[property, ...rest].join(".")}: ${reasonOf(issue)}` };
  });
}

/** A union fails with its branches' issues: the last one is of the real type, the first of the unknown value. */
function reasonOf(issue: z.core.$ZodIssue): string {
  if (issue.code === "invalid_key") return issue.issues[0]?.message ?? issue.message;
  const inner = issue.code === "invalid_union" ? issue.errors.at(-1)?.[0] : undefined;
  return inner === undefined ? issue.message : [...inner.path.map(String), reasonOf(inner)].join(": ");
}

/** The names of those keys whose values differ. */
export function changedKeys<Key extends string>(
  keys: readonly Key[],
  olds: Readonly<Partial<Record<Key, unknown>>>,
  news: Readonly<Partial<Record<Key, unknown>>>,
): Key[] {
  return keys.filter((key) => canonical(olds[key]) !== canonical(news[key]));
}

/** JSON with its keys in order; absent and null are the same. */
export function canonical(value: unknown): string {
  return JSON.stringify(value ?? null, (_key, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part)
      ? Object.fromEntries(
          Object.entries(part)
            .filter(([, entry]) => entry !== undefined && entry !== null)
            .sort(([a], [b]) => (a < b ? -1 : 1)),
        )
      : part,
  );
}

/** The engine takes an empty id for "it is gone". */
export const GONE = { id: "" } as const;
