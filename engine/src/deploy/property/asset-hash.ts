/**
 * Assets and archives carry a hash of their contents, so that a change of a file is a change of the resource. The hash
 * is the one that Pulumi computes: a state that Pulumi wrote shows no change here, and the other way about.
 */
import { createHash } from "node:crypto";
import { AssetOrArchive, Secret } from "../../model.ts";
import type { PropertyMap, PropertyValue } from "../../model.ts";
import { archiveBytes } from "../archive/archive-bytes.ts";
import { assetBytes } from "../archive/asset-bytes.ts";
import { isList, isMap } from "./value.ts";

/** @param folder What relative paths are relative to. @throws Error when contents cannot be read. */
export async function hashAssets(properties: PropertyMap, folder: string): Promise<PropertyMap> {
  if (!Object.values(properties).some(hasAsset)) return properties;
  const entries = Object.entries(properties);
  return Object.fromEntries(
    await Promise.all(entries.map(async ([key, value]) => [key, await hashValue(value, folder)] as const)),
  );
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

/** The members of an archive have no hash of their own. */
async function withHash(asset: AssetOrArchive, folder: string): Promise<AssetOrArchive> {
  const { fields } = asset;
  if (typeof fields["hash"] === "string") return asset;
  const hash = createHash("sha256");
  const bytes = asset.kind === "asset" ? assetBytes(fields, folder) : archiveBytes(fields, folder);
  for await (const chunk of bytes) hash.update(chunk);
  return new AssetOrArchive(asset.kind, { ...fields, hash: hash.digest("hex") });
}
