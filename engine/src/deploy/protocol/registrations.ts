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
import type { PropertyMap, PropertyValue } from "../../model.ts";
import { UnsupportedError } from "../errors.ts";
import type { Goal } from "../goal.ts";
import { hashAssets } from "../property/asset-hash.ts";
import { containsUnknowns } from "../property/value.ts";
import { unmarshalProperties } from "../property/wire.ts";
import { programEntry } from "../program/language-host.ts";
import { isProviderType, packageOf, parseProviderReference, providerPackage, urnType } from "../urn.ts";
import { answerProperties } from "./monitor-deps.ts";
import type { MonitorDeps } from "./monitor-deps.ts";
import { goalOptions, optionsOf, optionsWithoutEffect, sourcePosition } from "./resource-options.ts";
import { applyTransform } from "./transforms.ts";
import type { Transformed } from "./transforms.ts";

/** What a registered resource hands down to its children. */
interface Ancestor {
  goal: Goal;
  providers: ReadonlyMap<string, string>;
  transforms: readonly Callback[];
}

export class Registrations {
  readonly #deps: MonitorDeps;
  readonly #ancestors = new Map<string, Ancestor>();
  readonly #stackTransforms: Callback[] = [];

  constructor(deps: MonitorDeps) {
    this.#deps = deps;
  }

  addStackTransform(callback: Callback): void {
    this.#stackTransforms.push(callback);
  }

