/** What the inputs of a provider resource say to the engine: which plugin it is, of which version, and what it sees. */
import type { PropertyMap, PropertyValue } from "../../model.ts";
import { isMap } from "../property/value.ts";
import { without } from "../without.ts";

/** Under this key are inputs of a provider resource that are for the engine, not for the plugin. */
const INTERNAL_KEY = "__internal";

/** A package that a plugin makes of a parameter, as the Terraform bridge does of a Terraform provider. */
export interface Parameterization {
  name: string;
  version: string;
  /** Base64. */
  value: string;
}

/** A package, and the plugin that serves it. Two that are equal have one default provider. */
export interface PackageRequest {
  /** The plugin's name; the package's as well, unless it is parameterized. */
  plugin: string;
  /** The plugin's; "" for any. */
  version: string;
  pluginDownloadUrl: string;
  parameterization?: Parameterization;
}

export function packageName(request: PackageRequest): string {
  return request.parameterization?.name ?? request.plugin;
}

export function packageVersion(request: PackageRequest): string {
  return request.parameterization?.version ?? request.version;
}

/** Inputs by which the registry finds the plugin again, now and when the state is read. */
export function withPlugin(
  inputs: PropertyMap,
  request: Omit<PackageRequest, "plugin"> & { plugin?: string },
  envVarMappings: Readonly<Record<string, string>> = {},
): PropertyMap {
  const { plugin, version, pluginDownloadUrl, parameterization } = request;
  const internal: Record<string, PropertyValue> = {};
  if (pluginDownloadUrl !== "") internal["pluginDownloadURL"] = pluginDownloadUrl;
  if (Object.keys(envVarMappings).length > 0) internal["envVarMappings"] = { ...envVarMappings };
  const result: Record<string, PropertyValue> = { ...inputs };
  if (parameterization !== undefined) {
    if (plugin !== undefined) internal["name"] = plugin;
    if (version !== "") internal["version"] = version;
    internal["parameterization"] = parameterization.value;
    result["version"] = parameterization.version;
  } else if (version !== "") result["version"] = version;
  // Pulumi writes the key, even empty, wherever it writes a version.
  if (Object.keys(internal).length > 0 || version !== "") result[INTERNAL_KEY] = internal;
  return result;
}

export interface PluginOfProvider {
  plugin: string;
  version: string;
  parameterization: Parameterization | undefined;
  /** Variables that the plugin is to see under another name than the engine does. */
  env: Record<string, string>;
}

/** @throws Error when what is on record is not of the form that it must have. */
export function pluginOf(name: string, inputs: PropertyMap, env: NodeJS.ProcessEnv): PluginOfProvider {
  // States of older engines have these among the other inputs.
  const internal = isMap(inputs[INTERNAL_KEY]) ? inputs[INTERNAL_KEY] : inputs;
  const value = text(internal, "parameterization");
  const version = text(value === undefined ? inputs : internal, "version") ?? "";
  const parameterization = value === undefined ? undefined : { name, version: text(inputs, "version") ?? "", value };
  const plugin = isMap(inputs[INTERNAL_KEY]) ? (text(internal, "name") ?? name) : name;
  return { plugin, version, parameterization, env: mapped(internal["envVarMappings"], env) };
}

/** Inputs of a provider resource without what is for the engine. */
export function forPlugin(inputs: PropertyMap): PropertyMap {
  return without(inputs, INTERNAL_KEY);
}

/** What the engine keeps of a provider resource's inputs, whatever the plugin's check makes of them. */
export function keptInputs(given: PropertyMap): PropertyMap {
  return Object.fromEntries(Object.entries(given).filter(([key]) => key === "version" || key === INTERNAL_KEY));
}

function mapped(mappings: PropertyValue | undefined, env: NodeJS.ProcessEnv): Record<string, string> {
  if (mappings === undefined) return {};
  if (!isMap(mappings)) throw new Error("'envVarMappings' must be an object");
  const result: Record<string, string> = {};
  for (const [from, to] of Object.entries(mappings)) {
    if (typeof to !== "string") throw new Error(`'envVarMappings[${from}]' must be a string`);
    const value = env[from];
    if (value !== undefined) result[to] = value;
  }
  return result;
}

function text(map: PropertyMap, key: string): string | undefined {
  const value = map[key];
  if (value === undefined || typeof value === "string") return value;
  throw new Error(`'${key}' must be a string`);
}
