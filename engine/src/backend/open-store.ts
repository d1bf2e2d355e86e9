/** Opens the state store that a URL names. */
import type { BlobStore } from "./blobs/blob-store.ts";
import { FileBlobs } from "./blobs/file-blobs.ts";
import { parseStateStoreUrl, type Environment } from "./locations.ts";
import { StackStore, type StackStoreDeps } from "./stack-store.ts";

export async function openStore(
  url: string,
  env: Environment,
  deps: Omit<StackStoreDeps, "url" | "blobs">,
): Promise<StackStore> {
  return new StackStore({ ...deps, url, blobs: await openBlobs(url, env) });
}

async function openBlobs(url: string, env: Environment): Promise<BlobStore> {
  const location = parseStateStoreUrl(url, env);
  if (location.kind === "folder") return new FileBlobs(location.folder);
  const [{ S3Blobs }, { parseBucketUrl }] = await Promise.all([
    import("./blobs/s3-blobs.ts"),
    import("./blobs/bucket-url.ts"),
  ]);
  return S3Blobs.open(parseBucketUrl(location.url, env));
}
