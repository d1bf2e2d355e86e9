/** Whether objects of a kind live in a namespace: known, declared by the program, or asked of the cluster. */
import { field, isCustomResourceDefinition, list, text } from "../manifest/manifest.ts";
import type { Manifest } from "../manifest/manifest.ts";
import type { Discovery } from "./discovery.ts";
import { KindUnknownError } from "./errors.ts";

/** Of Kubernetes' own API groups; all of their other kinds live in a namespace. */
const CLUSTER_WIDE = new Set(
  (
    "APIService CSIDriver CSINode CertificateSigningRequest ClusterRole ClusterRoleBinding ClusterTrustBundle " +
    "ComponentStatus CustomResourceDefinition DeviceClass DeviceTaintRule FlowSchema IPAddress IngressClass " +
    "MutatingAdmissionPolicy MutatingAdmissionPolicyBinding MutatingWebhookConfiguration Namespace Node " +
    "PersistentVolume PodSecurityPolicy PriorityClass PriorityLevelConfiguration ResourceSlice RuntimeClass " +
    "SelfSubjectAccessReview SelfSubjectReview SelfSubjectRulesReview ServiceCIDR StorageClass StorageVersion " +
    "StorageVersionMigration SubjectAccessReview TokenReview ValidatingAdmissionPolicy " +
    "ValidatingAdmissionPolicyBinding ValidatingWebhookConfiguration VolumeAttachment VolumeAttributesClass"
  ).split(" "),
);

const OWN_GROUPS = new Set(
  (
    "admissionregistration.k8s.io apiextensions.k8s.io apiregistration.k8s.io apps authentication.k8s.io " +
    "authorization.k8s.io autoscaling batch certificates.k8s.io coordination.k8s.io discovery.k8s.io events.k8s.io " +
    "extensions flowcontrol.apiserver.k8s.io internal.apiserver.k8s.io networking.k8s.io node.k8s.io policy " +
    "rbac.authorization.k8s.io resource.k8s.io scheduling.k8s.io storage.k8s.io storagemigration.k8s.io"
  ).split(" "),
);

export function groupOf(apiVersion: string): string {
  return apiVersion.includes("/") ? apiVersion.slice(0, apiVersion.indexOf("/")) : "";
}

export function isOwnGroup(apiVersion: string): boolean {
  const group = groupOf(apiVersion);
  return group === "" || OWN_GROUPS.has(group);
}

export class Scopes {
  /** By `group/Kind`. */
  readonly #declared = new Map<string, boolean>();

  /** Remembers what definitions among them say of the kinds to come. */
  declare(manifests: readonly Manifest[]): void {
    for (const manifest of manifests.filter(isCustomResourceDefinition)) {
      const scope = field(manifest, "spec", "scope");
      if (typeof scope !== "string") continue;
      const group = text(manifest, "spec", "group");
      const kind = text(manifest, "spec", "names", "kind");
      if (kind !== "" && list(manifest, "spec", "versions").length > 0)
        this.#declared.set(`${group}/${kind}`, scope === "Namespaced");
    }
  }

  /** Undefined when it cannot be told: no such kind in the cluster, or no cluster. */
  async isNamespaced(apiVersion: string, kind: string, discovery: Discovery | undefined): Promise<boolean | undefined> {
    if (isOwnGroup(apiVersion)) return !CLUSTER_WIDE.has(kind);
    const declared = this.#declared.get(`${groupOf(apiVersion)}/${kind}`);
    if (declared !== undefined || discovery === undefined) return declared;
    try {
      return (await discovery.kind(apiVersion, kind)).namespaced;
    } catch (error) {
      if (error instanceof KindUnknownError) return undefined;
      throw error;
    }
  }
}
