/**
 * How a recipe's task refers to what is known when its step starts: `${{ input.branch }}`, `${{ execution.id }}`,
 * `${{ steps.build.result.path }}`. Paths of names and numbers, and nothing else: there is no expression to evaluate. `$${{`
 * stands for `${{` itself. What is put in is not looked at again.
 */
export type Reference =
  | { readonly root: "input"; readonly path: readonly string[] }
  | { readonly root: "execution"; readonly path: readonly ["id"] }
  | {
      readonly root: "steps";
      readonly step: string;
      readonly field: StepField;
      readonly path: readonly string[];
    };

/** What of a step can be referred to; `steps` are the results of its scripted tool calls, in order. */
export const STEP_FIELDS = ["result", "status", "error", "steps", "taskId"] as const;
export type StepField = (typeof STEP_FIELDS)[number];

const TOKEN = /\$\$\{\{|\$\{\{([^{}]*)\}\}|\$\{\{/g;
const SEGMENT = /^[A-Za-z0-9_-]{1,100}$/;
const MAX_SEGMENTS = 20;

/** A piece of a text: as it stands, or to be put in. */
export type TemplatePart = string | { readonly text: string; readonly reference: Reference | undefined };

/** The reference that the text between the braces is; undefined when it is none. */
export function parseReference(text: string): Reference | undefined {
  const [root, ...path] = text.trim().split(".");
  if (path.length > MAX_SEGMENTS || !path.every((segment) => SEGMENT.test(segment))) return undefined;
  if (root === "input") return { root, path };
  if (root === "execution") return path.length === 1 && path[0] === "id" ? { root, path: ["id"] } : undefined;
  if (root !== "steps") return undefined;
  const [step, field, ...rest] = path;
  const known = STEP_FIELDS.find((name) => name === field);
  return step === undefined || known === undefined ? undefined : { root, step, field: known, path: rest };
}

/** A text in its parts; one that holds no reference is a single part, or none where it is empty. */
export function templateParts(text: string): TemplatePart[] {
  const parts: TemplatePart[] = [];
  let literal = "";
  let end = 0;
  for (const match of text.matchAll(TOKEN)) {
    literal += text.slice(end, match.index);
    end = match.index + match[0].length;
    if (match[0] === "$${{") {
      literal += "${{";
      continue;
    }
    if (literal !== "") parts.push(literal);
    literal = "";
    parts.push({ text: match[0], reference: match[1] === undefined ? undefined : parseReference(match[1]) });
  }
  literal += text.slice(end);
  if (literal !== "") parts.push(literal);
  return parts;
}

/** A place in a template that holds a reference, or what looks like one and is none. */
export interface FoundReference {
  readonly path: readonly (string | number)[];
  readonly text: string;
  readonly reference: Reference | undefined;
}

/** Every reference in the texts of a value, at every depth; keys hold none. */
export function findReferences(value: unknown, path: readonly (string | number)[] = []): FoundReference[] {
  if (typeof value === "string") {
    return templateParts(value).flatMap((part) => (typeof part === "string" ? [] : [{ path, ...part }]));
  }
  if (typeof value !== "object" || value === null) return [];
  if (Array.isArray(value)) return value.flatMap((item, index) => findReferences(item, [...path, index]));
  return Object.entries(value).flatMap(([key, item]) => findReferences(item, [...path, key]));
}

/**
 * The value with every reference replaced by what `lookUp` says of it. A text that is one reference becomes the value
 * with its type; within a longer text, texts stand as they are and all else as JSON.
 *
 * @throws what `lookUp` throws
 */
export function substitute(value: unknown, lookUp: (reference: Reference, text: string) => unknown): unknown {
  if (typeof value === "string") return substituteText(value, lookUp);
  if (Array.isArray(value)) return value.map((item) => substitute(item, lookUp));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, substitute(item, lookUp)]));
}

function substituteText(text: string, lookUp: (reference: Reference, text: string) => unknown): unknown {
  const values = templateParts(text).map((part) => {
    if (typeof part === "string") return part;
    if (part.reference === undefined) throw new Error(`${part.text} was to be refused with its recipe`);
    return lookUp(part.reference, part.text);
  });
  const [only] = values;
  if (values.length === 1) return only;
  return values.map((value) => (typeof value === "string" ? value : JSON.stringify(value))).join("");
}

/** What stands at a path of a JSON value, as PostgreSQL's `#>` finds it; undefined when nothing does. */
export function valueAt(value: unknown, path: readonly string[]): unknown {
  let at: unknown = value;
  for (const segment of path) {
    if (Array.isArray(at)) at = /^-?\d+$/.test(segment) ? at.at(Number(segment)) : undefined;
    else if (typeof at === "object" && at !== null && Object.hasOwn(at, segment)) {
      at = (at as Readonly<Record<string, unknown>>)[segment];
    } else return undefined;
  }
  return at;
}
