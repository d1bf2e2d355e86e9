/** What is in an asset: a text, a file, or what a URL names. */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { PropertyMap } from "../../model.ts";

/** @throws Error as Pulumi words it. */
export async function* assetBytes(fields: PropertyMap, folder: string): AsyncGenerator<Buffer> {
  const { text, path, uri } = fields;
  if (typeof path === "string") yield* fileBytes(resolve(folder, path));
  else if (typeof uri === "string") yield* urlBytes(uri);
  else yield Buffer.from(typeof text === "string" ? text : "");
}

async function* fileBytes(path: string): AsyncGenerator<Buffer> {
  const info = await stat(path).catch((cause: unknown) => {
    throw new Error(`failed to open asset file '${path}': ${reasonOf(cause)}`, { cause });
  });
  if (info.isDirectory()) throw new Error(`asset path '${path}' is a directory; try using an archive`);
  yield* createReadStream(path) as AsyncIterable<Buffer>;
}

/** @throws Error for another scheme than http, https and file, or an answer that is no success. */
export async function* urlBytes(uri: string): AsyncGenerator<Buffer> {
  const url = new URL(uri);
  if (url.protocol === "file:") {
    if (url.host !== "") throw new Error(`file:// host '${url.host}' not supported (only localhost)`);
    yield* createReadStream(fileURLToPath(url)) as AsyncIterable<Buffer>;
    return;
  }
  if (url.protocol !== "http:" && url.protocol !== "https:")
    throw new Error(`Unrecognized or unsupported URI scheme: ${url.protocol.slice(0, -1)}`);
  const response = await fetch(url);
  if (!response.ok) throw new Error(`could not read ${uri}: ${response.status} ${response.statusText}`);
  yield Buffer.from(await response.arrayBuffer());
}

/** As the operating system calls it: Node puts more around it. */
export function reasonOf(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  return code === "ENOENT" ? "no such file or directory" : error instanceof Error ? error.message : String(error);
}
