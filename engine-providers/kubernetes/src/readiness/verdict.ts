/** How the readiness of an object is judged: from copies of it and of what belongs to it, by a pure function per kind. */
import { field, isManifest, list, number, text } from "../manifest/manifest.ts";
import type { Manifest } from "../manifest/manifest.ts";

/** What a judge sees at one moment. */
export interface View {
  readonly object: Manifest;
  /** The object before the update that is waited for; undefined after its creation. */
  readonly before: Manifest | undefined;
  /** The objects of a {@link Judge.related} kind, in the object's namespace or in none. */
  of(kind: string): readonly Manifest[];
  /** Milliseconds since anything of that kind last changed; infinite when only one look is taken. */
  quietMs(kind: string): number;
}

export interface Verdict {
  /** `failed` is what no waiting mends. */
  readonly state: "ready" | "waiting" | "failed";
  /** What is waited for, or was reached. */
  readonly progress: string;
  /** Why it is not ready, most telling first. */
  readonly reasons: readonly string[];
  /** When it must be judged again though nothing changes. */
  readonly againInMs?: number;
}

export interface Judge {
  readonly related: readonly { readonly apiVersion: string; readonly kind: string; readonly clusterWide?: boolean }[];
  judge(view: View): Verdict;
}

export function ready(progress: string): Verdict {
  return { state: "ready", progress, reasons: [] };
}

export function waiting(progress: string, reasons: readonly string[] = []): Verdict {
  return { state: "waiting", progress, reasons };
}

export function failed(reasons: readonly string[]): Verdict {
  return { state: "failed", progress: reasons[0] ?? "failed", reasons };
}

/** Undefined when the object has no such condition. */
export function conditionOf(manifest: Manifest, type: string): Manifest | undefined {
  const found = list(manifest, "status", "conditions").find(
    (condition) => text(condition, "type").toLowerCase() === type.toLowerCase(),
  );
  return isManifest(found) ? found : undefined;
}

export function isTrue(condition: Manifest | undefined): boolean {
  return condition !== undefined && text(condition, "status") === "True";
}

/** `[Reason] message` of a condition that is not met; empty when it says nothing. */
export function wordsOf(condition: Manifest | undefined): string {
  const [reason, message] = [text(condition, "reason"), text(condition, "message")];
  if (message === "") return "";
  return reason === "" ? message : `[${reason}] ${message}`;
}

/** Whether the controller has seen the object as it is now. */
export function isObserved(manifest: Manifest): boolean {
  const observed = number(manifest, "status", "observedGeneration");
  const generation = number(manifest, "metadata", "generation");
  return observed !== undefined && (generation === undefined || observed >= generation);
}

export function count(manifest: Manifest, name: string): number {
  return number(manifest, "status", name) ?? 0;
}

/** `namespace/name`, without the namespace `default`. */
export function shortName(manifest: Manifest): string {
  const namespace = text(manifest, "metadata", "namespace");
  const name = text(manifest, "metadata", "name");
  return namespace === "" || namespace === "default" ? name : `${namespace}/${name}`;
}

export function hasField(manifest: Manifest, ...path: readonly string[]): boolean {
  return field(manifest, ...path) !== undefined;
}
