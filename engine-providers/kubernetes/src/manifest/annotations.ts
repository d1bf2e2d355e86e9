/** The annotations by which a program steers this provider, one object at a time. */
import { field, isManifest, text, withField } from "./manifest.ts";
import type { Manifest } from "./manifest.ts";

export const ANNOTATION = {
  autonamed: "pulumi.com/autonamed",
  skipAwait: "pulumi.com/skipAwait",
  waitFor: "pulumi.com/waitFor",
  timeoutSeconds: "pulumi.com/timeoutSeconds",
  replaceUnready: "pulumi.com/replaceUnready",
  patchForce: "pulumi.com/patchForce",
  patchFieldManager: "pulumi.com/patchFieldManager",
  deletionPropagation: "pulumi.com/deletionPropagationPolicy",
} as const;

export const HELM_HOOK_PREFIX = "helm.sh/hook";

export function annotation(manifest: Manifest, key: string): string {
  return text(manifest, "metadata", "annotations", key);
}

export function isAnnotated(manifest: Manifest, key: string): boolean {
  return annotation(manifest, key) === "true";
}

/** Left as it is where metadata or annotations are not known yet. */
export function annotate(manifest: Manifest, key: string, value: string): Manifest {
  const annotations = field(manifest, "metadata", "annotations");
  const known =
    isManifest(field(manifest, "metadata")) &&
    (annotations === undefined || annotations === null || isManifest(annotations));
  return known ? withField(manifest, ["metadata", "annotations", key], value) : manifest;
}

const DEFAULT_TIMEOUT_SECONDS = 600;

/** The option `customTimeouts`, else the annotation, else ten minutes. */
export function timeoutSecondsOf(manifest: Manifest, customTimeoutSeconds: number): number {
  if (customTimeoutSeconds > 0) return customTimeoutSeconds;
  const annotated = annotation(manifest, ANNOTATION.timeoutSeconds);
  return /^\d+$/.test(annotated) ? Number(annotated) : DEFAULT_TIMEOUT_SECONDS;
}

export type Propagation = "Foreground" | "Background" | "Orphan";

export function propagationOf(manifest: Manifest): Propagation {
  const wanted = annotation(manifest, ANNOTATION.deletionPropagation).toLowerCase();
  if (wanted === "orphan") return "Orphan";
  return wanted === "background" ? "Background" : "Foreground";
}
