/** The files of an archive, in the order in which Pulumi reads them. */
import { lstat, readdir, readFile, stat } from "node:fs/promises";
import { join, posix, relative, resolve, sep } from "node:path";
import { gunzipSync } from "node:zlib";
import { AssetOrArchive } from "../../model.ts";
import type { PropertyMap } from "../../model.ts";
import { isMap } from "../property/value.ts";
import { formatOf } from "./archive-format.ts";
import type { ArchiveMember } from "./archive-member.ts";
import { assetBytes, reasonOf, urlBytes } from "./asset-bytes.ts";
import { tarMembers } from "./tar-members.ts";
import { zipMembers } from "./zip-members.ts";

/** Pulumi's own folder is in no archive. */
const BOOKKEEPING = ".pulumi";

/** @throws Error when something cannot be read. */
export async function* archiveMembers(fields: PropertyMap, folder: string): AsyncGenerator<ArchiveMember> {
  const { path, uri, assets } = fields;
  if (typeof path === "string") yield* pathMembers(resolve(folder, path));
  else if (typeof uri === "string") {
    const { pathname } = new URL(uri);
    if (formatOf(pathname) === undefined) throw new Error(`file at URL '${uri}' is not a recognized archive format`);
    yield* unpack(pathname, await whole(urlBytes(uri)), uri);
  } else if (isMap(assets)) yield* namedMembers(assets, folder);
}

async function* namedMembers(assets: PropertyMap, folder: string): AsyncGenerator<ArchiveMember> {
  for (const name of Object.keys(assets).sort(byBytes)) {
    const member = assets[name];
    if (!(member instanceof AssetOrArchive)) throw new Error(`archive member '${name}' is not an asset or archive`);
    if (member.kind === "asset") yield { name, content: await whole(assetBytes(member.fields, folder)) };
    else
      for await (const inner of archiveMembers(member.fields, folder))
        yield { name: posix.join(name, inner.name), content: inner.content };
  }
}

async function* pathMembers(path: string): AsyncGenerator<ArchiveMember> {
  if (formatOf(path) !== undefined) {
    yield* unpack(path, await readFile(path), path);
    return;
  }
  const info = await stat(path).catch((cause: unknown) => {
    throw new Error(`couldn't read archive path '${path}': ${reasonOf(cause)}`, { cause });
  });
  if (!info.isDirectory()) throw new Error(`'${path}' is neither a recognized archive type nor a directory`);
  for await (const file of filesIn(path))
    yield { name: relative(path, file).split(sep).join("/"), content: await readFile(file) };
}

/** Links to files count as the files; links to folders are left out. */
async function* filesIn(path: string): AsyncGenerator<string> {
  const info = await lstat(path);
  if (info.isSymbolicLink()) {
    if (!(await stat(path)).isDirectory()) yield path;
  } else if (!info.isDirectory()) yield path;
  else
    for (const name of (await readdir(path)).sort(byBytes)) if (name !== BOOKKEEPING) yield* filesIn(join(path, name));
}

function unpack(path: string, bytes: Buffer, where: string): Iterable<ArchiveMember> {
  switch (formatOf(path)) {
    case "tar":
      return tarMembers(bytes, where);
    case "tar.gz":
      return tarMembers(gunzipSync(bytes), where);
    default:
      return zipMembers(bytes, where);
  }
}

async function whole(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

/** Go's order of strings. */
function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
