// base-image.ts [--suite NAME] [--output FILE] [--tag NAME]: makes a minimal Debian as a base for the images of the
// services, where no registry can be reached, and gives it to the local Docker daemon (DOCKER_HOST) under the tag; with
// --output alone it stays a tar file, for `docker import`. A published image, pinned by digest, is for production.
import { createReadStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import Docker from "dockerode";
import { importRoot } from "./base-image/import-root.ts";
import { makeDebianRoot } from "./base-image/debian-root.ts";

const { values } = parseArgs({
  options: {
    suite: { type: "string", default: "bookworm" },
    output: { type: "string" },
    tag: { type: "string" },
  },
});
const tag = values.tag ?? (values.output === undefined ? `automatos-base:${values.suite}` : undefined);
const folder = await mkdtemp(path.join(tmpdir(), "base-image-"));
try {
  const file = values.output ?? path.join(folder, "root.tar");
  process.stderr.write(`making a minimal Debian ${values.suite} (about half a minute) ...\n`);
  await makeDebianRoot({ suite: values.suite, output: file });
  if (tag !== undefined) process.stdout.write(`${await importRoot(new Docker(), createReadStream(file), tag)}\n`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}
