/** Where manifests come from: files, patterns of them, addresses. */
import { globSync } from "node:fs";
import { readFile } from "node:fs/promises";

const PATTERN = /(?:^|[^\\])[*?[]/;

/** @param globs Whether patterns stand for the files that match; one that matches none stands for none. */
export async function readManifestFile(file: string, globs: boolean): Promise<string[]> {
  if (/^https?:\/\//.test(file)) return [await download(file)];
  const files = globs && PATTERN.test(file) ? globSync(file).sort() : [file];
  return Promise.all(
    files.map((name) =>
      readFile(name, "utf8").catch((error: unknown) => {
        throw new Error(`reading YAML file from disk: ${(error as Error).message}`, { cause: error });
      }),
    ),
  );
}

async function download(url: string): Promise<string> {
  const response = await fetch(url).catch((error: unknown) => {
    const { cause, message } = error as Error;
    throw new Error(`fetching YAML over network: ${url}: ${cause instanceof Error ? cause.message : message}`);
  });
  if (!response.ok) throw new Error(`fetching YAML over network: ${url} answered with status ${response.status}`);
  return response.text();
}
