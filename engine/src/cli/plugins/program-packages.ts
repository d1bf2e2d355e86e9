/** The npm packages of a Node.js program, and the plugins that those of providers need. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

export interface NpmPackage {
  readonly name: string;
  readonly version: string;
  readonly folder: string;
  /** The provider's plugin, where the package is the SDK of one. */
  readonly plugin: { readonly name: string; readonly version: string } | undefined;
}

interface Manifest {
  readonly name?: string;
  readonly version?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly pulumi?: { readonly resource?: boolean; readonly name?: string; readonly version?: string };
}

/** What package.json names and node_modules holds; with `transitive`, what those need too. By name. */
export function programPackages(programFolder: string, transitive: boolean): NpmPackage[] {
  const root = nearest(programFolder, "package.json");
  if (root === undefined) return [];
  const found = new Map<string, NpmPackage>();
  const visit = (folder: string, isRoot: boolean): void => {
    const { dependencies, devDependencies } = readManifest(folder);
    for (const name of Object.keys({ ...dependencies, ...(isRoot && devDependencies) })) {
      const at = nearest(folder, join("node_modules", name, "package.json"));
      if (at === undefined || found.has(at)) continue;
      const own = join(at, "node_modules", name);
      found.set(at + name, describe(name, own));
      if (transitive) visitOnce(own);
    }
  };
  const visited = new Set<string>();
  const visitOnce = (folder: string): void => {
    if (visited.has(folder)) return;
    visited.add(folder);
    visit(folder, false);
  };
  visit(root, true);
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function describe(name: string, folder: string): NpmPackage {
  const { version = "", pulumi } = readManifest(folder);
  const plugin =
    pulumi?.resource === true
      ? { name: pulumi.name ?? name.replace(/^@pulumi\//, ""), version: (pulumi.version ?? version).replace(/^v/, "") }
      : undefined;
  return { name, version, folder, plugin };
}

/** The nearest folder from here upwards that holds a file. */
function nearest(from: string, file: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    if (existsSync(join(folder, file))) return folder;
    if (dirname(folder) === folder) return undefined;
  }
}

function readManifest(folder: string): Manifest {
  try {
    return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;
  } catch {
    return {}; // told of by whoever needs it: npm, or the program itself
  }
}
