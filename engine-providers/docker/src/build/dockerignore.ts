/**
 * .dockerignore, as Docker reads it (moby/patternmatcher): patterns from the context's root, `*` within a name, `**`
 * across names, `!` for exceptions, the last match decides, and what is under an excluded folder is excluded.
 */

export interface IgnoreRules {
  /** `path` is relative to the context, with `/`. */
  excludes(path: string): boolean;
  /** Whether nothing under an excluded folder can be let in again. */
  prunes(folder: string): boolean;
}

interface Rule {
  readonly exception: boolean;
  readonly expression: RegExp;
}

/** @throws when a pattern is none. */
export function parseDockerignore(text: string): IgnoreRules {
  const rules = text
    .replace(/^\uFEFF/, "")
    .split("\n")
    .filter((line) => !line.startsWith("#"))
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .map(ruleOf)
    .filter((rule) => rule !== undefined);
  const hasExceptions = rules.some(({ exception }) => exception);
  const excludes = (path: string): boolean => {
    const parts = path.split("/");
    const prefixes = parts.map((_, index) => parts.slice(0, index + 1).join("/"));
    let excluded = false;
    for (const { exception, expression } of rules) {
      if (prefixes.some((prefix) => expression.test(prefix))) excluded = !exception;
    }
    return excluded;
  };
  return { excludes, prunes: (folder) => !hasExceptions && excludes(folder) };
}

function ruleOf(line: string): Rule | undefined {
  const exception = line.startsWith("!");
  const written = (exception ? line.slice(1) : line).trim();
  const parts: string[] = [];
  for (const part of written.split("/")) {
    if (part === "" || part === ".") continue;
    if (part === "..") parts.pop();
    else parts.push(part);
  }
  // The context's root itself cannot be left out.
  return parts.length === 0 ? undefined : { exception, expression: expressionOf(parts.join("/"), written) };
}

function expressionOf(pattern: string, written: string): RegExp {
  let source = "";
  for (let at = 0; at < pattern.length; at++) {
    const rest = pattern.slice(at);
    const set = /^\[[^\]]+\]/.exec(rest)?.[0];
    if (rest.startsWith("**/")) {
      source += "(?:.*/)?";
      at += 2;
    } else if (rest.startsWith("**")) {
      source += ".*";
      at += 1;
    } else if (rest.startsWith("*")) source += "[^/]*";
    else if (rest.startsWith("?")) source += "[^/]";
    else if (set !== undefined) {
      source += set;
      at += set.length - 1;
    } else if (rest.startsWith("\\") && rest.length > 1) {
      source += literal(rest.charAt(1));
      at += 1;
    } else source += literal(rest.charAt(0));
  }
  const expression = `^${source}$`;
  try {
    return new RegExp(expression, "su");
  } catch (error) {
    throw new Error(`.dockerignore has the pattern ${JSON.stringify(written)}, which cannot be read`, { cause: error });
  }
}

function literal(character: string): string {
  return character.replace(/[\\^$.*+?()[\]{}|/]/, "\\$&");
}
