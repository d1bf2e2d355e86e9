import { randomUUID } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { link, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { z } from "zod";
import { ArtifactList, RepositoryList } from "../../contracts/http-api.ts";
import { FileList, WrittenFile } from "../../contracts/tool-call.ts";
import { splitWorkspace, type GlobalOptions } from "../context.ts";
import { CliError, UnexpectedAnswerError, UsageError } from "../errors.ts";
import { EXIT } from "../exit-codes.ts";
import { localTime, size } from "../output/format.ts";
import { forTerminal } from "../output/style.ts";
import { table } from "../output/table.ts";
import { open } from "./workspace.ts";

export async function repositoriesList(named: string | undefined, options: GlobalOptions): Promise<number> {
  const { context, path: workspace } = await open(named, options);
  const list = await context.client.call("GET", `${workspace}/repos`, RepositoryList);
  context.answer(list, () => {
    if (list.items.length === 0) return "no cached repositories";
    const rows = list.items.map((item) => [
      forTerminal(item.name, false),
      size(item.sizeBytes),
      localTime(item.lastUsedAt),
      forTerminal(item.url ?? "", false),
    ]);
    return table(["NAME", "SIZE>", "LAST USED", "URL"], rows);
  });
  return EXIT.ok;
}

export async function artifactsList(named: string | undefined, options: GlobalOptions): Promise<number> {
  const { context, path: workspace } = await open(named, options);
  const list = await context.client.call("GET", `${workspace}/artifacts`, ArtifactList);
  context.answer(list, () => {
    if (list.items.length === 0) return "no artifacts";
    const rows = list.items.map((item) => [
      forTerminal(item.path, false),
      size(item.sizeBytes),
      localTime(item.modifiedAt),
    ]);
    return table(["PATH", "SIZE>", "MODIFIED"], rows);
  });
  return EXIT.ok;
}

/** Removes repositories (`repos`) or artifacts, one after the other. */
export async function remove(
  kind: "repos" | "artifacts",
  args: readonly string[],
  options: GlobalOptions,
): Promise<number> {
  const { named, rest } = splitWorkspace(args);
  if (rest.length === 0) throw new UsageError("nothing to remove is named", `See \`automatos workspace ${kind} ls\`.`);
  const { context, path: workspace } = await open(named, options);
  for (const item of rest) await context.client.call("DELETE", `${workspace}/${kind}/${encodePath(item)}`, z.null());
  context.answer({ removed: rest }, () => rest.map((item) => `removed ${item}`).join("\n"));
  return EXIT.ok;
}

export interface ArtifactGetOptions extends GlobalOptions {
  readonly output?: string;
  readonly force?: boolean;
}

export async function artifactGet(args: readonly string[], options: ArtifactGetOptions): Promise<number> {
  return download("artifacts", args, options);
}

async function download(
  kind: "artifacts" | "files",
  args: readonly string[],
  options: ArtifactGetOptions,
): Promise<number> {
  const { named, rest } = splitWorkspace(args);
  const [artifact, ...more] = rest;
  if (artifact === undefined || more.length > 0) {
    const list = kind === "files" ? "workspace files" : "workspace artifacts ls";
    throw new UsageError(`give one of the ${kind}`, `See \`automatos ${list}\`.`);
  }
  const { context, path: workspace } = await open(named, options);
  const headers = { accept: "application/octet-stream" };
  const response = await context.client.fetch("GET", `${workspace}/${kind}/${encodePath(artifact)}`, { headers });
  const content = Readable.from(response.body ?? []);
  if (options.output === "-") {
    await pipeline(content, process.stdout, { end: false });
    return EXIT.ok;
  }
  const target = await targetFile(options.output, artifact);
  const sizeBytes = await save(content, target, options.force === true);
  context.answer({ path: artifact, file: target, sizeBytes }, () => `${target} (${size(sizeBytes)})`);
  return EXIT.ok;
}

export async function filesList(args: readonly string[], options: GlobalOptions): Promise<number> {
  const { named, rest } = splitWorkspace(args);
  const [folder = ".", ...more] = rest;
  if (more.length > 0) throw new UsageError("give one directory", "See `automatos workspace files --help`.");
  const { context, path: workspace } = await open(named, options);
  const list = await context.client.call("GET", `${workspace}/files`, FileList, { query: { path: folder } });
  context.answer(list, () => {
    if (list.entries.length === 0) return "no files";
    const rows = list.entries.map((entry) => [
      forTerminal(entry.path, false) + (entry.type === "directory" ? "/" : ""),
      entry.type === "file" ? size(entry.sizeBytes) : entry.type,
      localTime(entry.modifiedAt),
    ]);
    return table(["PATH", "SIZE>", "MODIFIED"], rows);
  });
  if (!context.json && list.truncated) context.note("There are more: name a directory further down.");
  return EXIT.ok;
}

export async function fileGet(args: readonly string[], options: ArtifactGetOptions): Promise<number> {
  return download("files", args, options);
}

export async function filePut(args: readonly string[], options: GlobalOptions): Promise<number> {
  const { named, rest } = splitWorkspace(args);
  const [source, target = path.basename(source ?? ""), ...more] = rest;
  if (source === undefined || more.length > 0)
    throw new UsageError("give one file", "It may be followed by its path in the workspace.");
  const content = source === "-" ? process.stdin : createReadStream(source);
  if (source === "-" && rest.length < 2)
    throw new UsageError("the file has no name", "Give its path in the workspace.");
  if (source !== "-") {
    const entry = await stat(source).catch(() => undefined);
    if (entry?.isFile() !== true) throw new UsageError(`${source} is no file`, "Name one that can be read.");
  }
  const { context, path: workspace } = await open(named, options);
  const response = await context.client.fetch("PUT", `${workspace}/files/${encodePath(target)}`, {
    bytes: Readable.toWeb(content) as ReadableStream,
    headers: { "content-type": "application/octet-stream" },
    repeatable: false, // its bytes can be read once
  });
  const written = WrittenFile.safeParse(await response.json());
  if (!written.success) throw new UnexpectedAnswerError("PUT files", written.error);
  context.answer(written.data, () => `${target} (${size(written.data.bytesWritten)})`);
  return EXIT.ok;
}

async function targetFile(output: string | undefined, artifact: string): Promise<string> {
  const name = path.posix.basename(artifact);
  if (output === undefined) return path.resolve(name);
  const entry = await stat(output).catch(() => undefined);
  return path.resolve(entry?.isDirectory() === true ? path.join(output, name) : output);
}

/** The file appears with all of its content or not at all. */
async function save(content: Readable, target: string, force: boolean): Promise<number> {
  const partial = path.join(path.dirname(target), `.${path.basename(target)}.${randomUUID()}.part`);
  try {
    const file = createWriteStream(partial, { flags: "wx" });
    await pipeline(content, file);
    if (force) await rename(partial, target);
    else await link(partial, target); // unlike a rename, this fails when the name is taken
    return file.bytesWritten;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") {
      throw new UsageError(`${target} exists`, "Give another --output, or --force to replace it.");
    }
    throw new CliError(`${target} cannot be written: ${(error as Error).message}`, {
      remedy: "Choose another place with --output.",
      exitCode: EXIT.failed,
      cause: error,
    });
  } finally {
    await rm(partial, { force: true });
  }
}

/** Slashes part a path into folders; everything else is data. */
const encodePath = (text: string): string => text.split("/").map(encodeURIComponent).join("/");
