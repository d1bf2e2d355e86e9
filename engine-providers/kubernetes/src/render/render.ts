/** Manifests as files, for `renderYamlToDirectory`: definitions apart, since they must be applied first. */
import { mkdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { stringify } from "yaml";
import { isCustomResourceDefinition, kindOf, nameOf, namespaceOf, text } from "../manifest/manifest.ts";
import type { Manifest } from "../manifest/manifest.ts";

const FOLDERS = { definitions: "0-crd", manifests: "1-manifest" };
/** They may hold secrets. */
const MODES = { folder: 0o700, file: 0o600 };

/** @returns the file */
export async function renderManifest(directory: string, manifest: Manifest): Promise<string> {
  const file = renderPath(directory, manifest);
  for (const folder of Object.values(FOLDERS))
    await mkdir(path.join(directory, folder), { recursive: true, mode: MODES.folder });
  // Keys in order, so that a file changes only when its object does.
  await writeFile(file, stringify(manifest, { sortMapEntries: true, lineWidth: 0 }), { mode: MODES.file });
  return file;
}

export async function removeRendered(directory: string, manifest: Manifest): Promise<void> {
  await rm(renderPath(directory, manifest), { force: true });
}

export function renderPath(directory: string, manifest: Manifest): string {
  const plain = (name: string) => name.replaceAll(/[/:\\]/g, "_");
  const parts = [
    text(manifest, "apiVersion"),
    kindOf(manifest).toLowerCase(),
    namespaceOf(manifest) || "default",
    nameOf(manifest),
  ];
  const folder = isCustomResourceDefinition(manifest) ? FOLDERS.definitions : FOLDERS.manifests;
  return path.join(directory, folder, `${parts.map(plain).join("-")}.yaml`);
}
