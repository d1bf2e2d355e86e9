/** yaml/v2: objects from files and text. */
import { isList, isMap } from "@automatos/provider-plugin";
import type { PropertyMap, PropertyValue } from "@automatos/provider-plugin";
import type { Manifest } from "../manifest/manifest.ts";
import { toManifest } from "../manifest/properties.ts";
import { decodeManifests } from "../manifests/decode.ts";
import { readManifestFile } from "../manifests/files.ts";
import type { Session } from "../session.ts";

export async function configFileManifests(_session: Session, inputs: PropertyMap): Promise<Manifest[]> {
  const { file } = toManifest(inputs);
  if (typeof file !== "string" || file === "")
    throw new Error('ConfigFile: "file" is the path or address of a manifest');
  return (await readManifestFile(file, false)).flatMap(decodeManifests);
}

export async function configGroupManifests(_session: Session, inputs: PropertyMap): Promise<Manifest[]> {
  const { files, yaml, objs } = toManifest(inputs);
  const texts: string[] = [];
  for (const file of manyOf(files)) texts.push(...(await readManifestFile(textOf("files", file), true)));
  for (const one of manyOf(yaml)) texts.push(textOf("yaml", one));
  const objects = manyOf(objs).map((one) => {
    if (isMap(one)) return one as Manifest;
    throw new Error('ConfigGroup: each of "objs" is an object with apiVersion and kind');
  });
  return [...texts.flatMap(decodeManifests), ...objects];
}

function manyOf(value: PropertyValue | undefined): readonly PropertyValue[] {
  if (value === undefined || value === null) return [];
  return isList(value) ? value : [value];
}

function textOf(name: string, value: PropertyValue): string {
  if (typeof value === "string") return value;
  throw new Error(`ConfigGroup: each of "${name}" is a text`);
}
