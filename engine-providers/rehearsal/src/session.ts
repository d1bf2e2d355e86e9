/** One configured provider: its place in the pretended cloud, and the rules of this rehearsal. */
import type { PropertyMap } from "@automatos/provider-plugin";
import { CloudStore } from "./cloud-store.ts";
import type { CloudObject } from "./cloud-store.ts";
import { Faults } from "./faults.ts";
import { readKubeconfig } from "./kubeconfig.ts";
import type { KubeconfigCluster } from "./kubeconfig.ts";
import type { CloudDefinition, ConfiguredCloud } from "./model.ts";
import { rehearsalPlace } from "./rehearsal-folder.ts";
import { RehearsedCloud } from "./rehearsed-cloud.ts";
import type { SdkCatalogue } from "./sdk-catalogue.ts";
import type { JsonMap } from "./sealing.ts";
import { fits, SettingsError } from "./settings.ts";
import type { ExistingResource, RehearsalSettings } from "./settings.ts";

export interface Session {
  readonly definition: CloudDefinition;
  /** Where it is kept, absolute. */
  readonly folder: string;
  readonly configured: ConfiguredCloud;
  readonly cloud: RehearsedCloud;
  readonly store: CloudStore;
  readonly clusters: Clusters;
}

/** The real clusters behind rehearsed ones. */
export interface Clusters {
  of(names: readonly string[]): KubeconfigCluster | undefined;
  readonly only: KubeconfigCluster | undefined;
}

/** @throws SettingsError, KubeconfigError, and what the cloud says to its configuration */
export function openSession(
  definition: CloudDefinition,
  catalogue: SdkCatalogue,
  config: PropertyMap,
  from: { readonly environment: NodeJS.ProcessEnv; readonly workFolder: string },
): Session {
  const { folder, settings } = rehearsalPlace(config, from.environment, from.workFolder);
  refuseUnknownNames(folder, settings, definition, catalogue);
  const configured = definition.configure(config, from.environment);
  const existing = settings.existing
    .filter(({ type }) => type.startsWith(`${definition.name}:`))
    .map((resource) => existingObject(resource, definition));
  const store = new CloudStore(folder, definition.name, existing);
  const clusters = clustersOf(settings);
  const cloud = new RehearsedCloud({
    definition,
    store,
    settings,
    faults: new Faults(settings.faults),
    clusterOf: (names) => clusters.of(names),
  });
  return { definition, folder, configured, cloud, store, clusters };
}

/** A fault that can never strike is a mistake in the settings, and a test that passes for nothing. */
function refuseUnknownNames(
  folder: string,
  settings: RehearsalSettings,
  definition: CloudDefinition,
  catalogue: SdkCatalogue,
): void {
  const permissions = new Set(
    [...definition.models.values()].flatMap((model) => Object.values(model.permissions).flat()),
  );
  const types = [
    ...settings.faults.flatMap((fault) => ("type" in fault ? fault.type : [])),
    ...settings.existing.map(({ type }) => type),
    ...Object.keys(settings.quotas),
  ];
  for (const type of types) {
    if (!type.startsWith(`${definition.name}:`) || type.includes("*") || catalogue.classOf(type) !== undefined)
      continue;
    throw new SettingsError(folder, `${definition.sdk} ${catalogue.version} has no resource type ${type}`);
  }
  for (const fault of settings.faults) {
    if (fault.fault !== "permission-denied" || !definition.isPermission(fault.permission)) continue;
    if ([...permissions].some((permission) => fits(fault.permission, permission))) continue;
    throw new SettingsError(folder, `no action that is modelled needs the permission ${fault.permission}`);
  }
}

function existingObject({ type, id, properties }: ExistingResource, definition: CloudDefinition): CloudObject {
  const outputs = properties as JsonMap;
  const texts = ["name", "arn", "selfLink"].flatMap((key) => (typeof outputs[key] === "string" ? [outputs[key]] : []));
  return {
    type,
    id,
    name: id,
    urn: "",
    seed: id,
    handles: [...new Set([id, ...texts].map((text) => definition.normalise(text)))],
    unique: [],
    quotaScope: "",
    holds: [],
    inputs: outputs,
    outputs: { ...outputs, id },
    createdAt: new Date(0).toISOString(),
    settling: 0,
  };
}

function clustersOf(settings: RehearsalSettings): Clusters {
  const clusters = settings.clusters.map(({ name, kubeconfig, context }) => ({
    name,
    cluster: readKubeconfig(kubeconfig, context),
  }));
  return {
    of: (names) => clusters.find((candidate) => names.some((name) => fits(candidate.name, name)))?.cluster,
    only: clusters.length === 1 ? clusters[0]?.cluster : undefined,
  };
}
