/**
 * Who manages which fields of an object (`metadata.managedFields`, server-side apply). A set of fields is nested maps:
 * `f:<name>` for a field, `k:<keys>` for a list's element, `v:<value>` for a set's; `{}` is all that is below.
 */
import { isList } from "@automatos/provider-plugin";
import { field, isManifest, list, text } from "../manifest/manifest.ts";
import type { Manifest, ManifestValue } from "../manifest/manifest.ts";

/** Managers by which earlier writes of one's own, and kubectl's, are known: their fields are taken over. */
const OWN_WRITERS = new Set(["pulumi-kubernetes", "pulumi-kubernetes.exe", "pulumi-resource-kubernetes"]);

function isOwnWrite(entry: Manifest): boolean {
  return text(entry, "operation") === "Update" && OWN_WRITERS.has(text(entry, "manager"));
}

function isTakenOver(entry: Manifest): boolean {
  if (text(entry, "subresource") !== "") return false;
  if (isOwnWrite(entry)) return true;
  return text(entry, "manager").startsWith("kubectl") || text(entry, "manager") === "before-first-apply";
}

/** Objects from before there were managers: nobody can be in conflict. */
export function hasNoManagers(live: Manifest): boolean {
  return entriesOf(live).length === 0;
}

/** Whether this provider made or wrote it without applying it, which an update will take over first. */
export function hasOwnWrites(live: Manifest): boolean {
  return entriesOf(live).some(isOwnWrite);
}

/**
 * The entries with all that is taken over given to `manager`, as if it had applied it: what it no longer applies will
 * then be removed. Undefined when there is nothing to take over.
 */
export function takeOver(live: Manifest, manager: string): readonly Manifest[] | undefined {
  const entries = entriesOf(live);
  const taken = entries.filter((entry) => isTakenOver(entry));
  const [first] = taken;
  if (first === undefined) return undefined;
  const isApplied = (entry: Manifest) =>
    text(entry, "manager") === manager && text(entry, "operation") === "Apply" && text(entry, "subresource") === "";
  const before = entries.find(isApplied);
  const fields = [before, ...taken].map((entry) => field(entry, "fieldsV1")).filter(isManifest);
  const merged = { ...(before ?? first), manager, operation: "Apply", fieldsV1: fields.reduce(union, {}) };
  return [...entries.filter((entry) => !taken.includes(entry) && !isApplied(entry)), merged];
}

function union(one: Manifest, other: Manifest): Manifest {
  const merged: Record<string, ManifestValue> = { ...one };
  for (const [key, value] of Object.entries(other)) {
    const known = merged[key];
    merged[key] = isManifest(known) && isManifest(value) ? union(known, value) : value;
  }
  return merged;
}

/** Whether others manage the field, and `manager` does not. */
export function isManagedByOthers(live: Manifest, manager: string, path: readonly (string | number)[]): boolean {
  const managing = entriesOf(live).filter((entry) => covers(field(entry, "fieldsV1"), path, live));
  const isOurs = (entry: Manifest) => text(entry, "manager") === manager || isOwnWrite(entry);
  return managing.length > 0 && !managing.some(isOurs);
}

function covers(set: ManifestValue | undefined, path: readonly (string | number)[], live: ManifestValue): boolean {
  if (!isManifest(set)) return false;
  const [step, ...rest] = path;
  if (step === undefined || Object.keys(set).length === 0) return true;
  if (typeof step === "string") {
    return covers(set[`f:${step}`], rest, (isManifest(live) ? live[step] : undefined) ?? null);
  }
  const element = isList(live) ? live[step] : undefined;
  const key = Object.keys(set).find((name) => name.startsWith("k:") && isKeyOf(name.slice(2), element));
  return key !== undefined && covers(set[key], rest, element ?? null);
}

function isKeyOf(keys: string, element: ManifestValue | undefined): boolean {
  const wanted = JSON.parse(keys) as Manifest;
  return Object.entries(wanted).every(([name, value]) => field(element, name) === value);
}

function entriesOf(live: Manifest): Manifest[] {
  return list(live, "metadata", "managedFields").filter(isManifest);
}
