/** Kustomizations, built with the `kustomize` or the `kubectl` command. */
import { existsSync } from "node:fs";
import type { PropertyMap } from "@automatos/provider-plugin";
import { text } from "../manifest/manifest.ts";
import type { Manifest } from "../manifest/manifest.ts";
import { toManifest } from "../manifest/properties.ts";
import { decodeManifests } from "../manifests/decode.ts";
import type { Session } from "../session.ts";
import { CommandMissingError, runCommand } from "./command.ts";

export async function directoryManifests(_session: Session, inputs: PropertyMap): Promise<Manifest[]> {
  return kustomize(text(toManifest(inputs), "directory"));
}

/** @param directory A folder, or the address of one that kustomize can fetch. */
export async function kustomize(directory: string): Promise<Manifest[]> {
  if (directory === "") throw new Error('kustomize: "directory" is the folder of a kustomization');
  if (!directory.includes("://") && directory.startsWith(".") && !existsSync(directory))
    throw new Error(`kustomize: the folder ${directory} does not exist`);
  const options = {
    purpose: "kustomizations are built",
    remedy: "Install kustomize (https://kubectl.docs.kubernetes.io/installation/kustomize/) or kubectl.",
  };
  try {
    return decodeManifests(await runCommand("kustomize", ["build", directory], options));
  } catch (error) {
    if (!(error instanceof CommandMissingError)) throw error;
  }
  return decodeManifests(await runCommand("kubectl", ["kustomize", directory], options));
}
