/** A policy pack on disk: PulumiPolicy.yaml, and what runs it. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { parse } from "yaml";
import { UnsupportedError } from "../errors.ts";
import { PolicyDependenciesError, PolicyPackInvalidError, PolicyPackMissingError } from "./errors.ts";

const PROJECT_FILE = "PulumiPolicy.yaml";
const RUNNER = "@pulumi/pulumi/cmd/run-policy-pack";

export interface PackProject {
  /** Where the pack runs. */
  readonly folder: string;
  /** A program that serves policies itself; undefined for a folder that the SDK's runner serves. */
  readonly binary: string | undefined;
  /** Of PulumiPolicy.yaml: it goes before the version that the pack reports. "" for none. */
  readonly version: string;
  readonly nodeArguments: readonly string[];
}

/**
 * @param path Absolute: a folder with PulumiPolicy.yaml, or a program that serves policies.
 * @throws PolicyPackMissingError, PolicyPackInvalidError, UnsupportedError
 */
export function readPackProject(path: string): PackProject {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isFile()) {
    const file = join(dirname(path), PROJECT_FILE);
    const version = existsSync(file) ? textOf(file, "version", readYaml(file)["version"]) : "";
    return { folder: dirname(path), binary: path, version, nodeArguments: [] };
  }
  const file = join(path, PROJECT_FILE);
  if (!existsSync(file)) throw new PolicyPackMissingError(path);
  const root = readYaml(file);
  const runtime = typeof root["runtime"] === "string" ? { name: root["runtime"] } : asMap(root["runtime"]);
  const name = textOf(file, "runtime", runtime["name"]);
  if (name === "") throw new PolicyPackInvalidError(file, "project is missing a 'runtime' attribute");
  if (name !== "nodejs") throw new UnsupportedError(`policy packs of the runtime '${name}' (${file})`);
  const nodeArguments = textOf(file, "runtime.options.nodeargs", asMap(runtime["options"])["nodeargs"]);
  return {
    folder: path,
    binary: undefined,
    version: textOf(file, "version", root["version"]),
    nodeArguments: nodeArguments.split(/\s+/).filter((argument) => argument !== ""),
  };
}

/** The SDK's runner, from where the pack has its SDK. @throws PolicyDependenciesError */
export function findRunner(folder: string): string {
  try {
    return createRequire(join(folder, "index.js")).resolve(RUNNER);
  } catch (cause) {
    throw new PolicyDependenciesError(folder, "@pulumi/pulumi", { cause });
  }
}

/** Whether the pack's code is ES modules by its package.json. */
export function isModulePack(folder: string): boolean {
  try {
    const manifest: unknown = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    return asMap(manifest)["type"] === "module";
  } catch {
    // The SDK's server reads the file too, and says what is wrong with it.
    return false;
  }
}

function readYaml(file: string): Record<string, unknown> {
  try {
    return asMap(parse(readFileSync(file, "utf8")));
  } catch (cause) {
    const reason = cause instanceof Error ? (cause.message.split("\n")[0] ?? "") : "";
    throw new PolicyPackInvalidError(file, reason, { cause });
  }
}

/** YAML reads `version: 1.0` as a number. */
function textOf(file: string, key: string, value: unknown): string {
  if (value === undefined || value === null) return "";
  if (typeof value === "string") return value;
  if (typeof value === "number") return String(value);
  throw new PolicyPackInvalidError(file, `${key} must be a string, not ${JSON.stringify(value)}`);
}

function asMap(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
