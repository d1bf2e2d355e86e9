/** What a policy pack is configured with: its defaults, what it sets itself, and the user's file. */
import { readFileSync } from "node:fs";
import { UnsupportedError } from "../errors.ts";
import { ENFORCEMENT_LEVELS } from "./analyzer-info.ts";
import type { EnforcementLevel, PackInfo, PolicyConfig, PolicyInfo, PolicySettings } from "./analyzer-info.ts";
import { isMap, schemaProblems } from "./config-schema.ts";
import type { JsonMap, JsonValue } from "./config-schema.ts";
import { PolicyConfigError, PolicyConfigFileError } from "./errors.ts";

/** In a config, what goes for every policy of the pack. */
const ALL = "all";

/** @throws PolicyConfigFileError, UnsupportedError */
export function readPolicyConfig(file: string): PolicyConfig {
  const document = readJson(file);
  if (document === undefined) return new Map();
  if (!isMap(document)) throw new PolicyConfigFileError(file, "it is not an object");
  if ("environments" in document) throw new UnsupportedError(`Pulumi ESC environments ("environments" in ${file})`);
  const config = new Map<string, PolicySettings>();
  for (const [name, value] of Object.entries(document)) {
    const settings = settingsOf(file, name, value);
    if (settings.enforcementLevel !== undefined || settings.properties !== undefined) config.set(name, settings);
  }
  return config;
}

/** Names in a config that the pack has no policy for: they have no effect. */
export function unknownPolicies(pack: PackInfo, config: PolicyConfig): string[] {
  const known = new Set([ALL, ...pack.policies.map(({ name }) => name)]);
  return [...config.keys()].filter((name) => !known.has(name));
}

/**
 * Defaults, then what the pack sets, then the file: each overrides what is before it, property by property.
 * @throws PolicyConfigError when a policy's properties do not fit its schema.
 */
export function reconcileConfig(pack: PackInfo, file: PolicyConfig): ReadonlyMap<string, PolicySettings> {
  const defaults = new Map<string, PolicySettings>(pack.policies.map((policy) => [policy.name, defaultsOf(policy)]));
  const result = [pack.initialConfig, file].reduce(applyConfig, defaults);
  const problems = pack.policies.flatMap((policy) => policyProblems(policy, result.get(policy.name)?.properties ?? {}));
  if (problems.length > 0) throw new PolicyConfigError(`${pack.name} ${pack.version}`, problems.sort());
  return result;
}

function readJson(file: string): JsonValue | undefined {
  try {
    const text = readFileSync(file, "utf8");
    return text.trim() === "" ? undefined : (JSON.parse(text) as JsonValue);
  } catch (cause) {
    throw new PolicyConfigFileError(file, cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

function settingsOf(file: string, name: string, value: JsonValue): PolicySettings {
  if (typeof value === "string") return { enforcementLevel: levelNamed(file, name, value) };
  if (!isMap(value))
    throw new PolicyConfigFileError(
      file,
      `${JSON.stringify(name)} must be a string or an object, not ${JSON.stringify(value)}`,
    );
  const { enforcementLevel: level, ...properties } = value;
  return {
    ...(level === undefined ? {} : { enforcementLevel: levelNamed(file, name, level) }),
    ...(Object.keys(properties).length === 0 ? {} : { properties }),
  };
}

function levelNamed(file: string, name: string, value: JsonValue): EnforcementLevel {
  const level = ENFORCEMENT_LEVELS.find((known) => known === value);
  if (level !== undefined) return level;
  throw new PolicyConfigFileError(
    file,
    `${JSON.stringify(value)} is not a valid enforcement level of ${JSON.stringify(name)}; it must be one of ${ENFORCEMENT_LEVELS.join(", ")}`,
  );
}

function defaultsOf(policy: PolicyInfo): PolicySettings {
  const defaults: Record<string, JsonValue> = {};
  for (const [key, schema] of Object.entries(policy.configSchema?.properties ?? {}))
    if (isMap(schema) && schema["default"] !== undefined) defaults[key] = schema["default"];
  return { enforcementLevel: policy.enforcementLevel, properties: defaults };
}

function applyConfig(before: ReadonlyMap<string, PolicySettings>, config: PolicyConfig): Map<string, PolicySettings> {
  const result = new Map(before);
  const level = config.get(ALL)?.enforcementLevel;
  if (level !== undefined)
    for (const [name, { properties }] of before) result.set(name, { enforcementLevel: level, properties });
  for (const [name, given] of config) {
    const known = result.get(name);
    if (known === undefined) continue;
    result.set(name, {
      enforcementLevel: given.enforcementLevel ?? known.enforcementLevel,
      properties: { ...known.properties, ...given.properties },
    });
  }
  return result;
}

function policyProblems(policy: PolicyInfo, properties: JsonMap): string[] {
  if (policy.configSchema === undefined) return [];
  // A level in the schema is Pulumi's own, not the policy's.
  const schema: JsonMap = {
    type: "object",
    properties: policy.configSchema.properties,
    required: policy.configSchema.required,
  };
  return schemaProblems(schema, properties).map((problem) => `${policy.name}: ${problem.replace(/^\(root\): /, "")}`);
}
