/** Type tokens of @pulumi/kubernetes: `kubernetes:<group>/<version>:<Kind>`, with `core` for the group without a name. */
import type { ObjectReference } from "../manifest/manifest.ts";

export function kindFromType(type: string): Pick<ObjectReference, "apiVersion" | "kind"> {
  const [, module = "", kind = ""] = type.split(":");
  return { apiVersion: module.replace(/^core\//, ""), kind };
}

export function kindNameOf(type: string): string {
  return type.split(":").at(-1) ?? "";
}

/** A `*Patch` of the SDK: some fields of an object that others have made. */
export function isPatchType(type: string, kind: string): boolean {
  return kindNameOf(type) === `${kind}Patch`;
}

export const isHelmRelease = (type: string): boolean => /^kubernetes:helm\.sh\/v3:Release$/.test(type);
