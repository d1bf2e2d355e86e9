import { createHash, randomBytes } from "node:crypto";
import type { PropertyMap } from "@automatos/engine/property";
import type { CheckRequest } from "../provider.ts";
import { plain } from "./values.ts";

const SUFFIX_HEX_DIGITS = 7;

/**
 * The name of a resource whose program gives none: its own with a random suffix, as Pulumi names things, so that a
 * replacement can stand beside what it replaces. A name that was made so is kept.
 */
export function autoName(request: CheckRequest): string {
  const old = request.oldInputs && nameIn(request.oldInputs);
  if (old !== undefined && isAutoName(request.name, old)) return old;
  const digits =
    request.randomSeed.length > 0
      ? createHash("sha256").update(request.randomSeed).update(request.urn).digest("hex")
      : randomBytes(SUFFIX_HEX_DIGITS).toString("hex");
  return `${request.name}-${digits.slice(0, SUFFIX_HEX_DIGITS)}`;
}

export function isAutoName(resourceName: string, name: string): boolean {
  const suffix = name.startsWith(`${resourceName}-`) ? name.slice(resourceName.length + 1) : "";
  return new RegExp(`^[0-9a-f]{${SUFFIX_HEX_DIGITS}}$`).test(suffix);
}

export function nameIn(inputs: PropertyMap): string | undefined {
  const name = plain(inputs["name"] ?? null);
  return typeof name === "string" ? name : undefined;
}
