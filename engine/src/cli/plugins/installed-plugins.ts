/** The plugins in Pulumi's home: folders `<kind>-<name>-v<version>`. */
import { lstatSync, readdirSync, statSync, type Stats } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { pulumiHome, type Environment } from "../../backend/locations.ts";
import { compareVersions } from "./version-order.ts";

export const pluginKinds = ["analyzer", "converter", "language", "resource", "tool"] as const;

export interface InstalledPlugin {
  readonly kind: string;
  readonly name: string;
  readonly version: string;
  readonly folder: string;
}

/** By name; of one name the newest first. */
export function installedPlugins(env: Environment): InstalledPlugin[] {
  const root = pluginFolder(env);
  const entries = readFolder(root);
  const plugins = entries.flatMap((entry): InstalledPlugin[] => {
    const match = /^([a-z]+)-(.+)-v(\d[^/]*)$/.exec(entry);
    const [, kind = "", name = "", version = ""] = match ?? [];
    if (match === null || !(pluginKinds as readonly string[]).includes(kind)) return [];
    // what beside it says that it is not there whole
    if (/\.(lock|partial|tmp\d+)$/.test(entry) || entries.includes(`${entry}.partial`)) return [];
    return [{ kind, name, version, folder: join(root, entry) }];
  });
  return plugins.sort((a, b) => {
    if (a.name !== b.name) return a.name < b.name ? -1 : 1;
    return compareVersions(b.version, a.version);
  });
}

export function pluginFolder(env: Environment): string {
  return join(pulumiHome(env), "plugins");
}

/** Bytes, without what links lead to. */
export function sizeOf(path: string): number {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return 0;
  if (!stats.isDirectory()) return stats.size;
  return readFolder(path).reduce((sum, entry) => sum + sizeOf(join(path, entry)), 0);
}

export function timesOf(path: string): Stats | undefined {
  return statSync(path, { throwIfNoEntry: false });
}

/** The plugin, and the files beside it that say how far its installation came. */
export async function removePlugin({ folder }: InstalledPlugin): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  for (const suffix of [".lock", ".partial"]) await rm(folder + suffix, { force: true });
}

function readFolder(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // a folder that is not there holds nothing
  }
}
