/** Which cluster, and with whose rights: a kubeconfig as kubectl reads it. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";
import { KubeConfig } from "@kubernetes/client-node";
import { parse as parseYaml } from "yaml";
import type { Environment, Settings } from "./settings.ts";

/** @throws Error that says what is wrong with it, without its contents */
export function loadKubeconfig(settings: Settings, environment: Environment): KubeConfig {
  const given = settings.kubeconfig;
  // The SDK passes $KUBECONFIG on as it is, which may be a list of files.
  const isFileList =
    given === environment["KUBECONFIG"] && given?.split(path.delimiter).some((file) => existsSync(file));
  const access = given === undefined || isFileList ? fromMachine(environment) : parseKubeconfig(given);
  if (settings.context !== undefined) {
    if (access.getContextObject(settings.context) === null)
      throw new Error(`context ${JSON.stringify(settings.context)} does not exist in the kubeconfig`);
    access.setCurrentContext(settings.context);
  }
  if (settings.cluster !== undefined) useCluster(access, settings.cluster);
  const cluster = access.getCurrentCluster();
  if (cluster === null) throw new Error("the kubeconfig's current context names no cluster: set `context`");
  if (!URL.canParse(cluster.server)) throw new Error(`the server of cluster ${cluster.name} is no URL`);
  // The client refuses plain HTTP unless told that there is no certificate to verify; `kubectl proxy` speaks it.
  if (!cluster.server.startsWith("http:") || cluster.skipTLSVerify) return access;
  const clusters = access.getClusters().map((one) => (one === cluster ? { ...one, skipTLSVerify: true } : one));
  access.loadFromOptions({
    clusters,
    users: access.getUsers(),
    contexts: access.getContexts(),
    currentContext: access.getCurrentContext(),
  });
  return access;
}

/** The namespace of the current context. */
export function namespaceOfContext(access: KubeConfig): string | undefined {
  const namespace = access.getContextObject(access.getCurrentContext())?.namespace;
  return namespace === "" ? undefined : namespace;
}

/** @param textOrPath A kubeconfig in YAML or JSON, or the path of a file that holds one (`~` is the home folder). */
export function parseKubeconfig(textOrPath: string): KubeConfig {
  const file = textOrPath.replace(/^~(?=$|\/)/, homedir());
  const isFile = !file.includes("\n") && existsSync(file) && statSync(file).isFile();
  const access = new KubeConfig();
  load(access, isFile ? readFileSync(file, "utf8") : textOrPath, isFile ? file : "the provider's kubeconfig");
  if (isFile) access.makePathsAbsolute(path.dirname(path.resolve(file)));
  return access;
}

function load(access: KubeConfig, content: string, origin: string): void {
  let parsed: unknown;
  try {
    parsed = parseYaml(content);
  } catch {
    throw new Error(`failed to parse kubeconfig data: ${origin} is neither YAML nor the path of a file`);
  }
  if (typeof parsed !== "object" || parsed === null || !("clusters" in parsed))
    throw new Error(`failed to parse kubeconfig data: ${origin} is no kubeconfig, and no path of one`);
  try {
    access.loadFromString(content);
  } catch (error) {
    throw new Error(`failed to parse kubeconfig data: ${origin}: ${(error as Error).message}`, { cause: error });
  }
}

/** $KUBECONFIG (several files are one), else ~/.kube/config, else the pod that this runs in. */
function fromMachine(environment: Environment): KubeConfig {
  const listed = (environment["KUBECONFIG"] ?? "").split(path.delimiter).filter((file) => file !== "");
  const home = path.join(homedir(), ".kube", "config");
  const files = (listed.length > 0 ? listed : [home]).filter(existsSync);
  if (files.length === 0) {
    if (environment["KUBERNETES_SERVICE_HOST"] !== undefined) {
      const access = new KubeConfig();
      access.loadFromCluster();
      return access;
    }
    const looked = listed.length > 0 ? `$KUBECONFIG (${listed.join(", ")})` : home;
    throw new Error(`no kubeconfig: ${looked} does not exist; set kubernetes:kubeconfig or $KUBECONFIG`);
  }
  const [first = "", ...others] = files;
  const access = parseKubeconfig(first);
  for (const file of others) merge(access, parseKubeconfig(file));
  return access;
}

/** As kubectl merges: what comes first stays. */
function merge(access: KubeConfig, other: KubeConfig): void {
  const names = (entries: readonly { readonly name: string }[]) => new Set(entries.map(({ name }) => name));
  const [clusters, users, contexts] = [access.getClusters(), access.getUsers(), access.getContexts()].map(names);
  access.loadFromOptions({
    clusters: [...access.getClusters(), ...other.getClusters().filter(({ name }) => !clusters?.has(name))],
    users: [...access.getUsers(), ...other.getUsers().filter(({ name }) => !users?.has(name))],
    contexts: [...access.getContexts(), ...other.getContexts().filter(({ name }) => !contexts?.has(name))],
    currentContext: access.getCurrentContext() || other.getCurrentContext(),
  });
}

function useCluster(access: KubeConfig, name: string): void {
  if (access.getCluster(name) === null)
    throw new Error(`cluster ${JSON.stringify(name)} does not exist in the kubeconfig`);
  const current = access.getCurrentContext();
  const contexts = access.getContexts().map((one) => (one.name === current ? { ...one, cluster: name } : one));
  access.loadFromOptions({
    clusters: access.getClusters(),
    users: access.getUsers(),
    contexts,
    currentContext: current,
  });
}
