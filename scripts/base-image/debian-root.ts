import { execFile } from "node:child_process";
import { copyFile, mkdir, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { debianArchives, type DebianArchive } from "./apt-archives.ts";

const run = promisify(execFile);

export interface DebianRootOptions {
  /** Debian's release, by its code name. */
  readonly suite: string;
  /** The tar file to write; it appears whole or not at all. */
  readonly output: string;
}

/** Certificates of a site's own authorities, as update-ca-certificates reads them. */
const SITE_CERTIFICATES = "/usr/local/share/ca-certificates";
/** What no container needs; apt's lists are made anew by whoever installs. */
const REMOVED = ["var/cache/apt", "var/lib/apt/lists", "var/log", "usr/share/doc", "usr/share/man", "usr/share/locale"];

/**
 * Makes the root file system of a minimal Debian with debootstrap, as a tar: packages from where this machine's own apt
 * gets them, and trusting the authorities that this machine trusts beside the public ones. Needs root, `debootstrap`
 * and about 300 MB.
 *
 * @throws when debootstrap fails, with the last of what it said.
 */
export async function makeDebianRoot({ suite, output }: DebianRootOptions): Promise<void> {
  const archives = await debianArchives(suite);
  const main = archives.find(({ codename }) => codename === suite);
  if (main === undefined) {
    throw new Error(
      `apt on this machine knows no archive of Debian ${suite}; run apt-get update, or name another suite`,
    );
  }
  const folder = await mkdtemp(path.join(tmpdir(), "base-image-"));
  try {
    const root = path.join(folder, "root");
    const include = "--include=ca-certificates";
    await run("debootstrap", ["--variant=minbase", include, suite, root, main.uri], { maxBuffer: 64 * 1024 ** 2 });
    await writeSources(root, archives);
    await trustSiteCertificates(root);
    for (const name of REMOVED) await empty(path.join(root, name));
    const archive = path.join(folder, "root.tar");
    await run("tar", ["--numeric-owner", "--one-file-system", "-C", root, "-cf", archive, "."]);
    await mkdir(path.dirname(output), { recursive: true });
    const beside = `${output}.${process.pid}`;
    await copyFile(archive, beside);
    await rename(beside, output);
  } catch (error) {
    const { stdout } = error as { stdout?: string };
    if (stdout === undefined) throw error;
    throw new Error(`making a Debian ${suite} failed:\n${stdout.slice(-2_048)}`, { cause: error });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function writeSources(root: string, archives: readonly DebianArchive[]): Promise<void> {
  const entries = archives.map(({ uri, codename }) =>
    ["Types: deb", `URIs: ${uri}`, `Suites: ${codename}`, "Components: main"].join("\n"),
  );
  await rm(path.join(root, "etc/apt/sources.list"), { force: true });
  await writeFile(path.join(root, "etc/apt/sources.list.d/debian.sources"), `${entries.join("\n\n")}\n`);
}

async function trustSiteCertificates(root: string): Promise<void> {
  const names = await readdir(SITE_CERTIFICATES).catch(() => []);
  for (const name of names.filter((file) => file.endsWith(".crt"))) {
    await copyFile(path.join(SITE_CERTIFICATES, name), path.join(root, SITE_CERTIFICATES, name));
  }
  await run("chroot", [root, "update-ca-certificates"]);
}

async function empty(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  await Promise.all(names.map((name) => rm(path.join(folder, name), { recursive: true, force: true })));
}
