/** PostgreSQL's and Redis's image for tests, made once on this machine. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, existsSync, readFileSync } from "node:fs";
import { readdir, rename, rm } from "node:fs/promises";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { postgresNativeDir } from "../../../components/local/postgres-server.ts";
import type { TestDaemon } from "./daemon.ts";
import { DEBIAN_IMAGE } from "./debian-image.ts";
import { followBuild, withBuilder } from "./service-images.ts";

const CONTEXT = path.join(import.meta.dirname, "data-image");
const FILES = ["Dockerfile", "entrypoint.sh"];
const FOLDER = path.resolve(import.meta.dirname, "../../../.automatos/docker");

/** Its name in a daemon that has it: one image is both, with users, commands and folders of each. */
export const DATA_IMAGE = "automatos-test/data:debian";

/** Gives the daemon DATA_IMAGE. */
export async function loadDataImage(daemon: TestDaemon): Promise<void> {
  const archive = await makeDataImage();
  await followBuild(daemon.docker, await daemon.docker.loadImage(createReadStream(archive)));
}

/** Builds it, unless it is there. @returns the file in which it is kept */
export async function makeDataImage(): Promise<string> {
  const archive = path.join(FOLDER, `data-${recipe()}.tar`);
  if (!existsSync(archive)) await withBuilder((builder) => saveDataImage(builder, archive));
  return archive;
}

function recipe(): string {
  const files = [...FILES.map((file) => path.join(CONTEXT, file)), path.join(postgresNativeDir(), "../package.json")];
  const hash = createHash("sha256");
  for (const file of files) hash.update(readFileSync(file)).update("\0");
  return hash.digest("hex").slice(0, 12);
}

async function saveDataImage(builder: TestDaemon, archive: string): Promise<void> {
  if (existsSync(archive)) return; // whoever had the builder before made it
  process.stderr.write("building the image of PostgreSQL and Redis ...\n");
  const { url } = await builder.wayOut();
  const output = await builder.docker.buildImage(context(), {
    t: DATA_IMAGE,
    networkmode: "host",
    buildargs: { BASE_IMAGE: DEBIAN_IMAGE, HTTP_PROXY: url, HTTPS_PROXY: url, http_proxy: url, https_proxy: url },
    version: "1",
  });
  await followBuild(builder.docker, output);
  await pipeline(await builder.docker.getImage(DATA_IMAGE).get(), createWriteStream(`${archive}.part`));
  const old = (await readdir(FOLDER)).filter((file) => /^data-.*\.tar$/.test(file));
  for (const file of old) await rm(path.join(FOLDER, file));
  await rename(`${archive}.part`, archive);
}

/** An archive of the recipe and of PostgreSQL's folders beside it; what C programs are linked with stays out. */
function context(): NodeJS.ReadableStream {
  const root = ["--owner=0", "--group=0", "--exclude=*.a", "--exclude=pgxs"];
  const args = ["-c", ...root, "-C", CONTEXT, ...FILES, "-C", postgresNativeDir(), "bin", "lib", "share"];
  const { stdout } = execFile("tar", args, { encoding: "buffer", maxBuffer: 2 ** 30 });
  if (stdout === null) throw new Error("tar has no output");
  return stdout;
}
