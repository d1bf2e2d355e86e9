/** A Debian for tests to build images on: made once on this machine, kept in .automatos/docker/. */
import { createHash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import path from "node:path";
import { withFileLock } from "../../../components/local/file-lock.ts";
import { makeDebianRoot } from "../../../scripts/base-image/debian-root.ts";
import { importRoot } from "../../../scripts/base-image/import-root.ts";
import { installPackages, programOfMachine } from "../debian-packages.ts";
import type { TestDaemon } from "./daemon.ts";

const ROOT = path.resolve(import.meta.dirname, "../../..");
const FOLDER = path.join(ROOT, ".automatos/docker");
const SUITE = "bookworm";
const RECIPE = path.join(ROOT, "scripts/base-image/debian-root.ts");

/** Its name in a daemon that has it. */
export const DEBIAN_IMAGE = "debian-base:test";

let checked: Promise<string | false> | undefined;

/** False when the image can be made or is there; else what is missing, as a test's reason to be skipped. */
export function debianIsMissing(): Promise<string | false> {
  checked ??= prepare().then(
    () => false,
    (error: unknown) => {
      const reason = `no Debian to build images on: ${error instanceof Error ? error.message : String(error)}`;
      process.stderr.write(`SKIPPED: tests of images: ${reason}\n`);
      return reason;
    },
  );
  return checked;
}

/** Gives the daemon DEBIAN_IMAGE, unless it has it. @returns its id, `sha256:...` */
export async function importDebian(daemon: TestDaemon): Promise<string> {
  const file = await prepare();
  const named = `debian-base:${path.basename(file, ".tar")}`;
  const image = daemon.docker.getImage(named);
  const there = await image.inspect().catch(() => undefined); // its id is another each time it is imported
  const id = there?.Id ?? (await importRoot(daemon.docker, createReadStream(file), named));
  const [repo = "", tag = ""] = DEBIAN_IMAGE.split(":");
  await image.tag({ repo, tag });
  return id;
}

/** @returns the tar file of the root file system. */
async function prepare(): Promise<string> {
  const recipe = createHash("sha256")
    .update(await readFile(RECIPE))
    .digest("hex");
  const file = path.join(FOLDER, `debian-${SUITE}-${recipe.slice(0, 12)}.tar`);
  if (existsSync(file)) return file;
  await mkdir(FOLDER, { recursive: true });
  await withFileLock(path.join(FOLDER, "debian.lock"), async () => {
    if (existsSync(file)) return;
    await needDebootstrap();
    process.stderr.write("making a minimal Debian for image tests (once, about half a minute) ...\n");
    await makeDebianRoot({ suite: SUITE, output: file });
    const old = (await readdir(FOLDER)).filter((name) => name.startsWith(`debian-${SUITE}-`));
    for (const name of old) if (name !== path.basename(file)) await rm(path.join(FOLDER, name));
  });
  return file;
}

async function needDebootstrap(): Promise<void> {
  if (programOfMachine("debootstrap") === undefined) await installPackages(["debootstrap"]);
}
