/** Services and Ingresses: ready when traffic can reach what they stand for. */
import { field, isManifest, list, text } from "../manifest/manifest.ts";
import type { Manifest } from "../manifest/manifest.ts";
import { ready, waiting } from "./verdict.ts";
import type { Judge, Verdict, View } from "./verdict.ts";

const ENDPOINTS = { apiVersion: "v1", kind: "Endpoints" } as const;
const SERVICE = { apiVersion: "v1", kind: "Service" } as const;

/** So long must nothing change before pods that are not there are no longer expected. */
const SETTLED_MS = 10_000;
/** An Ingress may stand before its Services: so long are these waited for. */
const INGRESS_GRACE_MS = 60_000;

export const serviceJudge: Judge = {
  related: [ENDPOINTS],
  judge(view) {
    const { object } = view;
    const needsAddress = text(object, "spec", "type") === "LoadBalancer";
    const hasAddress = list(object, "status", "loadBalancer", "ingress").length > 0;
    const reasons: string[] = [];
    if (needsAddress && !hasAddress)
      reasons.push("Service was not allocated an IP address; does your cloud provider support this?");
    const traffic = sendsToPods(object) ? endpointsVerdict(view) : undefined;
    if (traffic !== undefined && traffic.state !== "ready") {
      return { ...traffic, reasons: [...traffic.reasons, ...reasons] };
    }
    if (reasons.length > 0) return waiting("waiting for the Service's address", reasons);
    return ready("Service initialization complete");
  },
};

/** ExternalName, headless and selector-less Services send nothing to pods that they choose. */
function sendsToPods(service: Manifest): boolean {
  const selector = field(service, "spec", "selector");
  return (
    text(service, "spec", "type") !== "ExternalName" &&
    text(service, "spec", "clusterIP") !== "None" &&
    isManifest(selector) &&
    Object.keys(selector).length > 0
  );
}

/** Some pods ready and none on their way; or none at all, and none to come. */
function endpointsVerdict(view: View): Verdict {
  const endpoints = view.of("Endpoints").find((one) => sameName(one, view.object));
  const subsets = endpoints === undefined ? [] : list(endpoints, "subsets");
  const any = (name: string) => subsets.some((subset) => list(subset, name).length > 0);
  const pending = any("notReadyAddresses");
  if (any("addresses") && !pending) return ready("");
  const reasons = [
    pending
      ? "Service targets Pods that are not ready"
      : "Service does not target any Pods. Selected Pods may not be ready, or field '.spec.selector' may not match labels on any Pods",
  ];
  const progress = "finding Pods to direct traffic to";
  if (endpoints === undefined || pending) return waiting(progress, reasons);
  const quietMs = view.quietMs("Endpoints");
  if (quietMs >= SETTLED_MS) return ready("");
  return { ...waiting(progress, reasons), againInMs: SETTLED_MS - quietMs };
}

export const ingressJudge: Judge = {
  related: [SERVICE, ENDPOINTS],
  judge(view) {
    const { object } = view;
    const missing = backendsOf(object).filter((name) => !isServed(view, name));
    const quietMs = Math.min(view.quietMs("Endpoints"), view.quietMs("Service"));
    const settled = quietMs >= (view.of("Endpoints").length === 0 ? INGRESS_GRACE_MS : SETTLED_MS);
    const reasons: string[] = [];
    if (missing.length > 0)
      reasons.push(`Ingress has at least one rule with an unavailable target endpoint: ${missing.join(", ")}`);
    const hasAddress = list(object, "status", "loadBalancer", "ingress").length > 0;
    if (!hasAddress) reasons.push("Ingress .status.loadBalancer field was not updated with a hostname/IP address");
    if (hasAddress && (missing.length === 0 || settled)) return ready("Ingress initialization complete");
    const progress =
      missing.length > 0 && !settled
        ? "finding a matching Service for each Ingress path"
        : "waiting for .status.loadBalancer to have a hostname or IP address";
    return { ...waiting(progress, reasons), ...(settled ? {} : { againInMs: SETTLED_MS }) };
  },
};

/** Names of Services that the rules send to. */
function backendsOf(ingress: Manifest): string[] {
  const names = list(ingress, "spec", "rules")
    .flatMap((rule) => list(rule, "http", "paths"))
    .map((path) => text(path, "backend", "service", "name") || text(path, "backend", "serviceName"))
    .filter((name) => name !== "");
  return [...new Set(names)];
}

function isServed(view: View, name: string): boolean {
  const named = (one: Manifest) => text(one, "metadata", "name") === name;
  const external = view.of("Service").find(named);
  return text(external, "spec", "type") === "ExternalName" || view.of("Endpoints").some(named);
}

function sameName(one: Manifest, other: Manifest): boolean {
  return text(one, "metadata", "name") === text(other, "metadata", "name");
}
