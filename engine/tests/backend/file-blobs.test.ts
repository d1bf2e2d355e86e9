import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { FileBlobs } from "../../src/backend/blobs/file-blobs.ts";
import { describeBlobStore } from "./blob-store.contract.ts";

const folders: string[] = [];
after(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))));

describeBlobStore("a folder", async () => {
  const folder = await mkdtemp(join(tmpdir(), "blobs-"));
  folders.push(folder);
  return new FileBlobs(folder);
});
