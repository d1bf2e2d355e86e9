/**
 * What a class of a generated SDK says of its resource, read from the files that pulumi-language-nodejs generated: the
 * inputs it sends, those it demands, the outputs it declares and the secrets it marks.
 */

/** How the SDK declares an output: enough to make a value of that type up. */
export type OutputType = "string" | "number" | "boolean" | "list" | "map" | "object" | "other";

export interface OutputFact {
  readonly type: OutputType;
  /** Declared with `| undefined`: it is there only when somebody set it. */
  readonly optional: boolean;
}

export interface ClassFacts {
  readonly token: string;
  readonly inputs: ReadonlySet<string>;
  readonly required: ReadonlySet<string>;
  readonly outputs: ReadonlyMap<string, OutputFact>;
  readonly secretInputs: ReadonlySet<string>;
  readonly secretOutputs: ReadonlySet<string>;
  /** Inputs of which the class's documentation says that another value replaces the resource. */
  readonly documentedReplacements: ReadonlySet<string>;
}

/** Whether the text is that of a class of a resource. */
export function tokenOf(script: string): string | undefined {
  if (!script.includes("extends pulumi.CustomResource")) return undefined;
  return /static __pulumiType = '([^']+)'/.exec(script)?.[1];
}

/** Undefined when the text has no resource class. `declaration` is the class's `.d.ts`. */
export function readClass(script: string, declaration: string): ClassFacts | undefined {
  const token = tokenOf(script);
  if (token === undefined) return undefined;
  // The branch of `get` sends state; that of the constructor sends arguments.
  const construct = script.slice(script.indexOf("const args = argsOrState"));
  return {
    token,
    inputs: new Set(all(construct, /resourceInputs\["([^"]+)"\] = (?!undefined \/\*out\*\/)/g)),
    required: new Set(all(construct, /throw new Error\("Missing required property '([^']+)'"\)/g)),
    outputs: outputsOf(declaration),
    secretInputs: new Set(all(construct, /resourceInputs\["([^"]+)"\] = .*pulumi\.secret\(/g)),
    secretOutputs: new Set(all(/additionalSecretOutputs: \[([^\]]*)\]/.exec(script)?.[1] ?? "", /"([^"]+)"/g)),
    documentedReplacements: new Set(documentedReplacements(declaration)),
  };
}

function all(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(([, name]) => name ?? "");
}

function outputsOf(declaration: string): Map<string, OutputFact> {
  const outputs = new Map<string, OutputFact>();
  for (const [, name, text] of declaration.matchAll(/^ {4}readonly (\w+): pulumi\.Output<([\s\S]*?)>;$/gm)) {
    if (name === undefined || text === undefined) continue;
    const optional = text.endsWith(" | undefined");
    outputs.set(name, { type: outputType(optional ? text.slice(0, -" | undefined".length) : text), optional });
  }
  return outputs;
}

function outputType(text: string): OutputType {
  if (text === "string" || text === "number" || text === "boolean") return text;
  if (text.endsWith("[]")) return "list";
  if (text.startsWith("{")) return "map";
  if (text.startsWith("outputs.")) return "object";
  return text.startsWith("enums.") || text.includes("string") ? "string" : "other";
}

const REPLACES =
  /\b(forces?|requires?|will|causes?|may)\b[^.]{0,40}\b(new resource|replacement|re-?creat\w+|(a|create) new)\b|must be recreated|creates a new resource/i;

/** Arguments (`interface XArgs`) whose comment says so. */
function documentedReplacements(declaration: string): string[] {
  const found: string[] = [];
  const args = declaration.slice(declaration.search(/export interface \w+Args \{/));
  for (const [, comment, name] of args.matchAll(/\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*(\w+)\??:/g)) {
    if (comment !== undefined && name !== undefined && REPLACES.test(comment.replaceAll(/\s*\*\s*/g, " "))) {
      found.push(name);
    }
  }
  return found;
}
