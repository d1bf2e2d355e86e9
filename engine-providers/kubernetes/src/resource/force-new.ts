/**
 * Fields that no API server lets change on an object that exists: their change makes another object.
 * Facts: Kubernetes' API validation of updates, and which of it Pulumi's provider treats so (provider/pkg/provider/diff.go).
 */
import { isList } from "@automatos/provider-plugin";
import { apiVersionOf, field, isManifest, kindOf } from "../manifest/manifest.ts";
import type { Manifest, ManifestValue } from "../manifest/manifest.ts";

/** Of a detailed diff: keys, and indexes of lists. */
export type FieldPath = readonly (string | number)[];

export interface MutabilitySettings {
  readonly enableConfigMapMutable: boolean;
  readonly enableSecretMutable: boolean;
}

/** `*` stands for any index. */
type Pattern = readonly string[];

const IDENTITY = ["metadata.name", "metadata.namespace"];

const VOLUME_SOURCES =
  "awsElasticBlockStore azureDisk azureFile cephfs cinder csi fc flexVolume flocker gcePersistentDisk glusterfs hostPath " +
  "iscsi local nfs photonPersistentDisk portworxVolume quobyte rbd scaleIO storageos vsphereVolume";

const POD_FIELDS =
  "affinity automountServiceAccountToken dnsConfig dnsPolicy enableServiceLinks hostAliases hostIPC hostNetwork hostPID " +
  "hostname imagePullSecrets nodeName nodeSelector overhead preemptionPolicy priority priorityClassName readinessGates " +
  "restartPolicy runtimeClassName schedulerName securityContext serviceAccount serviceAccountName shareProcessNamespace " +
  "subdomain terminationGracePeriodSeconds volumes";

const CONTAINER_FIELDS =
  "args command env image imagePullPolicy lifecycle livenessProbe ports readinessProbe resources securityContext stdin " +
  "stdinOnce terminationMessagePath terminationMessagePolicy tty volumeDevices volumeMounts workingDir";

const each = (prefix: string, names: string) => names.split(" ").map((name) => `${prefix}.${name}`);

const FORCE_NEW: Readonly<Record<string, readonly string[]>> = {
  "apps/DaemonSet": ["spec.selector"],
  "apps/Deployment": ["spec.selector"],
  "apps/StatefulSet": each(
    "spec",
    "podManagementPolicy revisionHistoryLimit selector serviceName volumeClaimTemplates",
  ),
  "batch/Job": each("spec", "completions parallelism selector template"),
  "rbac.authorization.k8s.io/ClusterRoleBinding": ["roleRef"],
  "rbac.authorization.k8s.io/RoleBinding": ["roleRef"],
  "storage.k8s.io/StorageClass": ["parameters", "provisioner"],
  "/PersistentVolume": each("spec", VOLUME_SOURCES),
  "/PersistentVolumeClaim": each("spec", "accessModes selector storageClassName volumeName"),
  "/Pod": [
    ...each("spec", POD_FIELDS),
    ...each("spec.containers.*", CONTAINER_FIELDS),
    ...each("spec.initContainers.*", CONTAINER_FIELDS),
  ],
  "/ResourceQuota": ["spec.scopes"],
  "/Secret": ["type"],
  "/Service": ["spec.clusterIP"],
};

export function forceNewPatterns(manifest: Manifest, isPatch: boolean, settings: MutabilitySettings): Pattern[] {
  const patterns = isPatch ? IDENTITY : [...IDENTITY, ...ofKind(manifest), ...contentsOf(manifest, settings)];
  return patterns.map((pattern) => pattern.split("."));
}

function ofKind(manifest: Manifest): readonly string[] {
  const apiVersion = apiVersionOf(manifest);
  const group = apiVersion.includes("/") ? apiVersion.slice(0, apiVersion.indexOf("/")) : "";
  return FORCE_NEW[`${group}/${kindOf(manifest)}`] ?? [];
}

/** Pods do not notice when what they were given changes: by default another object is made, which they are given. */
function contentsOf(manifest: Manifest, settings: MutabilitySettings): readonly string[] {
  if (apiVersionOf(manifest) !== "v1") return [];
  const immutable = field(manifest, "immutable") === true;
  if (kindOf(manifest) === "Secret" && (!settings.enableSecretMutable || immutable)) return ["stringData", "data"];
  if (kindOf(manifest) === "ConfigMap" && (!settings.enableConfigMapMutable || immutable))
    return ["binaryData", "data"];
  return [];
}

/** Whether a change at `path`, to `value`, touches one of the patterns: is in it, or brings it along. */
export function touches(patterns: readonly Pattern[], path: FieldPath, value: ManifestValue | undefined): boolean {
  return patterns.some((pattern) => touchesOne(pattern, path, value));
}

function touchesOne(pattern: Pattern, path: FieldPath, value: ManifestValue | undefined): boolean {
  const common = Math.min(pattern.length, path.length);
  for (let index = 0; index < common; index += 1) {
    const step = path[index];
    const matches = pattern[index] === "*" ? typeof step === "number" : pattern[index] === step;
    if (!matches) return false;
  }
  return holds(value, pattern.slice(common));
}

function holds(value: ManifestValue | undefined, pattern: Pattern): boolean {
  const [step, ...rest] = pattern;
  if (step === undefined) return true;
  if (value === undefined) return false;
  if (step === "*") return isList(value) && value.some((item) => holds(item, rest));
  return isManifest(value) && Object.hasOwn(value, step) && holds(value[step], rest);
}
