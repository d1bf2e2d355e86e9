import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { hostname as machineName } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import type { SeccompArch } from "../../sandbox/seccomp-table.ts";
import { overInherited, withOpened } from "../../sandbox/inherited-descriptors.ts";
import { ownerIsAlive, ownerName } from "../../sandbox/process-table.ts";
import { seccompProgram } from "../../sandbox/seccomp.ts";
import { findProgramFiles, type ProgramFiles } from "./program-files.ts";

/** A folder or file of the host's, and where it is inside. */
export interface Mount {
  readonly from: string;
  readonly to: string;
  readonly writable?: boolean;
}

export interface BoxRun {
  readonly program: ProgramFiles;
  readonly args: readonly string[];
  readonly mounts: readonly Mount[];
  /** Files that are made inside, for what must stand on no command line and in no folder. @default none */
  readonly files?: Readonly<Record<string, string>>;
  /** Owner of the workspace's files: who the program runs as, where this service is root. */
  readonly uid: number;
  /** Reads whatever the owner's own modes say: a tenant may hide nothing from the backup. @default false */
  readonly readsAll?: boolean;
  readonly network: boolean;
  readonly environment: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  readonly onOutput?: (line: string) => void;
  /** Each line of the standard error as it comes; the last of them are in the exit too. */
  readonly onError?: (line: string) => void;
}

export interface BoxExit {
  readonly code: number | null;
  /** The last lines of the standard error. */
  readonly stderr: string;
}

const HOST_PREFIX = "automatos-";
const SECCOMP_FD = 3;
const FIRST_FILE_FD = 4;
const KEPT_ERROR_CHARS = 4_000;
/** Names are resolved by the host's own means, and certificates checked against its authorities. */
const NETWORK_FILES = [
  "/etc/resolv.conf",
  "/etc/hosts",
  "/etc/nsswitch.conf",
  "/etc/ssl/certs",
  "/usr/share/ca-certificates",
];

/**
 * Where the programs run that read and write a workspace's tree for its backups. What lies in the tree is hostile, and
 * they open it by path: so the box holds that tree, the programs with their libraries, and nothing else of the host: a
 * link that is put in the way leads nowhere. No /proc, where the program's own environment would be a file. The
 * program runs as the owner of the tree, with at most the right to read all of what he owns.
 */
export class BackupBox {
  readonly #bwrap: ProgramFiles;
  readonly #setpriv: ProgramFiles | undefined;
  readonly #seccompFile: string;
  /** Names this process in locks that its runs leave in the store. */
  readonly #owner = `${machineMark()}-${ownerName()}`;
  readonly #running = new Set<string>();
  #count = 0;

