/** The provider's configuration: what programs may set (provider.d.ts of @pulumi/kubernetes), and by which variables. */
import { isMap } from "@automatos/provider-plugin";
import type { PropertyMap, PropertyValue } from "@automatos/provider-plugin";
import { toManifest } from "../manifest/properties.ts";
import { text } from "../manifest/manifest.ts";

export interface Settings {
  /** A kubeconfig's text, or a path to one; undefined for where kubectl looks. */
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
  readonly cluster: string | undefined;
  /** For objects of namespaced kinds that name none. */
  readonly namespace: string | undefined;
  /** Manifests are written there, and no cluster is spoken to. */
  readonly renderYamlToDirectory: string | undefined;
  readonly alwaysRender: boolean;
  readonly deleteUnreachable: boolean;
  readonly skipUpdateUnreachable: boolean;
  readonly enableConfigMapMutable: boolean;
  readonly enableSecretMutable: boolean;
  readonly enablePatchForce: boolean;
  readonly upsertExistingObjects: boolean;
  readonly suppressDeprecationWarnings: boolean;
  readonly suppressHelmHookWarnings: boolean;
  /** Limit of a single request; undefined for the server's own. */
  readonly timeoutSeconds: number | undefined;
  readonly helm: HelmSettings;
}

export interface HelmSettings {
  readonly pluginsPath: string | undefined;
  readonly registryConfigPath: string | undefined;
  readonly repositoryCache: string | undefined;
  readonly repositoryConfigPath: string | undefined;
}

export type Environment = Readonly<Record<string, string | undefined>>;

const FLAG_VARIABLES = {
  deleteUnreachable: "PULUMI_K8S_DELETE_UNREACHABLE",
  skipUpdateUnreachable: "PULUMI_K8S_SKIP_UPDATE_UNREACHABLE",
  enableConfigMapMutable: "PULUMI_K8S_ENABLE_CONFIGMAP_MUTABLE",
  enableSecretMutable: "PULUMI_K8S_ENABLE_SECRET_MUTABLE",
  enablePatchForce: "PULUMI_K8S_ENABLE_PATCH_FORCE",
  upsertExistingObjects: "PULUMI_K8S_UPSERT_EXISTING_OBJECTS",
  suppressDeprecationWarnings: "PULUMI_K8S_SUPPRESS_DEPRECATION_WARNINGS",
  suppressHelmHookWarnings: "PULUMI_K8S_SUPPRESS_HELM_HOOK_WARNINGS",
} as const;

export function parseSettings(config: PropertyMap, environment: Environment): Settings {
  const plain = toManifest(config) as Readonly<Record<string, PropertyValue>>;
  const flag = (name: string, variable?: string) => flagOf(plain[name] ?? (variable && environment[variable]));
  const flags = Object.fromEntries(
    Object.entries(FLAG_VARIABLES).map(([name, variable]) => [name, flag(name, variable)]),
  ) as Record<keyof typeof FLAG_VARIABLES, boolean>;
  return {
    ...flags,
    kubeconfig: textOf(plain["kubeconfig"]),
    context: textOf(plain["context"]),
    cluster: textOf(plain["cluster"]),
    namespace: textOf(plain["namespace"]),
    renderYamlToDirectory: textOf(plain["renderYamlToDirectory"]),
    alwaysRender: flag("alwaysRender"),
    timeoutSeconds: timeoutOf(plain["kubeClientSettings"], environment["PULUMI_K8S_CLIENT_TIMEOUT"]),
    helm: helmSettings(plain["helmReleaseSettings"], environment),
  };
}

/** Flags reach a provider as booleans or as their JSON. */
export function flagOf(value: PropertyValue | undefined): boolean {
  return value === true || value === "true";
}

/** Maps are the JSON of a kubeconfig that a program gave as an object; an empty text is none. */
export function textOf(value: PropertyValue | undefined): string | undefined {
  if (value !== undefined && isMap(value)) return JSON.stringify(value);
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** Settings in groups come as objects, or as JSON in a string. @throws when it is neither */
function groupOf(name: string, value: PropertyValue | undefined): PropertyMap {
  if (value === undefined || value === null || value === "") return {};
  if (isMap(value)) return value;
  try {
    const parsed: unknown = typeof value === "string" ? JSON.parse(value) : undefined;
    if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) return parsed as PropertyMap;
  } catch {
    // Told below.
  }
  throw new Error(`kubernetes:${name} is no object; give it as one, or as its JSON`);
}

function timeoutOf(group: PropertyValue | undefined, variable: string | undefined): number | undefined {
  const given = toManifest(groupOf("kubeClientSettings", group))["timeout"] ?? variable ?? "";
  if (given === "") return undefined;
  const seconds = Number(given);
  if (Number.isFinite(seconds) && seconds >= 0) return seconds;
  throw new Error(`kubernetes:kubeClientSettings.timeout is ${JSON.stringify(given)}; it is a number of seconds`);
}

function helmSettings(group: PropertyValue | undefined, environment: Environment): HelmSettings {
  const settings = toManifest(groupOf("helmReleaseSettings", group));
  const pick = (name: string, variable: string) => {
    const value = text(settings, name) || (environment[variable] ?? "");
    return value === "" ? undefined : value;
  };
  return {
    pluginsPath: pick("pluginsPath", "PULUMI_K8S_HELM_PLUGINS_PATH"),
    registryConfigPath: pick("registryConfigPath", "PULUMI_K8S_HELM_REGISTRY_CONFIG_PATH"),
    repositoryCache: pick("repositoryCache", "PULUMI_K8S_HELM_REPOSITORY_CACHE"),
    repositoryConfigPath: pick("repositoryConfigPath", "PULUMI_K8S_HELM_REPOSITORY_CONFIG_PATH"),
  };
}
