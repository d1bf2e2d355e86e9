/** PostgreSQL's and Redis's images for tests, made of Debian's packages once on this machine. */
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, existsSync, readFileSync } from "node:fs";
import { rename } from "node:fs/promises";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { pack } from "tar-stream";
import type { TestDaemon } from "./daemon.ts";
import { DEBIAN_IMAGE } from "./debian-image.ts";
import { followBuild, withBuilder } from "./service-images.ts";

const CONTEXT = path.join(import.meta.dirname, "data-image");
const FILES = ["Dockerfile", "entrypoint.sh"];
const FOLDER = path.resolve(import.meta.dirname, "../../../.automatos/docker");

/** Its name in a daemon that has it: one image is both, with users, commands and folders of each. */
export const DATA_IMAGE = "automatos-test/data:debian";

/**
 * Why it is of no use, as a test's reason to be skipped: Debian 12 has PostgreSQL 15, which refuses a migration that 18
 * takes ("cannot alter table task_executions because function task_error(task_executions) uses its row type").
 */
export function dataImageIsMissing(): string {
  const reason = "no image of PostgreSQL 18 can be made here: Debian 12 has 15, which refuses a migration";
  process.stderr.write(`SKIPPED: tests that bring up the whole pilot: ${reason}\n`);
  return reason;
}

/** Gives the daemon DATA_IMAGE. */
export async function loadDataImage(daemon: TestDaemon): Promise<void> {
  const hash = createHash("sha256");
  for (const file of FILES) hash.update(readFileSync(path.join(CONTEXT, file)));
  const archive = path.join(FOLDER, `data-${hash.digest("hex").slice(0, 12)}.tar`);
  if (!existsSync(archive)) await withBuilder((builder) => saveDataImage(builder, archive));
  await followBuild(daemon.docker, await daemon.docker.loadImage(createReadStream(archive)));
}

async function saveDataImage(builder: TestDaemon, archive: string): Promise<void> {
  if (existsSync(archive)) return; // whoever had the builder before made it
  process.stderr.write("building the image of PostgreSQL and Redis ...\n");
  const context = pack();
  for (const name of FILES) context.entry({ name, mode: 0o755 }, readFileSync(path.join(CONTEXT, name)));
  context.finalize();
  const { url } = await builder.wayOut();
  const output = await builder.docker.buildImage(context as unknown as NodeJS.ReadableStream, {
    t: DATA_IMAGE,
    networkmode: "host",
    buildargs: { BASE_IMAGE: DEBIAN_IMAGE, HTTP_PROXY: url, HTTPS_PROXY: url, http_proxy: url, https_proxy: url },
    version: "1",
  });
  await followBuild(builder.docker, output);
  await pipeline(await builder.docker.getImage(DATA_IMAGE).get(), createWriteStream(`${archive}.part`));
  await rename(`${archive}.part`, archive);
}
