/** What all operations of one configured provider share. */
import type { Engine, Severity } from "@automatos/provider-plugin";
import { Cluster } from "./cluster/cluster.ts";
import { UnreachableError } from "./cluster/errors.ts";
import { Scopes } from "./cluster/scope.ts";
import { loadKubeconfig, namespaceOfContext } from "./config/kubeconfig.ts";
import type { Environment, Settings } from "./config/settings.ts";
import { apiVersionOf, kindOf, namespaceOf, withField, withoutField } from "./manifest/manifest.ts";
import type { Manifest } from "./manifest/manifest.ts";

export class Session {
  readonly settings: Settings;
  readonly engine: Engine;
  readonly scopes = new Scopes();
  /** Of namespaced objects that name none. */
  readonly defaultNamespace: string;
  /** Why there is no cluster to speak to; undefined when there is one. */
  readonly unreachable: string | undefined;
  readonly #cluster: Cluster | undefined;

  private constructor(
    settings: Settings,
    engine: Engine,
    found: { readonly cluster?: Cluster; readonly unreachable?: string; readonly namespace?: string | undefined },
  ) {
    this.settings = settings;
    this.engine = engine;
    this.defaultNamespace = settings.namespace ?? found.namespace ?? "default";
    this.unreachable = found.unreachable;
    this.#cluster = found.cluster;
  }

  /**
   * A cluster that cannot be reached is no error yet: it may be made by the same program, functions need none, and
   * what does will say so.
   */
  static async open(settings: Settings, environment: Environment, engine: Engine): Promise<Session> {
    if (settings.renderYamlToDirectory !== undefined) {
      return new Session(settings, engine, { unreachable: "manifests are rendered to files" });
    }
    let namespace: string | undefined;
    try {
      const access = loadKubeconfig(settings, environment);
      namespace = namespaceOfContext(access);
      const told = new Set<string>();
      const cluster = new Cluster(access, settings.timeoutSeconds, (warning) => {
        const wanted = !told.has(warning) && !(settings.suppressDeprecationWarnings && warning.includes(" deprecated"));
        told.add(warning);
        if (wanted) void engine.log("warning", warning);
      });
      await cluster.version();
      return new Session(settings, engine, { cluster, namespace });
    } catch (error) {
      const words = error instanceof Error ? error.message : String(error);
      const unreachable = words.replace(/^configured Kubernetes cluster is unreachable: /, "");
      return new Session(settings, engine, { unreachable, namespace });
    }
  }

  get rendersTo(): string | undefined {
    return this.settings.renderYamlToDirectory;
  }

  /** @throws UnreachableError */
  get cluster(): Cluster {
    if (this.#cluster === undefined) throw new UnreachableError(this.unreachable ?? "it is not configured");
    return this.#cluster;
  }

  /** Undefined when the cluster cannot be reached. */
  get reachableCluster(): Cluster | undefined {
    return this.#cluster;
  }

  async log(severity: Severity, message: string, urn: string): Promise<void> {
    await this.engine.log(severity, message, { urn });
  }

  isNamespaced(manifest: Manifest): Promise<boolean | undefined> {
    return this.scopes.isNamespaced(apiVersionOf(manifest), kindOf(manifest), this.#cluster?.discovery);
  }

  /** With the namespace that the API wants: the default one where none is named, none for kinds that have none. */
  async place(manifest: Manifest): Promise<Manifest> {
    const namespaced = (await this.isNamespaced(manifest)) ?? true;
    if (!namespaced) return withoutField(manifest, ["metadata", "namespace"]);
    if (namespaceOf(manifest) !== "") return manifest;
    return withField(manifest, ["metadata", "namespace"], this.defaultNamespace);
  }
}
