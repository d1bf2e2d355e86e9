/** Resources that the program registers or reads: from the request to the goal, and from the result to the answer. */
import resourcePb from "@pulumi/pulumi/proto/resource_pb.js";
import type { Callback } from "@pulumi/pulumi/proto/callback_pb.js";
import type {
  ReadResourceRequest,
  ReadResourceResponse,
  RegisterResourceRequest,
  RegisterResourceResponse,
  TransformResourceOptions,
} from "@pulumi/pulumi/proto/resource_pb.js";
import type { PropertyMap } from "../../model.ts";
import type { Goal } from "../goal.ts";
import { programEntry } from "../program/language-host.ts";
import { hashAssets } from "../property/asset-hash.ts";
import { allDependencies, toOutputValues, withDependencies } from "../property/output-values.ts";
import { fromWireMap, unmarshalProperties } from "../property/wire.ts";
import { withPlugin } from "../provider/provider-inputs.ts";
import { isProviderType, packageOf } from "../urn.ts";
import { Ancestry } from "./ancestry.ts";
import { construct } from "./construct.ts";
import { answerProperties } from "./monitor-deps.ts";
import type { MonitorDeps } from "./monitor-deps.ts";
import type { Packages } from "./packages.ts";
import { bare, givenDependencies, knownOnly, refuse, requireTypeToken } from "./registration-request.ts";
import { goalOptions, optionsOf } from "./resource-options.ts";
import type { SourcePositions } from "./source-positions.ts";
import { applyTransform } from "./transforms.ts";
import type { Wanted } from "./wanted.ts";

/** What a registration brought about. */
interface Registered {
  urn: string;
  id: string;
  outputs: PropertyMap;
  outputDependencies: Readonly<Record<string, readonly string[]>>;
  unknown: boolean;
}

interface RegistrationParts {
  packages: Packages;
  positions: SourcePositions;
  /** `host:port` at which other processes register resources. */
  monitorAddress: () => string;
}

export class Registrations {
  readonly ancestry = new Ancestry();
  readonly #deps: MonitorDeps;
  readonly #parts: RegistrationParts;
  readonly #stackTransforms: Callback[] = [];
  /** Of components that another process is to make: it registers them without what the program gave. */
  readonly #pendingTransforms = new Map<string, Callback[]>();

  constructor(deps: MonitorDeps, parts: RegistrationParts) {
    this.#deps = deps;
    this.#parts = parts;
  }

  addStackTransform(callback: Callback): void {
    this.#stackTransforms.push(callback);
  }

  async register(request: RegisterResourceRequest): Promise<RegisterResourceResponse> {
    refuse(request);
    const transforms = this.#ownTransforms(request);
    const wanted = await this.#wanted(request, transforms);
    const parent = request.getParent();
    const registered = request.getRemote() ? await this.#construct(wanted) : await this.#register(wanted);
    const providers = request.getCustom() ? undefined : wanted.providers;
    this.ancestry.record(registered.urn, parent, transforms, providers);
    const response = new resourcePb.RegisterResourceResponse();
    response.setUrn(registered.urn);
    response.setId(registered.id);
    const { outputs } = registered;
    response.setObject(answerProperties(request.getSupportspartialvalues() ? outputs : knownOnly(outputs), request));
    for (const [key, urns] of Object.entries(registered.outputDependencies)) {
      const dependencies = new resourcePb.RegisterResourceResponse.PropertyDependencies();
      dependencies.setUrnsList([...urns]);
      response.getPropertydependenciesMap().set(key, dependencies);
    }
    response.setUnknown(registered.unknown);
    response.setResult(resourcePb.Result.SUCCESS);
    return response;
  }

