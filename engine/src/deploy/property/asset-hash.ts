/** Assets carry a hash of their contents, so that a change of a file is a change of the resource. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { AssetOrArchive, Secret } from "../../model.ts";
import type { PropertyMap, PropertyValue } from "../../model.ts";
import { isList, isMap } from "./value.ts";

/** @param folder What relative paths are relative to. @throws Error when a file is missing. */
export async function hashAssets(properties: PropertyMap, folder: string): Promise<PropertyMap> {
  if (!Object.values(properties).some(hasAsset)) return properties;
  const hashed: Record<string, PropertyValue> = {};
  for (const [key, value] of Object.entries(properties)) hashed[key] = await hashValue(value, folder);
  return hashed;
}

function hasAsset(value: PropertyValue): boolean {
  if (value instanceof AssetOrArchive) return true;
  if (value instanceof Secret) return hasAsset(value.element);
  if (isList(value)) return value.some(hasAsset);
  return isMap(value) && Object.values(value).some(hasAsset);
}

async function hashValue(value: PropertyValue, folder: string): Promise<PropertyValue> {
  if (value instanceof AssetOrArchive) return withHash(value, folder);
  if (value instanceof Secret) return new Secret(await hashValue(value.element, folder));
  if (isList(value)) return Promise.all(value.map((item) => hashValue(item, folder)));
  return isMap(value) ? hashAssets(value, folder) : value;
}

async function withHash(asset: AssetOrArchive, folder: string): Promise<AssetOrArchive> {
  const { text, path, assets } = asset.fields;
  const hash = createHash("sha256");
  let fields = asset.fields;
  if (typeof text === "string" && text !== "") hash.update(text);
  else if (typeof path === "string" && path !== "") await addFile(hash, resolve(folder, path));
  else if (isMap(assets)) {
    const members = await hashAssets(assets, folder);
    fields = { ...fields, assets: members };
    for (const name of Object.keys(members).sort()) {
      const member = members[name];
      hash.update(`${name}\0${member instanceof AssetOrArchive ? JSON.stringify(member.fields["hash"]) : ""}\0`);
    }
  } else return asset;
  return new AssetOrArchive(asset.kind, { ...fields, hash: hash.digest("hex") });
}

type Hash = ReturnType<typeof createHash>;

async function addFile(hash: Hash, path: string): Promise<void> {
  const info = await stat(path);
  if (!info.isDirectory()) {
    await pipeline(createReadStream(path), async (chunks: AsyncIterable<Buffer>) => {
      for await (const chunk of chunks) hash.update(chunk);
    });
    return;
  }
  for (const name of (await readdir(path)).sort()) {
    hash.update(`${name}\0`);
    await addFile(hash, join(path, name));
  }
}
