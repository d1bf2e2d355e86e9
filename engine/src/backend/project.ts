/** Pulumi.yaml. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { parse } from "yaml";
import type { ProjectPlugin } from "../model.ts";
import { ProjectInvalidError, ProjectNotFoundError, UnsupportedError } from "./errors.ts";
import { projectPlugins } from "./project-plugins.ts";

export interface Project {
  readonly name: string;
  /** The path of Pulumi.yaml. */
  readonly file: string;
  readonly folder: string;
  readonly runtime: string;
  readonly runtimeOptions: { typescript?: boolean; nodeargs?: string; packagemanager?: string };
  /** `main`, resolved; the project's folder otherwise. */
  readonly program: string;
  readonly plugins: readonly ProjectPlugin[];
  readonly backendUrl: string | undefined;
  /** Folder of Pulumi.<stack>.yaml. */
  readonly stackConfigFolder: string;
  /** `options.refresh: always`. */
  readonly refreshAlways: boolean;
  /** Values that a stack has unless its own file says otherwise, by full key. */
  readonly config: ReadonlyMap<string, ProjectConfigEntry>;
}

interface ProjectConfigEntry {
  /** Undefined when the entry only declares that the key must be set. */
  readonly value: unknown;
}

const fileNames = ["Pulumi.yaml", "Pulumi.yml"];

/** The project whose folder is `from` or the nearest above it; undefined when there is none. */
export async function findProject(from: string): Promise<Project | undefined> {
  for (let folder = resolve(from); ; folder = dirname(folder)) {
    const file = fileNames.map((name) => join(folder, name)).find((candidate) => existsSync(candidate));
    if (file !== undefined) return readProject(file);
    if (dirname(folder) === folder) return undefined;
  }
}

/** @throws ProjectNotFoundError */
export async function requireProject(from: string): Promise<Project> {
  const project = await findProject(from);
  if (project === undefined) throw new ProjectNotFoundError(resolve(from));
  return project;
}

async function readProject(file: string): Promise<Project> {
  let document: unknown;
  try {
    document = parse(await readFile(file, "utf8"));
  } catch (cause) {
    throw new ProjectInvalidError(file, cause instanceof Error ? (cause.message.split("\n")[0] ?? "") : "", cause);
  }
  const root = asMap(document);
  const name = root["name"];
  if (typeof name !== "string" || name === "") throw new ProjectInvalidError(file, "it has no name");
  const runtime = typeof root["runtime"] === "string" ? { name: root["runtime"] } : asMap(root["runtime"]);
  if (typeof runtime["name"] !== "string") throw new ProjectInvalidError(file, "it has no runtime");
  const folder = dirname(file);
  const backendUrl = asMap(root["backend"])["url"];
  return {
    name,
    file,
    folder,
    runtime: runtime["name"],
    runtimeOptions: runtimeOptions(file, asMap(runtime["options"])),
    program: typeof root["main"] === "string" ? resolve(folder, root["main"]) : folder,
    plugins: projectPlugins(file, root),
    backendUrl: typeof backendUrl === "string" ? backendUrl : undefined,
    stackConfigFolder: resolve(folder, typeof root["stackConfigDir"] === "string" ? root["stackConfigDir"] : "."),
    refreshAlways: asMap(root["options"])["refresh"] === "always",
    config: projectConfig(name, asMap(root["config"])),
  };
}

function runtimeOptions(file: string, options: Record<string, unknown>): Project["runtimeOptions"] {
  const known: Project["runtimeOptions"] = {};
  for (const [key, value] of Object.entries(options)) {
    if (key === "typescript" && typeof value === "boolean") known.typescript = value;
    else if (key === "nodeargs" && typeof value === "string") known.nodeargs = value;
    else if (key === "packagemanager" && typeof value === "string") known.packagemanager = value;
    else throw new UnsupportedError(`the runtime option '${key}: ${JSON.stringify(value)}' of ${file}`);
  }
  return known;
}

/** An entry is a value, or a declaration with `value`, `default` or neither (then a stack must set it). */
function projectConfig(project: string, entries: Record<string, unknown>): Map<string, ProjectConfigEntry> {
  const result = new Map<string, ProjectConfigEntry>();
  for (const [key, entry] of Object.entries(entries)) {
    const fullKey = key.includes(":") ? key : `${project}:${key}`;
    const declaration = asMap(entry);
    const declares = ["type", "default", "value", "secret", "description"].some((word) => word in declaration);
    result.set(fullKey, { value: declares ? (declaration["value"] ?? declaration["default"]) : entry });
  }
  return result;
}

function asMap(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