  async register(request: RegisterResourceRequest): Promise<RegisterResourceResponse> {
    refuseUnsupported(request);
    const { goal, providers } = await this.#goal(request);
    const { state, unknown } = await this.#deps.register(goal);
    this.#ancestors.set(state.urn, { goal, providers, transforms: request.getTransformsList() });
    for (const option of optionsWithoutEffect(goal)) {
      this.#deps.warn(
        state.urn,
        `The option '${option}' has no automatic effect on component resource '${state.urn}', ensure it is handled correctly in the component code.`,
      );
    }
    const response = new resourcePb.RegisterResourceResponse();
    response.setUrn(state.urn);
    response.setId(state.id ?? "");
    const outputs = goal.custom ? (state.outputs ?? {}) : {};
    response.setObject(answerProperties(request.getSupportspartialvalues() ? outputs : knownOnly(outputs), request));
    response.setUnknown(unknown);
    response.setResult(resourcePb.Result.SUCCESS);
    return response;
  }

  async read(request: ReadResourceRequest): Promise<ReadResourceResponse> {
    const type = request.getType();
    if (request.getPackageref() !== "") throw new UnsupportedError(`parameterized packages (${type})`);
    const provider =
      request.getProvider() ||
      (await this.#deps.defaultProviders.reference(
        { package: packageOf(type), version: request.getVersion(), pluginDownloadUrl: request.getPlugindownloadurl() },
        type,
      ));
    const state = await this.#deps.read({
      type,
      name: request.getName(),
      id: request.getId(),
      parent: request.getParent(),
      provider,
      inputs: unmarshalProperties(request.getProperties()),
      dependencies: request.getDependenciesList(),
      additionalSecretOutputs: request.getAdditionalsecretoutputsList(),
      sourcePosition: sourcePosition(request, this.#deps.request.projectDir),
    });
    const response = new resourcePb.ReadResourceResponse();
    response.setUrn(state.urn);
    response.setProperties(answerProperties(state.outputs ?? {}, request));
    return response;
  }

  async #goal(request: RegisterResourceRequest): Promise<{ goal: Goal; providers: ReadonlyMap<string, string> }> {
    const type = request.getType();
    const custom = request.getCustom();
    const parent = request.getParent();
    const ancestor = this.#ancestors.get(parent);
    const subject = { name: request.getName(), type, custom, parent };
    const transforms = [...request.getTransformsList(), ...this.#inheritedTransforms(parent), ...this.#stackTransforms];
    let changed = this.#unmarshal(request, optionsOf(request, ancestor?.goal));
    for (const transform of transforms)
      changed = await applyTransform(this.#deps.callbacks, transform, subject, changed);
    const { options, propertyDependencies } = changed;
    const inputs = await hashAssets(changed.inputs, programEntry(this.#deps.request).folder);
    const providers = this.#providersFor(custom, options, ancestor);
    const needsProvider = custom && !isProviderType(type);
    const goal: Goal = {
      type,
      name: request.getName(),
      custom,
      parent,
      inputs: isProviderType(type) ? withPluginVersion(inputs, options) : inputs,
      dependencies: allDependencies(options, propertyDependencies),
      propertyDependencies,
      provider: needsProvider ? await this.#provider(type, options, providers, ancestor) : "",
      sourcePosition: sourcePosition(request, this.#deps.request.projectDir),
      ...goalOptions(options),
    };
    return { goal, providers };
  }

  #unmarshal(request: RegisterResourceRequest, options: TransformResourceOptions): Transformed {
    const dependencies: Record<string, Set<string>> = {};
    const inputs = unmarshalProperties(request.getObject(), (key, urn) => (dependencies[key] ??= new Set()).add(urn));
    const given = request.getPropertydependenciesMap();
    const propertyDependencies: Record<string, string[]> = {};
    for (const key of Object.keys(inputs)) {
      // A request without any says of each property that it may come from all dependencies.
      const urns = given.getLength() === 0 ? request.getDependenciesList() : (given.get(key)?.getUrnsList() ?? []);
      propertyDependencies[key] = [...new Set([...urns, ...(dependencies[key] ?? [])])];
    }
    return { inputs, propertyDependencies, options };
  }

  #inheritedTransforms(parent: string): Callback[] {
    const result: Callback[] = [];
    for (let urn = parent; urn !== ""; urn = this.#ancestors.get(urn)?.goal.parent ?? "")
      result.push(...(this.#ancestors.get(urn)?.transforms ?? []));
    return result;
  }

  #providersFor(custom: boolean, options: TransformResourceOptions, ancestor: Ancestor | undefined) {
    const own = new Map<string, string>();
    options.getProvidersMap().forEach((reference, name) => own.set(name, reference));
    return custom ? own : new Map([...(ancestor?.goal.custom === false ? ancestor.providers : []), ...own]);
  }

  async #provider(
    type: string,
    options: TransformResourceOptions,
    providers: ReadonlyMap<string, string>,
    ancestor: Ancestor | undefined,
  ): Promise<string> {
    const name = packageOf(type);
    const inherited = ancestor?.goal.provider ?? "";
    const ofParent =
      inherited !== "" && providerPackage(urnType(parseProviderReference(inherited).urn)) === name ? inherited : "";
    const named = [options.getProvider(), ofParent, providers.get(name), ancestor?.providers.get(name)];
    const explicit = named.find((reference) => reference !== undefined && reference !== "");
    if (explicit !== undefined) return explicit;
    return this.#deps.defaultProviders.reference(
      { package: name, version: options.getVersion(), pluginDownloadUrl: options.getPluginDownloadUrl() },
      type,
    );
  }
}

function refuseUnsupported(request: RegisterResourceRequest): void {
  const subject = `${request.getType()} ${request.getName()}`;
  if (request.getRemote()) throw new UnsupportedError(`components of other packages (${subject})`);
  if (request.getPackageref() !== "") throw new UnsupportedError(`parameterized packages (${subject})`);
  if (request.getStateMigrationsList().length > 0) throw new UnsupportedError(`state migrations (${subject})`);
  if (request.getEnvvarmappingsMap().getLength() > 0) throw new UnsupportedError(`envVarMappings (${subject})`);
  if ((request.getHooks()?.getOnErrorList().length ?? 0) > 0) throw new UnsupportedError(`error hooks (${subject})`);
}

function allDependencies(options: TransformResourceOptions, byProperty: Record<string, string[]>): string[] {
  return [...new Set([...options.getDependsOnList(), ...Object.values(byProperty).flat()])];
}

/** The plugin's version and origin are inputs of a provider resource. */
function withPluginVersion(inputs: PropertyMap, options: TransformResourceOptions): PropertyMap {
  const result: Record<string, PropertyValue> = { ...inputs };
  if (options.getVersion() !== "") result["version"] = options.getVersion();
  if (options.getPluginDownloadUrl() !== "")
    result["__internal"] = { pluginDownloadURL: options.getPluginDownloadUrl() };
  return result;
}

function knownOnly(properties: PropertyMap): PropertyMap {
  return Object.fromEntries(Object.entries(properties).filter(([, value]) => !containsUnknowns(value)));
}
