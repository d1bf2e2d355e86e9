/** The build context: which files are in it, their hash, and the archive that the daemon is sent. */
import { createHash } from "node:crypto";
import type { Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import type { Stats } from "node:fs";
import { lstat, readdir, readFile, readlink } from "node:fs/promises";
import { isAbsolute, join, relative, resolve, sep } from "node:path";
import { PassThrough } from "node:stream";
import { pipeline } from "node:stream/promises";
import { pack } from "tar-stream";
import type { Pack } from "tar-stream";
import { parseDockerignore } from "./dockerignore.ts";
import type { IgnoreRules } from "./dockerignore.ts";

export interface BuildContext {
  /** The context's folder. */
  readonly folder: string;
  /** Of the Dockerfile, which may lie outside of the context. */
  readonly dockerfile: string;
}

interface Entry {
  /** Relative to the context, with `/`. */
  readonly path: string;
  readonly file: string;
  readonly stats: Stats;
}

/** Where the Dockerfile of another folder is put in the archive. */
const FOREIGN_DOCKERFILE = ".dockerfile.of-another-folder";

/** The Dockerfile as seen from the context: `../x` where it lies outside. */
export function dockerfileInContext({ folder, dockerfile }: BuildContext): string {
  return relative(resolve(folder), resolve(dockerfile)).split(sep).join("/");
}

function liesOutside(context: BuildContext): boolean {
  const path = dockerfileInContext(context);
  return path.startsWith("../") || isAbsolute(path);
}

/**
 * Changes with any file's name, mode or contents, and with the Dockerfile's contents; not with what is ignored, nor with
 * times and owners. SHA-256 in hex.
 */
export async function hashContext(context: BuildContext): Promise<string> {
  const hash = createHash("sha256");
  const add = (name: string, mode: string, digest: Buffer): Hash =>
    hash.update(name).update(mode).update(digest).update("\0");
  add("Dockerfile", "", await contentDigest(context.dockerfile));
  for await (const { path, file, stats } of entriesOf(context)) {
    if (stats.isDirectory()) continue;
    const digest = stats.isSymbolicLink()
      ? createHash("sha256")
          .update(await readlink(file))
          .digest()
      : await contentDigest(file);
    add(path, stats.mode.toString(8), digest);
  }
  return hash.digest("hex");
}

async function contentDigest(file: string): Promise<Buffer> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return hash.digest();
}

export interface Archive {
  readonly stream: PassThrough;
  /** The Dockerfile's path in it. */
  readonly dockerfile: string;
}

/** A tar of the context. Files belong to root in it, whoever builds. A failure to read ends the stream with the error. */
export function archiveContext(context: BuildContext): Archive {
  const stream = pack();
  // Node's own kind of stream, which is what HTTP clients read.
  const archive = new PassThrough();
  pipeline(stream, archive).catch((error: unknown) => archive.destroy(asError(error)));
  const outside = liesOutside(context);
  const fill = async (): Promise<void> => {
    if (outside) stream.entry({ name: FOREIGN_DOCKERFILE }, await readFile(context.dockerfile));
    for await (const entry of entriesOf(context)) await addEntry(stream, entry);
    stream.finalize();
  };
  fill().catch((error: unknown) => stream.destroy(asError(error)));
  return { stream: archive, dockerfile: outside ? FOREIGN_DOCKERFILE : dockerfileInContext(context) };
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

async function addEntry(stream: Pack, { path: name, file, stats }: Entry): Promise<void> {
  const header = { name, mode: stats.mode & 0o7777, mtime: stats.mtime, uid: 0, gid: 0 };
  if (stats.isDirectory()) stream.entry({ ...header, type: "directory" });
  else if (stats.isSymbolicLink()) stream.entry({ ...header, type: "symlink", linkname: await readlink(file) });
  // Cut at the size that the header says, should it grow while it is read.
  else if (stats.size === 0) stream.entry({ ...header, size: 0 });
  else {
    const entry = stream.entry({ ...header, size: stats.size });
    await pipeline(createReadStream(file, { end: stats.size - 1 }), entry);
  }
}

/** Files, folders and links that are not ignored, by name within each folder. Sockets and devices are left out. */
async function* entriesOf(context: BuildContext): AsyncGenerator<Entry> {
  const rules = await ignoreRulesOf(context);
  // The daemon needs these two even where they are ignored.
  const needed = new Set([".dockerignore", dockerfileInContext(context)]);
  const walk = async function* (folder: string): AsyncGenerator<Entry> {
    const names = (await readdir(join(context.folder, folder))).sort();
    for (const name of names) {
      const path = folder === "" ? name : `${folder}/${name}`;
      const file = join(context.folder, path);
      const stats = await lstat(file);
      const leads = [...needed].some((needs) => needs.startsWith(`${path}/`));
      const included = !rules.excludes(path) || needed.has(path) || leads;
      if (stats.isDirectory()) {
        if (included) yield { path, file, stats };
        if (leads || !rules.prunes(path)) yield* walk(path);
      } else if (included && (stats.isFile() || stats.isSymbolicLink())) yield { path, file, stats };
    }
  };
  yield* walk("");
}

/** `<Dockerfile>.dockerignore` goes before the one of the context. */
async function ignoreRulesOf({ folder, dockerfile }: BuildContext): Promise<IgnoreRules> {
  for (const file of [`${dockerfile}.dockerignore`, join(folder, ".dockerignore")]) {
    const text = await readFile(file, "utf8").catch((error: unknown) => {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
      throw error;
    });
    if (text !== undefined) return parseDockerignore(text);
  }
  return parseDockerignore("");
}
