/** helm.v4.Chart: a component whose objects a chart renders. */
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { AssetOrArchive, isList, isMap, Secret } from "@automatos/provider-plugin";
import type { PropertyMap, PropertyValue } from "@automatos/provider-plugin";
import { list, text } from "../manifest/manifest.ts";
import type { Manifest } from "../manifest/manifest.ts";
import { toManifest } from "../manifest/properties.ts";
import { readManifestFile } from "../manifests/files.ts";
import type { Session } from "../session.ts";
import { withScratch } from "./command.ts";
import { renderChart } from "./helm.ts";

export function chartManifests(session: Session, inputs: PropertyMap, name: string): Promise<readonly Manifest[]> {
  return withScratch(async (scratch) => {
    const files = new AssetFiles(scratch);
    const { keyring, valueYamlFiles, values, repositoryOpts, ...rest } = inputs;
    const plain = toManifest(rest);
    const chart = text(plain, "chart");
    if (chart === "") throw new Error('Chart: "chart" is a reference, a path or an address of a chart');
    const flags = [
      ...flagsOf(session, plain),
      ...(keyring === undefined || keyring === null ? [] : [`--keyring=${await files.path(keyring)}`]),
      ...(await repositoryFlags(repositoryOpts, files)),
    ];
    const valuesFiles: string[] = [];
    for (const file of valueYamlFiles !== undefined && isList(valueYamlFiles) ? valueYamlFiles : [])
      valuesFiles.push(await files.path(file));
    const given = await files.withTexts(values ?? {});
    return renderChart(
      session,
      {
        release: text(plain, "name") || name,
        chart,
        namespace: text(plain, "namespace") || session.defaultNamespace,
        values: isMap(given) ? toManifest(given) : {},
        valuesFiles,
        flags,
      },
      scratch,
    );
  });
}

function flagsOf(session: Session, inputs: Manifest): string[] {
  const isSet = (name: string) => inputs[name] === true;
  // Hooks are not run; where manifests are only written, whoever applies them may.
  const hooks = isSet("includeHooks") && session.rendersTo !== undefined;
  const flags = [
    ...(isSet("skipCrds") ? ["--skip-crds"] : ["--include-crds"]),
    ...(hooks ? ["--skip-tests"] : ["--no-hooks"]),
    ...(isSet("devel") ? ["--devel"] : []),
    ...(isSet("dependencyUpdate") ? ["--dependency-update"] : []),
    ...(isSet("verify") ? ["--verify"] : []),
    ...(isSet("plainHttp") ? ["--plain-http"] : []),
  ];
  const version = text(inputs, "version");
  if (version !== "") flags.push(`--version=${version}`);
  const renderer = text(inputs, "postRenderer", "command");
  if (renderer !== "") flags.push(`--post-renderer=${renderer}`);
  for (const argument of list(inputs, "postRenderer", "args"))
    if (typeof argument === "string") flags.push(`--post-renderer-args=${argument}`);
  return flags;
}

/** By the names that `helm template` has for them. */
const REPOSITORY_TEXTS = { repo: "repo", username: "username", password: "password" };
const REPOSITORY_FILES = { caFile: "ca-file", certFile: "cert-file", keyFile: "key-file" };

async function repositoryFlags(options: PropertyValue | undefined, files: AssetFiles): Promise<string[]> {
  const plain = options instanceof Secret ? options.element : options;
  if (plain === undefined || !isMap(plain)) return [];
  const flags: string[] = [];
  for (const [name, flag] of Object.entries(REPOSITORY_TEXTS)) {
    const given = plain[name];
    const value = given instanceof Secret ? given.element : given;
    if (typeof value === "string" && value !== "") flags.push(`--${flag}=${value}`);
  }
  for (const [name, flag] of Object.entries(REPOSITORY_FILES)) {
    const value = plain[name];
    if (value !== undefined && value !== null) flags.push(`--${flag}=${await files.path(value)}`);
  }
  return flags;
}

/** Assets as files and as texts. */
class AssetFiles {
  readonly #folder: string;
  #written = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** A text is the path of a file already. */
  async path(asset: PropertyValue): Promise<string> {
    if (asset instanceof Secret) return this.path(asset.element);
    if (typeof asset === "string") return asset;
    if (asset instanceof AssetOrArchive && typeof asset.fields["path"] === "string") return asset.fields["path"];
    this.#written += 1;
    const file = path.join(this.#folder, `asset-${this.#written}`);
    await writeFile(file, await textOfAsset(asset), { mode: 0o600 });
    return file;
  }

  /** Values in which assets have become the texts that they hold. */
  async withTexts(value: PropertyValue): Promise<PropertyValue> {
    if (value instanceof Secret) return this.withTexts(value.element);
    if (value instanceof AssetOrArchive) return textOfAsset(value);
    if (isList(value)) return Promise.all(value.map((item) => this.withTexts(item)));
    if (!isMap(value)) return value;
    const entries = Object.entries(value).map(async ([key, item]) => [key, await this.withTexts(item)] as const);
    return Object.fromEntries(await Promise.all(entries));
  }
}

async function textOfAsset(asset: PropertyValue): Promise<string> {
  if (asset instanceof AssetOrArchive && asset.kind === "asset") {
    const { text: content, path: file, uri } = asset.fields;
    if (typeof content === "string") return content;
    const from = typeof file === "string" ? file : typeof uri === "string" ? uri : undefined;
    if (from !== undefined) return (await readManifestFile(from, false)).join("");
  }
  throw new Error("Chart: a file is given as an asset (pulumi.asset.FileAsset, StringAsset, RemoteAsset) or as a path");
}
