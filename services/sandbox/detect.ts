import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { SandboxUnavailableError } from "../../contracts/errors.ts";
import { findProgram } from "../runtime/find-program.ts";
import { openCgroups, type CgroupDriver } from "./cgroup.ts";
import type { SeccompArch } from "./seccomp-table.ts";

/** What this machine offers for sandboxes; found out once, at start. */
export interface SandboxMachine {
  readonly bwrap: string;
  readonly setpriv: string;
  readonly socat: string;
  readonly arch: SeccompArch;
  /** The service runs as root: each workspace gets a user of its own. Otherwise a user namespace holds the sandbox. */
  readonly isRoot: boolean;
  readonly cgroups: CgroupDriver | undefined;
  /** How /bin/sh calls the limit on processes. */
  readonly processLimit: "u" | "p";
}

const FOLDERS = ["/usr/bin", "/bin", "/usr/local/bin", "/usr/sbin"];
const INSTALL = "Install it with `apt-get install bubblewrap socat util-linux`, or the same packages of your system.";
const NEEDS_LINUX = "Run the worker in a Linux VM, or use the pilot phase on Docker.";

/**
 * Looks at this machine and tries a sandbox.
 *
 * @throws SandboxUnavailableError with what is missing and how to get it.
 */
export function detectMachine(options: { readonly searchFolders?: readonly string[] } = {}): SandboxMachine {
  if (process.platform !== "linux") {
    throw new SandboxUnavailableError(`bubblewrap runs on Linux, this is ${process.platform}`, NEEDS_LINUX);
  }
  if (process.arch !== "x64" && process.arch !== "arm64") {
    throw new SandboxUnavailableError(`no system call filter is known for ${process.arch}`, NEEDS_LINUX);
  }
  const find = (program: string) => {
    const found = findProgram(program, options.searchFolders ?? FOLDERS);
    if (found === undefined) throw new SandboxUnavailableError(`${program} is not installed`, INSTALL);
    return found;
  };
  const machine = {
    bwrap: find("bwrap"),
    setpriv: find("setpriv"),
    socat: find("socat"),
    arch: process.arch,
    isRoot: process.getuid?.() === 0,
    processLimit: spawnSync("/bin/sh", ["-c", "ulimit -u"]).status === 0 ? ("u" as const) : ("p" as const),
  };
  tryNamespaces(machine);
  return { ...machine, cgroups: openCgroups() };
}

/** The namespaces and rights that bwrap takes, for root and for others. */
export function namespaceArgs(isRoot: boolean): string[] {
  const shared = ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"];
  if (!isRoot) return [...shared, "--unshare-user", "--cap-drop", "ALL"];
  // What setpriv needs to become the workspace's user; it gives them up with that.
  const keep = ["CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP"].flatMap((capability) => ["--cap-add", capability]);
  return [...shared, "--cap-drop", "ALL", ...keep];
}

function tryNamespaces({ bwrap, isRoot }: { readonly bwrap: string; readonly isRoot: boolean }): void {
  const links = ["/lib", "/lib64", "/bin"].filter((path) => existsSync(path));
  const view = ["--ro-bind", "/usr", "/usr", ...links.flatMap((path) => ["--ro-bind", path, path]), "--proc", "/proc"];
  const trial = spawnSync(bwrap, [...namespaceArgs(isRoot), ...view, "--", "/bin/sh", "-c", ":"], {
    env: {},
    encoding: "utf8",
    timeout: 20_000,
  });
  if (trial.status === 0) return;
  const end = trial.error?.message ?? `it ended with ${trial.signal ?? trial.status ?? "?"}`;
  const said = trial.stderr.trim();
  const reason = said === "" ? end : said;
  throw new SandboxUnavailableError(
    `bubblewrap cannot make namespaces here: ${reason}`,
    isRoot
      ? "Give the worker's container the right to make namespaces (CAP_SYS_ADMIN and CAP_NET_ADMIN, unmasked /proc), or run it on the host."
      : "Allow user namespaces (sysctl kernel.unprivileged_userns_clone=1, or an AppArmor profile for bwrap), or run the worker as root.",
  );
}
