/** A part of package.json and package-lock.json: what one service needs of the project's packages, as `npm ci` reads it. */

type Versions = Readonly<Record<string, string>>;

export interface PackageJson {
  readonly name: string;
  readonly version: string;
  readonly type: string;
  readonly dependencies: Versions;
  readonly overrides?: unknown;
}

interface LockedPackage {
  readonly dependencies?: Versions;
  readonly optionalDependencies?: Versions;
  readonly peerDependencies?: Versions;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
}

export interface PackageLock {
  readonly name: string;
  readonly version: string;
  readonly lockfileVersion: number;
  readonly requires: boolean;
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

/** The project's dependencies that a source text names in quotes, a package's own sub-paths and platform parts included. */
export function namedPackages(source: string, dependencies: Versions): string[] {
  return Object.keys(dependencies).filter((name) => {
    const escaped = name.replace(/[/.]/g, String.raw`\$&`);
    return new RegExp(`["'\`]${escaped}(?:[/-][^"'\`\\s]*)?["'\`]`).test(source);
  });
}

/** The lock reduced to the named packages and all that they need. @throws when the lock lacks one. */
export function reduceLock(lock: PackageLock, names: readonly string[]): PackageLock {
  const kept = new Set<string>();
  const visit = (from: string, name: string, optional: boolean): void => {
    const path = resolve(lock, from, name);
    if (path === undefined) {
      if (optional) return;
      throw new Error(`package-lock.json has no ${name}, which ${from === "" ? "the service" : from} needs`);
    }
    if (kept.has(path)) return;
    kept.add(path);
    const {
      dependencies = {},
      optionalDependencies = {},
      peerDependencies = {},
      peerDependenciesMeta = {},
    } = lock.packages[path] ?? {};
    for (const needed of Object.keys(dependencies)) visit(path, needed, needed in optionalDependencies);
    for (const wanted of Object.keys(optionalDependencies)) visit(path, wanted, true);
    for (const peer of Object.keys(peerDependencies)) {
      if (peerDependenciesMeta[peer]?.optional !== true) visit(path, peer, false);
    }
  };
  for (const name of names) visit("", name, false);
  const packages = Object.entries(lock.packages).filter(([path]) => kept.has(path));
  const root = lock.packages[""]?.dependencies ?? {};
  const dependencies = Object.fromEntries(names.map((name) => [name, root[name] ?? "*"]));
  return {
    ...{ name: lock.name, version: lock.version, lockfileVersion: lock.lockfileVersion, requires: lock.requires },
    packages: { "": { dependencies }, ...Object.fromEntries(packages) },
  };
}

/** As Node finds it: beside the package that asks, or further up. */
function resolve({ packages }: PackageLock, from: string, name: string): string | undefined {
  for (let folder = from; ; folder = folder.slice(0, Math.max(folder.lastIndexOf("/node_modules/"), 0))) {
    const path = folder === "" ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
    if (packages[path] !== undefined) return path;
    if (folder === "") return undefined;
  }
}
