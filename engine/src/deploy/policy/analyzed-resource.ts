/** A resource as policies see it. */
import analyzerPb from "@pulumi/pulumi/proto/analyzer_pb.js";
import type {
  AnalyzeRequest,
  AnalyzerProviderResource,
  AnalyzerResource,
  AnalyzerResourceOptions,
} from "@pulumi/pulumi/proto/analyzer_pb.js";
import type { PropertyMap, ResourceState } from "../../model.ts";
import { marshalProperties } from "../property/wire.ts";
import { urnName } from "../urn.ts";

export interface AnalyzedResource {
  readonly state: ResourceState;
  /** Inputs where a step is looked at, outputs where the whole stack is. */
  readonly properties: PropertyMap;
  /** Of the provider resource; undefined for what has none. */
  readonly provider: ResourceState | undefined;
  /** Undefined leaves it to the provider. */
  readonly deleteBeforeReplace: boolean | undefined;
  /** Under which an old state was found. */
  readonly aliases: readonly string[];
}

/** @param internalKeys Whether properties that the SDK keeps for itself (`__provider`) go over too. */
export function analyzeRequest(resource: AnalyzedResource, internalKeys: boolean): AnalyzeRequest {
  const { state } = resource;
  const request = new analyzerPb.AnalyzeRequest();
  request.setUrn(state.urn);
  request.setType(state.type);
  request.setName(urnName(state.urn));
  request.setProperties(properties(resource.properties, internalKeys));
  request.setOptions(options(resource));
  request.setProvider(provider(resource.provider));
  return request;
}

export function stackResource(resource: AnalyzedResource): AnalyzerResource {
  const { state } = resource;
  const message = new analyzerPb.AnalyzerResource();
  message.setUrn(state.urn);
  message.setType(state.type);
  message.setName(urnName(state.urn));
  message.setProperties(properties(resource.properties, false));
  message.setOptions(options(resource));
  message.setProvider(provider(resource.provider));
  message.setParent(state.parent ?? "");
  message.setDependenciesList(state.dependencies ?? []);
  for (const [key, urns] of Object.entries(state.propertyDependencies ?? {})) {
    if (urns.length === 0) continue;
    const dependencies = new analyzerPb.AnalyzerPropertyDependencies();
    dependencies.setUrnsList(urns);
    message.getPropertydependenciesMap().set(key, dependencies);
  }
  return message;
}

/** Resource references go over as ids, as policies are written for. */
function properties(map: PropertyMap, internalKeys: boolean) {
  return marshalProperties(map, { keepUnknowns: true, keepSecrets: true, skipInternalKeys: !internalKeys });
}

function options({ state, deleteBeforeReplace, aliases }: AnalyzedResource): AnalyzerResourceOptions {
  const message = new analyzerPb.AnalyzerResourceOptions();
  message.setProtect(state.protect ?? false);
  message.setIgnorechangesList(state.ignoreChanges ?? []);
  message.setDeletebeforereplace(deleteBeforeReplace ?? false);
  message.setDeletebeforereplacedefined(deleteBeforeReplace !== undefined);
  message.setAdditionalsecretoutputsList(state.additionalSecretOutputs ?? []);
  message.setAliasesList([...aliases]);
  const timeouts = new analyzerPb.AnalyzerResourceOptions.CustomTimeouts();
  timeouts.setCreate(state.customTimeouts?.create ?? 0);
  timeouts.setUpdate(state.customTimeouts?.update ?? 0);
  timeouts.setDelete(state.customTimeouts?.delete ?? 0);
  message.setCustomtimeouts(timeouts);
  message.setParent(state.parent ?? "");
  return message;
}

function provider(state: ResourceState | undefined): AnalyzerProviderResource | undefined {
  if (state === undefined) return undefined;
  const message = new analyzerPb.AnalyzerProviderResource();
  message.setUrn(state.urn);
  message.setType(state.type);
  message.setName(urnName(state.urn));
  message.setProperties(properties(state.inputs ?? {}, false));
  return message;
}
