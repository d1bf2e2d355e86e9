/** The providers of a deployment: each is a resource of the stack, and a plugin that runs. */
import { randomUUID } from "node:crypto";
import type { PropertyMap, ResourceState } from "../../model.ts";
import { DeploymentError } from "../errors.ts";
import { UNKNOWN_VALUE } from "../property/signatures.ts";
import { mapsEqual } from "../property/value.ts";
import { isProviderType, parseProviderReference, providerPackage, urnType } from "../urn.ts";
import type { DiffResult } from "../property/diff.ts";
import type { BuiltinProvider } from "./builtin-provider.ts";
import { BUILTIN_PACKAGE } from "./builtin-provider.ts";
import { GrpcProvider } from "./grpc-provider.ts";
import { PluginClient } from "./plugin-client.ts";
import { startPlugin } from "./plugin.ts";
import type { PluginHost } from "./plugin.ts";
import { forPlugin, keptInputs, pluginOf } from "./provider-inputs.ts";
import type {
  Applied,
  CheckRequest,
  ConfigurableProvider,
  CreateRequest,
  DiffRequest,
  Provider,
  UpdateRequest,
} from "./provider.ts";

export class ProviderRegistry implements Provider {
  readonly #host: PluginHost;
  readonly #builtin: BuiltinProvider;
  /** By reference; what was only checked so far is under its URN alone. */
  readonly #providers = new Map<string, ConfigurableProvider>();
  readonly #loading = new Map<string, Promise<void>>();
  readonly #started: Promise<PluginClient>[] = [];

  constructor(host: PluginHost, builtin: BuiltinProvider) {
    this.#host = host;
    this.#builtin = builtin;
  }

  /** @throws Error when the resource's provider was not registered. */
  providerFor(state: ResourceState): Provider {
    if (isProviderType(state.type)) return this;
    const provider = state.provider === undefined ? undefined : this.#providers.get(state.provider);
    if (provider === undefined)
      throw new Error(`unknown provider '${state.provider ?? ""}' for resource '${state.urn}'`);
    return provider;
  }

  get(reference: string): ConfigurableProvider | undefined {
    return this.#providers.get(reference);
  }

  /** Loads a provider that only the old state knows. */
  async ensure(reference: string, findOld: (urn: string) => ResourceState | undefined): Promise<void> {
    if (this.#providers.has(reference)) return;
    const { urn, id } = parseProviderReference(reference);
    const old = findOld(urn);
    if (old?.id !== id)
      throw new DeploymentError(
        "PROVIDER_UNKNOWN",
        `the state has no provider ${reference}`,
        "Export the stack, put the provider back, and import it.",
      );
    await this.same(old);
  }

  /** Makes the provider of an unchanged provider resource ready. */
  async same(state: ResourceState): Promise<void> {
    const reference = `${state.urn}::${state.id ?? ""}`;
    if (this.#providers.has(reference)) return;
    let loading = this.#loading.get(reference);
    if (loading === undefined) {
      loading = this.#configured(state.urn, state.id ?? "", state.inputs ?? {}, reference);
      this.#loading.set(reference, loading);
    }
    await loading;
  }

  async check({ urn, olds, news }: CheckRequest) {
    const provider = await this.#load(urn, news);
    const checked = await provider.checkConfig(urn, forPlugin(olds ?? {}), forPlugin(news));
    if (checked.failures.length > 0) return checked;
    this.#providers.set(urn, provider);
    return { inputs: { ...checked.inputs, ...keptInputs(news) }, failures: [] };
  }

  async diff(request: DiffRequest): Promise<DiffResult> {
    const provider = this.#providers.get(request.urn) ?? this.#providers.get(`${request.urn}::${request.id}`);
    if (provider === undefined) throw new Error(`provider ${request.urn} was not checked before it was compared`);
    const newInputs = forPlugin(request.newInputs);
    const answer = await provider.diffConfig({ ...request, oldInputs: forPlugin(request.oldInputs), newInputs });
    if (answer.changes !== "unknown") return answer;
    return { ...answer, changes: mapsEqual(request.oldOutputs, newInputs) ? "none" : "some" };
  }

  async create({ urn, inputs, preview }: CreateRequest): Promise<Applied> {
    const id = preview ? UNKNOWN_VALUE : randomUUID();
    await this.#configured(urn, id, inputs, `${urn}::${id}`);
    return { id, outputs: forPlugin(inputs) };
  }

  async update({ urn, id, newInputs }: UpdateRequest): Promise<Applied> {
    await this.#configured(urn, id, newInputs, `${urn}::${id}`);
    return { id, outputs: forPlugin(newInputs) };
  }

  async delete({ urn, id }: { urn: string; id: string }): Promise<void> {
    this.#providers.delete(`${urn}::${id}`);
  }

  read(): Promise<never> {
    return Promise.reject(new Error("provider resources may not be read"));
  }

  invoke(): Promise<never> {
    return Promise.reject(new Error("the provider registry is not invokable"));
  }

  /** Asks all providers to stop what they do. */
  async cancel(): Promise<void> {
    await Promise.all([...new Set(this.#providers.values())].map((provider) => provider.cancel()));
  }

  async close(): Promise<void> {
    const started = await Promise.allSettled(this.#started);
    await Promise.all(started.flatMap((plugin) => (plugin.status === "fulfilled" ? [plugin.value.close()] : [])));
  }

  async #configured(urn: string, id: string, inputs: PropertyMap, reference: string): Promise<void> {
    const checked = this.#providers.get(urn);
    this.#providers.delete(urn);
    const provider = checked ?? (await this.#load(urn, inputs));
    await provider.configure(urn, id, forPlugin(inputs));
    this.#providers.set(reference, provider);
  }

  async #load(urn: string, inputs: PropertyMap): Promise<ConfigurableProvider> {
    const name = providerPackage(urnType(urn));
    if (name === BUILTIN_PACKAGE) return this.#builtin;
    const { plugin, version, parameterization, env } = pluginOf(name, inputs, process.env);
    const starting = startPlugin({ name: plugin, version, env }, this.#host).then(
      (started) => new PluginClient(started),
    );
    this.#started.push(starting);
    const client = await starting;
    const handshake = await client.handshake(this.#host.engineAddress);
    if (parameterization !== undefined) await client.parameterize(parameterization);
    return new GrpcProvider(client, handshake);
  }
}
