/** The provider plugins that a project brings itself: `plugins.providers[]` and local `packages` of Pulumi.yaml. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parse } from "yaml";
import type { ProjectPlugin } from "../model.ts";
import { ProjectInvalidError } from "./errors.ts";

/** @throws ProjectInvalidError when an entry is not as it must be. That its folder is there matters where it is used. */
export function projectPlugins(file: string, project: Readonly<Record<string, unknown>>): ProjectPlugin[] {
  return [...providers(file, project), ...localPackages(file, project["packages"], new Set())];
}

function providers(file: string, project: Readonly<Record<string, unknown>>): ProjectPlugin[] {
  const list = asMap(project["plugins"])["providers"] ?? [];
  if (!Array.isArray(list)) throw new ProjectInvalidError(file, "plugins.providers is no list");
  const plugins = (list as unknown[]).map((entry, index): ProjectPlugin => {
    const { name, path, version } = asMap(entry);
    const where = `plugins.providers[${index}]`;
    if (typeof name !== "string" || name === "") throw new ProjectInvalidError(file, `${where} has no name`);
    if (typeof path !== "string" || path === "") throw new ProjectInvalidError(file, `${where} (${name}) has no path`);
    if (version !== undefined && typeof version !== "string")
      throw new ProjectInvalidError(file, `${where} (${name}) has a version that is no text; put it in quotes`);
    return { name, path: resolve(dirname(file), path), ...(version === undefined ? {} : { version }) };
  });
  for (const [index, { name, version }] of plugins.entries()) {
    const twin = plugins.findIndex((other) => other.name === name && other.version === version);
    if (version !== undefined && twin < index)
      throw new ProjectInvalidError(file, `plugins.providers has ${name} of version ${version} twice`);
  }
  return plugins;
}

/** Packages whose source is a folder, and those that such a package names itself (as Pulumi, relative to the project). */
function localPackages(file: string, packages: unknown, visited: Set<string>): ProjectPlugin[] {
  return Object.entries(asMap(packages)).flatMap(([name, entry]) => {
    const source = typeof entry === "string" ? entry : asMap(entry)["source"];
    if (typeof source !== "string" || !/^(\.{0,2}\/|\.{1,2}$)/.test(source) || visited.has(name)) return [];
    visited.add(name);
    const path = resolve(dirname(file), source);
    return [...localPackages(file, packagesOf(path), visited), { name, path }];
  });
}

function packagesOf(path: string): unknown {
  const manifest = join(path, "PulumiPlugin.yaml");
  if (!existsSync(manifest)) return undefined;
  try {
    return asMap(parse(readFileSync(manifest, "utf8")))["packages"];
  } catch (cause) {
    throw new ProjectInvalidError(manifest, cause instanceof Error ? (cause.message.split("\n")[0] ?? "") : "", cause);
  }
}

function asMap(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