  async read(request: ReadResourceRequest): Promise<ReadResourceResponse> {
    const type = request.getType();
    requireTypeToken(type);
    const provider =
      request.getProvider() ||
      (await this.#deps.defaultProviders.reference(this.#parts.packages.requestOf(request, packageOf(type)), type));
    const state = await this.#deps.read({
      type,
      name: request.getName(),
      id: request.getId(),
      parent: request.getParent(),
      provider,
      inputs: unmarshalProperties(request.getProperties()),
      dependencies: request.getDependenciesList(),
      additionalSecretOutputs: request.getAdditionalsecretoutputsList(),
      ...this.#parts.positions.origin(request),
    });
    const response = new resourcePb.ReadResourceResponse();
    response.setUrn(state.urn);
    response.setProperties(answerProperties(state.outputs ?? {}, request));
    return response;
  }

  /** What the resource is to be, after all transforms: its own, those of all above it, the stack's. */
  async #wanted(request: RegisterResourceRequest, own: readonly Callback[]): Promise<Wanted> {
    const [type, custom, parent] = [request.getType(), request.getCustom(), request.getParent()];
    const given = givenDependencies(request);
    // A request that has transforms comes with its dependencies in its values, and goes on with what they leave there.
    const transforms = request.getTransformsList().length > 0;
    const toRun = [...own, ...this.ancestry.transforms(parent), ...this.#stackTransforms];
    const object = request.getObject()?.toJavaScript() ?? {};
    const inputs = toRun.length > 0 || request.getRemote() ? toOutputValues(object) : object;
    const providers = new Map([...request.getProvidersMap().entries()] as [string, string][]);
    const provider = this.ancestry.provider(request.getProvider(), providers, parent, type);
    let changed = {
      inputs: transforms ? withDependencies(inputs, given) : inputs,
      options: optionsOf(
        request,
        this.ancestry.goal(parent),
        custom || request.getRemote() ? provider : request.getProvider(),
      ),
    };
    const subject = { name: request.getName(), type, custom, parent };
    for (const transform of toRun) changed = await applyTransform(this.#deps.callbacks, transform, subject, changed);
    const { options } = changed;
    const propertyDependencies = allDependencies(changed.inputs, transforms ? {} : given);
    const ownProviders = new Map([...options.getProvidersMap().entries()] as [string, string][]);
    return {
      request,
      options,
      inputs: changed.inputs,
      dependencies: [...new Set([...options.getDependsOnList(), ...Object.values(propertyDependencies).flat()])],
      propertyDependencies,
      providers: custom ? ownProviders : this.ancestry.providersBelow(parent, ownProviders),
    };
  }

  async #register(wanted: Wanted): Promise<Registered> {
    const { request, options, propertyDependencies } = wanted;
    const [type, custom] = [request.getType(), request.getCustom()];
    const inputs = await hashAssets(fromWireMap(wanted.inputs), programEntry(this.#deps.request).folder);
    const goal: Goal = {
      type,
      name: request.getName(),
      custom,
      parent: request.getParent(),
      inputs: isProviderType(type) ? this.#providerInputs(inputs, request, options) : inputs,
      dependencies: wanted.dependencies,
      propertyDependencies,
      provider: custom && !isProviderType(type) ? await this.#provider(wanted) : "",
      ...this.#parts.positions.origin(request),
      ...goalOptions(options),
    };
    const { state, unknown } = await this.#deps.register(goal);
    this.ancestry.recordGoal(state.urn, goal);
    // A component's outputs are told by itself; those of old may name resources that are not there yet.
    const outputs = custom ? (state.outputs ?? {}) : {};
    return { urn: state.urn, id: state.id ?? "", outputs, outputDependencies: {}, unknown };
  }

  /** A component of another package: its provider makes it, and registers it here with all that is in it. */
  async #construct(wanted: Wanted): Promise<Registered> {
    const { request } = wanted;
    const reference = await this.#provider(wanted);
    const made = await this.#parts.positions.handingOn(request, (stackTraceHandle) =>
      construct(this.#deps, wanted, reference, { monitorAddress: this.#parts.monitorAddress(), stackTraceHandle }),
    );
    // A provider whose configuration is not known at preview cannot be asked: the component is registered for it.
    return made === undefined ? this.#register(bare(wanted)) : { ...made, id: "", unknown: false };
  }

  #provider({ request, options }: Wanted): string | Promise<string> {
    const type = request.getType();
    const named = options.getProvider();
    if (named !== "") return named;
    const wish = this.#parts.packages.named(request) ?? {
      plugin: packageOf(type),
      version: options.getVersion(),
      pluginDownloadUrl: options.getPluginDownloadUrl(),
    };
    return this.#deps.defaultProviders.reference(wish, type);
  }

  /** Which plugin a provider resource needs is among its inputs. */
  #providerInputs(inputs: PropertyMap, request: RegisterResourceRequest, options: TransformResourceOptions) {
    const mappings = Object.fromEntries(request.getEnvvarmappingsMap().entries() as Iterable<[string, string]>);
    const { plugin, ...wish } = this.#parts.packages.named(request) ?? {
      version: options.getVersion(),
      pluginDownloadUrl: options.getPluginDownloadUrl(),
    };
    return withPlugin(inputs, plugin === undefined ? wish : { ...wish, plugin }, mappings);
  }

  #ownTransforms(request: RegisterResourceRequest): Callback[] {
    const key = `${request.getParent()}::${request.getType()}::${request.getName()}`;
    const pending = this.#pendingTransforms.get(key);
    if (pending !== undefined) {
      this.#pendingTransforms.delete(key);
      return pending;
    }
    const own = request.getTransformsList();
    if (request.getRemote() && own.length > 0) this.#pendingTransforms.set(key, own);
    return own;
  }
}
