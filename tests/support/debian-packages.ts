/** Programs that tests need of the machine, and how root gets those that Debian has. */
import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { findProgram } from "../../services/runtime/find-program.ts";

/** Debian's sbin folders are not on everybody's PATH. */
const FOLDERS = [
  ...(process.env["PATH"] ?? "").split(path.delimiter).filter(Boolean),
  ...["/usr/sbin", "/sbin", "/usr/bin", "/bin", "/usr/local/bin", "/usr/local/go/bin"],
];
const MAX_OUTPUT_BYTES = 64 * 1024 ** 2;

/** The full path of a program of this machine; undefined when it is not installed. */
export const programOfMachine = (name: string): string | undefined => findProgram(name, FOLDERS);

/** Installs packages, as root. @throws as apt-get does */
export async function installPackages(packages: readonly string[]): Promise<void> {
  // Two test files may ask at once: apt waits for its own lock.
  const apt = (...args: string[]) =>
    promisify(execFile)("apt-get", ["-o", "DPkg::Lock::Timeout=300", ...args], {
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
      maxBuffer: MAX_OUTPUT_BYTES,
    });
  const get = () => apt("install", "-y", "-q", "--no-install-recommends", ...packages);
  await get().catch(async () => {
    await apt("update", "-q");
    await get();
  });
}