  /** @throws BackupProgramMissingError */
  constructor(deps: { readonly runtimeDir: string; readonly searchFolders?: readonly string[] }) {
    this.#bwrap = findProgramFiles("bwrap", deps.searchFolders);
    this.#setpriv = isRoot() ? findProgramFiles("setpriv", deps.searchFolders) : undefined;
    mkdirSync(deps.runtimeDir, { recursive: true, mode: 0o711 });
    this.#seccompFile = join(deps.runtimeDir, "backup-seccomp.bpf");
    writeFileSync(this.#seccompFile, seccompProgram(process.arch as SeccompArch));
  }

  /** Resolves when no process of the run is left. @throws the signal's reason when that fired. */
  async run(run: BoxRun): Promise<BoxExit> {
    run.signal.throwIfAborted();
    const files = Object.entries(run.files ?? {});
    const seccomp = openSync(this.#seccompFile, "r");
    const from = FIRST_FILE_FD + files.length;
    const inherited = withOpened(overInherited(from), from);
    const hostname = `${HOST_PREFIX}${this.#owner}-${(this.#count += 1)}`;
    this.#running.add(hostname);
    const child = spawn(this.#bwrap.path, this.#args(run, files, hostname), {
      env: { ...run.environment },
      cwd: "/",
      detached: true, // Ctrl-C at the service's terminal is the service's to handle
      stdio: ["ignore", "pipe", "pipe", seccomp, ...files.map(() => "pipe" as const), ...inherited],
    });
    closeSync(seccomp);
    const kill = () => child.kill("SIGKILL"); // and with it, by --die-with-parent, all that is inside
    run.signal.addEventListener("abort", kill, { once: true });
    try {
      for (const [index, [, content]] of files.entries()) {
        const pipe = child.stdio[FIRST_FILE_FD + index] as NodeJS.WritableStream;
        pipe.on("error", () => undefined);
        pipe.end(content);
      }
      let stderr = "";
      if (child.stdout === null || child.stderr === null) throw new Error("no pipes");
      createInterface({ input: child.stdout }).on("line", (line) => run.onOutput?.(line));
      createInterface({ input: child.stderr }).on("line", (line) => {
        stderr = `${stderr}${line}\n`.slice(-KEPT_ERROR_CHARS);
        run.onError?.(line);
      });
      // `close` comes when nobody inside holds the pipes any more.
      const code = await new Promise<number | null>((resolve, reject) => {
        child.once("error", reject);
        child.once("close", resolve);
      });
      run.signal.throwIfAborted();
      return { code, stderr: stderr.trim() };
    } finally {
      run.signal.removeEventListener("abort", kill);
      this.#running.delete(hostname);
    }
  }

  /** Whether a host name is that of a run on this machine which has ended. */
  isDead(hostname: string): boolean {
    const [, machine, owner] = /^automatos-([0-9a-f]+)-(\d+-\d+)-\d+$/.exec(hostname) ?? [];
    if (machine !== machineMark() || owner === undefined) return false;
    return owner === ownerName() ? !this.#running.has(hostname) : !ownerIsAlive(owner);
  }

  #args(run: BoxRun, files: readonly (readonly [string, string])[], hostname: string): string[] {
    const programs = [run.program, ...(this.#setpriv === undefined ? [] : [this.#setpriv])];
    const shown: Mount[] = [
      ...new Map(
        programs.flatMap(({ path, libraries }) => [
          ...libraries.map((library) => [library, { from: library, to: library }] as const),
          [path, { from: path, to: inside(path) }] as const,
        ]),
      ).values(),
      ...(run.network
        ? NETWORK_FILES.filter((path) => existsSync(path)).map((path) => ({ from: path, to: path }))
        : []),
      ...run.mounts,
    ];
    const parents = new Set(shown.flatMap(({ to }) => foldersAbove(to)));
    for (const [path] of files) for (const folder of foldersAbove(path)) parents.add(folder);
    const rights = run.readsAll === true ? "+dac_read_search" : "-all";
    const drop =
      this.#setpriv === undefined
        ? []
        : [
            ...[inside(this.#setpriv.path), "--reuid", String(run.uid), "--regid", String(run.uid), "--clear-groups"],
            ...[
              "--no-new-privs",
              "--inh-caps",
              only(rights),
              "--ambient-caps",
              only(rights),
              "--bounding-set",
              only(rights),
              "--",
            ],
          ];
    return [
      ...this.#namespaces(run),
      ...["--die-with-parent", "--new-session", "--hostname", hostname, "--seccomp", String(SECCOMP_FD)],
      ...[...parents].sort().flatMap((path) => ["--perms", "0755", "--dir", path]),
      ...["--dev", "/dev", "--perms", "1777", "--tmpfs", "/tmp"],
      ...shown.flatMap(({ from, to, writable }) => [writable === true ? "--bind" : "--ro-bind", from, to]),
      ...files.flatMap(([path], index) => ["--perms", "0444", "--file", String(FIRST_FILE_FD + index), path]),
      ...["--remount-ro", "/", "--chdir", "/", "--", ...drop, inside(run.program.path), ...run.args],
    ];
  }

  #namespaces({ network, readsAll }: BoxRun): string[] {
    const shared = ["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", "--cap-drop", "ALL"];
    const own = network ? [] : ["--unshare-net"];
    const read = readsAll === true ? ["--cap-add", "CAP_DAC_READ_SEARCH"] : [];
    if (this.#setpriv === undefined) return [...shared, ...own, "--unshare-user", ...read];
    // What setpriv needs to become the workspace's user; it gives them up with that.
    const become = ["CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP"].flatMap((name) => ["--cap-add", name]);
    return [...shared, ...own, ...become, ...read];
  }
}

/** Tells machines apart, and containers, whose process ids are their own; another after a restart. */
const machineMark = () =>
  createHash("sha256")
    .update(
      `${machineName()} ${readFileSync("/proc/sys/kernel/random/boot_id", "utf8")} ${readlinkSync("/proc/self/ns/pid")}`,
    )
    .digest("hex")
    .slice(0, 8);
const isRoot = () => process.getuid?.() === 0;
const inside = (path: string) => `/bin/${path.slice(path.lastIndexOf("/") + 1)}`;
const only = (rights: string) => (rights === "-all" ? "-all" : `-all,${rights}`);

function foldersAbove(path: string): string[] {
  const folder = dirname(path);
  return folder === "/" ? [] : [...foldersAbove(folder), folder];
}
