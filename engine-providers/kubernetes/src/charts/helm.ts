/** Charts, rendered with the `helm` command. */
import { writeFile } from "node:fs/promises";
import path from "node:path";
import type { Manifest } from "../manifest/manifest.ts";
import { decodeManifests } from "../manifests/decode.ts";
import type { Session } from "../session.ts";
import { runCommand } from "./command.ts";

export interface ChartRequest {
  readonly release: string;
  /** Reference, path, URL or OCI address. */
  readonly chart: string;
  readonly namespace: string;
  /** Plain values. They may be secret: they go over in a file. */
  readonly values: Manifest;
  /** Files of values, weaker than `values`; the last is the strongest. */
  readonly valuesFiles: readonly string[];
  /** Further flags of `helm template`. */
  readonly flags: readonly string[];
  /** Overrides the cluster's. */
  readonly kubeVersion?: string | undefined;
  readonly apiVersions?: readonly string[] | undefined;
}

/** @param scratch A folder that is removed afterwards. @throws CommandMissingError; what helm said */
export async function renderChart(session: Session, request: ChartRequest, scratch: string): Promise<Manifest[]> {
  const values = path.join(scratch, "values.json");
  await writeFile(values, JSON.stringify(request.values), { mode: 0o600 });
  const capabilities = await capabilitiesOf(session, request);
  const args = [
    "template",
    request.release,
    request.chart,
    `--namespace=${request.namespace}`,
    ...request.valuesFiles.map((file) => `--values=${file}`),
    `--values=${values}`,
    ...capabilities,
    ...request.flags,
  ];
  const { helm } = session.settings;
  const output = await runCommand("helm", args, {
    purpose: "charts are rendered",
    remedy:
      "Install Helm 3 (https://helm.sh/docs/intro/install), or use ConfigGroup with the chart's rendered manifests.",
    environment: {
      ...(helm.pluginsPath === undefined ? {} : { HELM_PLUGINS: helm.pluginsPath }),
      ...(helm.registryConfigPath === undefined ? {} : { HELM_REGISTRY_CONFIG: helm.registryConfigPath }),
      ...(helm.repositoryCache === undefined ? {} : { HELM_REPOSITORY_CACHE: helm.repositoryCache }),
      ...(helm.repositoryConfigPath === undefined ? {} : { HELM_REPOSITORY_CONFIG: helm.repositoryConfigPath }),
    },
  });
  return decodeManifests(output);
}

/** What the chart may ask of its cluster, so that it renders for the one it is meant for. */
async function capabilitiesOf(session: Session, request: ChartRequest): Promise<string[]> {
  const cluster = session.reachableCluster;
  const kubeVersion = request.kubeVersion ?? (await cluster?.version());
  const apiVersions = request.apiVersions ?? (await cluster?.discovery.servedVersions()) ?? [];
  return [
    ...(kubeVersion === undefined ? [] : [`--kube-version=${kubeVersion}`]),
    ...(apiVersions.length === 0 ? [] : [`--api-versions=${apiVersions.join(",")}`]),
  ];
}
