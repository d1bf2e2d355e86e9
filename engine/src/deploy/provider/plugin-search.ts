/** Where provider plugins are: in the project, on PATH, installed, or in folders that the environment names. */
import { accessSync, constants, existsSync, readdirSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import type { ProjectPlugin } from "../../model.ts";
import { PluginMissingError, PluginStartError } from "../errors.ts";

/** A plugin is an executable, or a folder whose PulumiPlugin.yaml says how its source is run. */
export type PluginLocation = { binary: string } | { source: string };

interface PluginSearch {
  name: string;
  /** "" for any. */
  version: string;
  projectPlugins: readonly ProjectPlugin[];
  env: NodeJS.ProcessEnv;
}

/** This engine's own variable: folders, separated as in PATH, that are searched when a plugin is nowhere else. */
const PLUGIN_PATH = "AUTOMATOS_PLUGIN_PATH";
export const PLUGIN_MANIFEST = "PulumiPlugin.yaml";

/**
 * Searches in Pulumi's order: the project's own plugins, PATH, the installed plugins (PULUMI_HOME/plugins); then
 * AUTOMATOS_PLUGIN_PATH.
 * @throws PluginMissingError, which says where it was looked for.
 */
export function findPlugin(search: PluginSearch): PluginLocation {
  const { name, version, env } = search;
  const looked: string[] = [];
  const ofProject = inProject(search, looked);
  if (ofProject !== undefined) return ofProject;
  if (isTrue(env["PULUMI_IGNORE_AMBIENT_PLUGINS"])) looked.push("not on PATH, as PULUMI_IGNORE_AMBIENT_PLUGINS is set");
  else {
    const onPath = firstBinary(folders(env["PATH"]), name);
    if (onPath !== undefined) return onPath;
    looked.push("PATH");
  }
  const installed = join(env["PULUMI_HOME"] ?? join(homedir(), ".pulumi"), "plugins");
  const found = inFolders(installedFolders(installed, name, version), name);
  if (found !== undefined) return found;
  looked.push(installed);
  const named = folders(env[PLUGIN_PATH]);
  looked.push(named.length === 0 ? `${PLUGIN_PATH}, which is not set` : `${PLUGIN_PATH} (${named.join(delimiter)})`);
  const last = firstBinary(named, name);
  if (last !== undefined) return last;
  throw new PluginMissingError(name, version, looked);
}

function inProject({ name, version, projectPlugins }: PluginSearch, looked: string[]): PluginLocation | undefined {
  for (const plugin of projectPlugins) {
    if (plugin.name !== name) continue;
    if (plugin.version !== undefined && version !== "" && plugin.version !== version) {
      looked.push(`the project's own at ${plugin.path}, which is version ${plugin.version}`);
      continue;
    }
    if (!existsSync(plugin.path))
      throw new PluginStartError(name, `Pulumi.yaml names the folder ${plugin.path}, which is not there`);
    const found = inFolders([plugin.path], name);
    if (found !== undefined) return found;
    looked.push(
      `${plugin.path}, which the project names and has neither pulumi-resource-${name} nor ${PLUGIN_MANIFEST}`,
    );
  }
  return undefined;
}

function firstBinary(among: readonly string[], name: string): PluginLocation | undefined {
  const binary = among.map((folder) => join(folder, `pulumi-resource-${name}`)).find(isExecutable);
  return binary === undefined ? undefined : { binary };
}

function inFolders(among: readonly string[], name: string): PluginLocation | undefined {
  for (const folder of among) {
    const found = firstBinary([folder], name);
    if (found !== undefined) return found;
    if (existsSync(join(folder, PLUGIN_MANIFEST))) return { source: folder };
  }
  return undefined;
}

/** Folders `resource-<name>-v<version>`: of the version that is asked for, or the newest first. */
function installedFolders(plugins: string, name: string, version: string): string[] {
  const prefix = `resource-${name}-v`;
  let installed: string[];
  try {
    installed = readdirSync(plugins);
  } catch {
    return [];
  }
  return installed
    .filter((entry) => (version === "" ? entry.startsWith(prefix) : entry === prefix + version))
    .filter((entry) => !/\.(lock|partial|tmp\d+)$/.test(entry) && !installed.includes(`${entry}.partial`))
    .sort((a, b) => b.localeCompare(a, "en", { numeric: true }))
    .map((entry) => join(plugins, entry));
}

function folders(list: string | undefined): string[] {
  return (list ?? "").split(delimiter).filter((folder) => folder !== "");
}

function isTrue(text: string | undefined): boolean {
  return text === "1" || text?.toLowerCase() === "true";
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
