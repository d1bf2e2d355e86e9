/** The function that helm.v3.Chart of the SDK asks: what a chart renders to. */
import path from "node:path";
import { isManifest, list, text } from "../manifest/manifest.ts";
import type { Manifest } from "../manifest/manifest.ts";
import type { Session } from "../session.ts";
import { withScratch } from "./command.ts";
import { renderChart } from "./helm.ts";

/** Flags of `helm template` by the option in `fetch_opts`. */
const FETCH_FLAGS = {
  ca_file: "ca-file",
  cert_file: "cert-file",
  key_file: "key-file",
  keyring: "keyring",
  password: "password",
  repo: "repo",
  username: "username",
};

/** @param jsonOptions As the SDK writes them: HelmChartOpts in JSON. */
export function templateChart(session: Session, jsonOptions: string): Promise<Manifest[]> {
  const options = parse(jsonOptions);
  const fetch = isManifest(options["fetch_opts"]) ? options["fetch_opts"] : {};
  const apiVersions = list(options, "api_versions").filter((version) => typeof version === "string");
  const flags = [
    options["skip_crd_rendering"] === true ? "--skip-crds" : "--include-crds",
    ...(options["include_test_hook_resources"] === true ? [] : ["--skip-tests"]),
    ...(fetch["devel"] === true ? ["--devel"] : []),
    ...(fetch["verify"] === true ? ["--verify"] : []),
    ...Object.entries(FETCH_FLAGS).flatMap(([name, flag]) => {
      const value = text(fetch, name);
      return value === "" ? [] : [`--${flag}=${value}`];
    }),
  ];
  const version = text(options, "version") || text(fetch, "version");
  if (version !== "") flags.push(`--version=${version}`);
  return withScratch((scratch) =>
    renderChart(
      session,
      {
        release: text(options, "release_name"),
        chart: chartOf(options, text(fetch, "repo")),
        namespace: text(options, "namespace") || "default",
        values: isManifest(options["values"]) ? options["values"] : {},
        valuesFiles: [],
        flags,
        kubeVersion: text(options, "kube_version") || undefined,
        apiVersions: apiVersions.length === 0 ? undefined : apiVersions,
      },
      scratch,
    ),
  );
}

function parse(jsonOptions: string): Manifest {
  const parsed: unknown = JSON.parse(jsonOptions);
  if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) return parsed as Manifest;
  throw new Error("helm:template: jsonOpts is no object");
}

/** A folder on this machine, a chart of a known repository, or one of the repository whose address is given. */
function chartOf(options: Manifest, repositoryUrl: string): string {
  const chart = text(options, "chart");
  const folder = text(options, "path");
  if (folder !== "") return chart === "" ? folder : path.join(folder, chart);
  const repository = text(options, "repo");
  if (/^https?:/.test(repository))
    throw new Error("'repo' is the name of a Helm repository, not its address: use 'fetchOpts.repo' for an address");
  const isWhole =
    repository === "" || repositoryUrl !== "" || chart.startsWith("oci:") || chart.startsWith(`${repository}/`);
  return isWhole ? chart : `${repository.replace(/\/$/, "")}/${chart}`;
}
