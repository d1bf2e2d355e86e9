/** Names of objects whose programs give them none. */
import { createHash, randomBytes } from "node:crypto";
import { Unknown } from "@automatos/provider-plugin";
import { ANNOTATION, annotate, isAnnotated } from "../manifest/annotations.ts";
import { field, nameOf, text, withField } from "../manifest/manifest.ts";
import type { Manifest } from "../manifest/manifest.ts";

const SUFFIX_DIGITS = 8;

/** Has a name, or will have one when it is known. */
export function isNamed(manifest: Manifest): boolean {
  const name = field(manifest, "metadata", "name");
  return name instanceof Unknown || (typeof name === "string" && name !== "");
}

export function usesGenerateName(manifest: Manifest): boolean {
  if (isNamed(manifest)) return false;
  return (
    field(manifest, "metadata", "generateName") instanceof Unknown || text(manifest, "metadata", "generateName") !== ""
  );
}

/**
 * The old name where this provider chose it, else `<resource>-<8 hexadecimal digits>`; the annotation remembers that
 * it was chosen, so that a replacement may have another.
 * @param seed Random bytes on which preview and update agree; empty without any.
 */
export function autoname(
  inputs: Manifest,
  oldInputs: Manifest | undefined,
  resource: string,
  seed: Uint8Array,
): Manifest {
  if (isNamed(inputs) || field(inputs, "metadata") instanceof Unknown) return inputs;
  if (oldInputs !== undefined) {
    return isAnnotated(oldInputs, ANNOTATION.autonamed) ? named(inputs, nameOf(oldInputs)) : inputs;
  }
  if (usesGenerateName(inputs)) return inputs;
  return named(inputs, `${resource}-${suffix(seed, resource)}`);
}

function named(inputs: Manifest, name: string): Manifest {
  return annotate(withField(inputs, ["metadata", "name"], name), ANNOTATION.autonamed, "true");
}

function suffix(seed: Uint8Array, resource: string): string {
  const digits =
    seed.length === 0
      ? randomBytes(SUFFIX_DIGITS).toString("hex")
      : createHash("sha256").update(seed).update(resource).digest("hex");
  return digits.slice(0, SUFFIX_DIGITS);
}

/** Of server-side apply: the annotation's, else the one that the state remembers, else a new one. */
export function fieldManagerOf(inputs: Manifest, remembered: string): string {
  const chosen = text(inputs, "metadata", "annotations", ANNOTATION.patchFieldManager);
  return chosen || remembered || `pulumi-kubernetes-${randomBytes(SUFFIX_DIGITS / 2).toString("hex")}`;
}
