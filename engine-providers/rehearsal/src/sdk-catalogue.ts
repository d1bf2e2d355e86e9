/**
 * The classes of an installed SDK, read when they are asked for: a type token names the file that holds its class, so
 * that one look-up reads two small files (0.4 ms; all 3,215 classes of @pulumi/gcp 9.37 and @pulumi/aws 7.48 in
 * 1.4 s). Nothing is generated and checked in that another version of the SDK would make wrong.
 */
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { readClass } from "./sdk-class.ts";
import type { ClassFacts } from "./sdk-class.ts";

/** The SDK whose classes are rehearsed cannot be found. */
export class SdkMissingError extends Error {
  override readonly name = "SdkMissingError";

  constructor(packageName: string, folders: readonly string[]) {
    super(
      `${packageName} is installed neither for the program nor beside this provider (looked from ${folders.join(", ")}); ` +
        `its classes say which resources can be rehearsed: npm install ${packageName}`,
    );
  }
}

export class SdkCatalogue {
  readonly version: string;
  readonly #folder: string;
  readonly #package: string;
  readonly #classes = new Map<string, ClassFacts | undefined>();
  readonly #files = new Map<string, ReadonlyMap<string, string>>();

  /**
   * @param packageName e.g. `@pulumi/gcp`
   * @param folders where to resolve it from: the program's first, that its version counts
   * @throws SdkMissingError
   */
  constructor(packageName: string, folders: readonly string[]) {
    this.#folder = findPackage(packageName, folders);
    this.#package = packageName.slice(packageName.indexOf("/") + 1);
    const manifest = readFileSync(join(this.#folder, "package.json"), "utf8");
    this.version = (JSON.parse(manifest) as { version: string }).version;
  }

  /** Undefined when no class of the SDK has this type token. */
  classOf(token: string): ClassFacts | undefined {
    if (!this.#classes.has(token)) this.#classes.set(token, this.#read(token));
    return this.#classes.get(token);
  }

  hasFunction(token: string): boolean {
    const file = this.#fileOf(token);
    return file !== undefined && readFileSync(`${file}.js`, "utf8").includes(`"${token}"`);
  }

  /** Every type token of the SDK: reads all of its files. */
  types(): string[] {
    const tokens: string[] = [];
    for (const module of ["index", ...this.#modules()]) {
      for (const file of this.#moduleFiles(module).values()) {
        const facts = readClass(readFileSync(`${file}.js`, "utf8"), declarationOf(file));
        if (facts === undefined) continue;
        this.#classes.set(facts.token, facts);
        tokens.push(facts.token);
      }
    }
    return tokens;
  }

  #modules(): string[] {
    return readdirSync(this.#folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && entry.name !== "node_modules" && entry.name !== "types")
      .map(({ name }) => name);
  }

  #read(token: string): ClassFacts | undefined {
    const file = this.#fileOf(token);
    if (file === undefined) return undefined;
    const facts = readClass(readFileSync(`${file}.js`, "utf8"), declarationOf(file));
    return facts?.token === token ? facts : undefined;
  }

  /** `gcp:compute/network:Network` is in compute/network.js; letter case and a `_` after keywords may differ. */
  #fileOf(token: string): string | undefined {
    const match = /^([^:]+):([\w-]+)\/([\w-]+):\w+$/.exec(token);
    if (match?.[1] !== this.#package || match[2] === undefined || match[3] === undefined) return undefined;
    const files = this.#moduleFiles(match[2]);
    const name = match[3].toLowerCase();
    return files.get(name) ?? files.get(`${name}_`);
  }

  #moduleFiles(module: string): ReadonlyMap<string, string> {
    const known = this.#files.get(module);
    if (known !== undefined) return known;
    const folder = module === "index" ? this.#folder : join(this.#folder, module);
    const files = new Map<string, string>();
    for (const entry of list(folder)) {
      if (!entry.endsWith(".js") || entry === "index.js" || entry === "provider.js") continue;
      const name = entry.slice(0, -".js".length);
      files.set(name.toLowerCase(), join(folder, name));
    }
    this.#files.set(module, files);
    return files;
  }
}

function declarationOf(file: string): string {
  return readFileSync(`${file}.d.ts`, "utf8");
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function findPackage(packageName: string, folders: readonly string[]): string {
  for (const folder of folders) {
    try {
      return dirname(createRequire(join(folder, "index.js")).resolve(`${packageName}/package.json`));
    } catch {
      // The next folder may have it.
    }
  }
  throw new SdkMissingError(packageName, folders);
}
