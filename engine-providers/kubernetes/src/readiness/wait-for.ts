/** What a program itself waits for: the annotation pulumi.com/waitFor. */
import { isManifest, number } from "../manifest/manifest.ts";
import type { Manifest, ManifestValue } from "../manifest/manifest.ts";
import { findByJsonPath, matchesJsonPath, parseJsonPath, plainText } from "./json-path.ts";
import { conditionOf, ready, waiting } from "./verdict.ts";
import type { Judge } from "./verdict.ts";

interface Wish {
  readonly words: string;
  isMet(object: Manifest): boolean;
  /** What is found instead. */
  found(object: Manifest): string;
}

/**
 * @param annotation `jsonpath=...`, `condition=Type` or `condition=Type=Status`; or several, as a JSON array.
 * @throws when it is none of these
 */
export function waitForJudge(annotation: string): Judge {
  const wishes = expressionsOf(annotation).map(parseWish);
  if (wishes.length === 0) throw new Error("pulumi.com/waitFor: at least one condition must be specified");
  return {
    related: [],
    judge({ object }) {
      const open = isStale(object) ? wishes : wishes.filter((wish) => !wish.isMet(object));
      if (open.length === 0) return ready(`found ${wishes.map(({ words }) => words).join(", ")}`);
      const reasons = open.map((wish) => `waiting for ${wish.words} (found ${wish.found(object)})`);
      return waiting(reasons[0] ?? "", reasons);
    },
  };
}

function expressionsOf(annotation: string): string[] {
  try {
    const parsed: unknown = JSON.parse(annotation);
    if (Array.isArray(parsed)) return parsed.map(String);
  } catch {
    // A single expression.
  }
  return [annotation];
}

function parseWish(expression: string): Wish {
  if (expression.startsWith("jsonpath=")) {
    const path = parseJsonPath(expression.slice("jsonpath=".length));
    return {
      words: path.text,
      isMet: (object) => matchesJsonPath(path, object),
      found: (object) => shown(findByJsonPath(path, object)),
    };
  }
  if (expression.startsWith("condition=")) {
    const [type = "", status = "True"] = expression.slice("condition=".length).split("=");
    const statusOf = (object: Manifest) => conditionOf(object, type)?.["status"];
    return {
      words: `condition ${type}=${status}`,
      isMet: (object) => plainText(statusOf(object))?.toLowerCase() === status.toLowerCase(),
      found: (object) => shown(statusOf(object)),
    };
  }
  throw new Error(
    `pulumi.com/waitFor: expected a "jsonpath=" or "condition=" prefix, got ${JSON.stringify(expression)}`,
  );
}

function shown(value: ManifestValue | undefined): string {
  return value === undefined ? "nothing" : JSON.stringify(value);
}

/** What a controller says of an earlier generation says nothing of this one. */
function isStale(object: Manifest): boolean {
  const observed = isManifest(object["status"]) ? number(object, "status", "observedGeneration") : undefined;
  return observed !== undefined && observed < (number(object, "metadata", "generation") ?? 0);
}
