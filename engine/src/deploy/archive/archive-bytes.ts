/** The bytes of which Pulumi takes an archive's hash: an archive file as it is, anything else as a tar. */
import { createReadStream } from "node:fs";
import { resolve } from "node:path";
import type { PropertyMap } from "../../model.ts";
import { archiveMembers } from "./archive-members.ts";
import { formatOf } from "./archive-format.ts";
import { urlBytes } from "./asset-bytes.ts";
import { TAR_END, tarHeader, tarPadding } from "./tar-header.ts";

/** @throws Error when something in it cannot be read. */
export async function* archiveBytes(fields: PropertyMap, folder: string): AsyncGenerator<Buffer> {
  const { path, uri } = fields;
  if (typeof path === "string" && formatOf(path) !== undefined)
    yield* createReadStream(resolve(folder, path)) as AsyncIterable<Buffer>;
  else if (typeof path !== "string" && typeof uri === "string" && formatOf(new URL(uri).pathname) !== undefined)
    yield* urlBytes(uri);
  else yield* tarOf(fields, folder);
}

async function* tarOf(fields: PropertyMap, folder: string): AsyncGenerator<Buffer> {
  // Archives within an archive may bring the same file: the first counts.
  const seen = new Set<string>();
  for await (const { name, content } of archiveMembers(fields, folder)) {
    if (seen.has(name)) continue;
    seen.add(name);
    yield tarHeader(name, content.length);
    yield content;
    yield tarPadding(content.length);
  }
  yield TAR_END;
}
