/** Whether a provider's configuration can work, and what a change of it means for its resources. */
import { Unknown } from "@automatos/provider-plugin";
import type { Checked, CheckFailure, Diff, PropertyMap, PropertyValue } from "@automatos/provider-plugin";
import { toManifest } from "../manifest/properties.ts";
import { parseKubeconfig } from "./kubeconfig.ts";
import { flagOf, textOf } from "./settings.ts";
import type { Environment } from "./settings.ts";

/** Choose the cluster: with manifests rendered to files there is none to choose. */
const CLUSTER_KEYS = ["kubeconfig", "context", "cluster"] as const;

interface ConfigQuery {
  readonly urn: string;
  readonly name: string;
  readonly inputs: PropertyMap;
}

export function checkConfig({ name, inputs }: ConfigQuery, environment: Environment): Checked {
  const plain = toManifest(inputs) as PropertyMap;
  const failures: CheckFailure[] = [
    ...strictModeFailures(name, plain, environment),
    ...renderFailures(plain, environment),
  ];
  if (plain["enableServerSideApply"] !== undefined && !flagOf(plain["enableServerSideApply"])) {
    const known = !(plain["enableServerSideApply"] instanceof Unknown);
    if (known && plain["enableServerSideApply"] !== null)
      failures.push({
        property: "enableServerSideApply",
        reason: "this provider works by server-side apply alone; remove the setting, or set it to true",
      });
  }
  return { inputs, failures };
}

function strictModeFailures(name: string, inputs: PropertyMap, environment: Environment): CheckFailure[] {
  const ofProgram = strictModeOfStack(environment["PULUMI_CONFIG"]);
  if (!flagOf(inputs["strictMode"] ?? ofProgram)) return [];
  const failures: CheckFailure[] = [];
  if (/^default(_|$)/.test(name)) failures.push({ property: "", reason: "strict mode prohibits the default provider" });
  for (const key of ["kubeconfig", "context"] as const)
    if (inputs[key] === undefined || inputs[key] === null || inputs[key] === "")
      failures.push({ property: key, reason: `strict mode requires the Provider's "${key}" argument` });
  return failures;
}

/** What the stack's configuration says of this package, as the engine hands it to providers. */
function strictModeOfStack(config: string | undefined): PropertyValue | undefined {
  try {
    const parsed = JSON.parse(config ?? "{}") as Record<string, PropertyValue>;
    return parsed["strictMode"] ?? parsed["kubernetes:strictMode"];
  } catch {
    return undefined;
  }
}

function renderFailures(inputs: PropertyMap, environment: Environment): CheckFailure[] {
  const renders = textOf(inputs["renderYamlToDirectory"]) !== undefined;
  if (!renders) {
    if (!flagOf(inputs["alwaysRender"])) return [];
    return [{ property: "alwaysRender", reason: '"alwaysRender" requires "renderYamlToDirectory" to be set' }];
  }
  return (
    CLUSTER_KEYS.filter((key) => textOf(inputs[key]) !== undefined)
      // The SDK fills it in from the environment, unasked.
      .filter((key) => key !== "kubeconfig" || inputs[key] !== environment["KUBECONFIG"])
      .map((key) => ({ property: key, reason: `"${key}" arg is not compatible with "renderYamlToDirectory" arg` }))
  );
}

interface ConfigChange {
  /** Inputs of the provider before. */
  readonly oldInputs: PropertyMap;
  readonly inputs: PropertyMap;
}

/**
 * Another cluster means that all resources are made anew. Which cluster it is cannot be asked, so it is judged by the
 * active cluster's entry in the kubeconfig, unless `clusterIdentifier` says it.
 */
export function diffConfig(change: ConfigChange): Diff {
  const olds = toManifest(change.oldInputs) as PropertyMap;
  const news = toManifest(change.inputs) as PropertyMap;
  const changed = [...new Set([...Object.keys(olds), ...Object.keys(news)])].filter(
    (key) => key !== "version" && JSON.stringify(olds[key]) !== JSON.stringify(news[key]),
  );
  if (changed.length === 0) return { changes: false };
  const identifiers = [textOf(olds["clusterIdentifier"]), textOf(news["clusterIdentifier"])];
  const identified = identifiers[1] !== undefined && identifiers[0] === identifiers[1];
  return { changes: true, diffs: changed, replaces: identified ? [] : replacedBy(olds, news, changed) };
}

function replacedBy(olds: PropertyMap, news: PropertyMap, changed: readonly string[]): string[] {
  const unknown = CLUSTER_KEYS.filter((key) => news[key] instanceof Unknown);
  if (unknown.length > 0) return unknown;
  const replaces: string[] = [];
  const bothIdentified =
    textOf(olds["clusterIdentifier"]) !== undefined && textOf(news["clusterIdentifier"]) !== undefined;
  if (bothIdentified && changed.includes("clusterIdentifier")) replaces.push("clusterIdentifier");
  if (changed.includes("renderYamlToDirectory")) replaces.push("renderYamlToDirectory");
  const before = activeCluster(olds);
  const after = activeCluster(news);
  if (before !== undefined && after !== undefined && before !== after)
    replaces.push(...CLUSTER_KEYS.filter((key) => changed.includes(key)));
  return replaces;
}

/** The entry of the active cluster, to be compared; undefined when it cannot be told. */
function activeCluster(inputs: PropertyMap): string | undefined {
  const kubeconfig = textOf(inputs["kubeconfig"]);
  if (kubeconfig === undefined) return undefined;
  const access = parseKubeconfig(kubeconfig);
  const context = access.getContextObject(textOf(inputs["context"]) ?? access.getCurrentContext());
  if (context === null) return undefined;
  const cluster = access.getCluster(textOf(inputs["cluster"]) ?? context.cluster);
  return cluster === null ? undefined : JSON.stringify({ ...cluster, name: "" });
}
