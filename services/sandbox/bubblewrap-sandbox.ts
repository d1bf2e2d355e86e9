import { spawn, type ChildProcess } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import type { Duplex, Readable, Writable } from "node:stream";
import { PathOutsideWorkspaceError, FileNotFoundError } from "../workspace/file-errors.ts";
import { splitWorkspacePath } from "../workspace/safe-path.ts";
import { namespaceArgs, type SandboxMachine } from "./detect.ts";
import type { Cgroup } from "./cgroup.ts";
import { overInherited, withOpened } from "./inherited-descriptors.ts";
import { baseEnvironment, checkArgv, environmentList, onTerminal, proxyEnvironment } from "./environment.ts";
import { handedFileArgs, handOver, variablesFile, type HandedFile } from "./handed-files.ts";
import { INSIDE, innerScript, STATUS } from "./inner-script.ts";
import { collectText, forwardOutput, forwardText, giveInput, HeldText } from "./output.ts";
import {
  findByArgument,
  identify,
  kill,
  ownerIsAlive,
  ownerName,
  pidNamespace,
  waitUntilGone,
  type ProcessId,
} from "./process-table.ts";
import {
  CommandNotFoundError,
  CommandTooLongError,
  GatewayUnreachableError,
  SandboxFailedError,
} from "./sandbox-errors.ts";
import type { Sandbox, SandboxCommand, SandboxExit, SandboxProfile, SandboxStatus } from "./sandbox.ts";
import { seccompProgram } from "./seccomp.ts";
import { NOT_STARTED, StopWatch } from "./stop-watch.ts";
import { SystemView } from "./system-view.ts";

const ARGS_FD = 3;
const INFO_FD = 4;
const SECCOMP_FD = 6;
const MIB = 1024 ** 2;
/** An rlimit counts what a process has reserved, used or not: Node reserves more than half a GiB to start with. */
const RESERVED_MB = 512;
/** With the PID namespace and the owner's name: marks the sandboxes of one service in the host's process table. */
const OWNER_MARK = "automatos-sandbox:";
/** Enters cgroups by itself, which is quick (see cgroup.ts), and becomes bwrap before it has forked. */
const ENTER_CGROUPS =
  'n=$1; shift; while [ $n -gt 0 ]; do echo 0 >"$1" || exit 125; shift; n=$((n - 1)); done; exec "$@"';

/**
 * Runs commands in bubblewrap: own mount, PID, IPC, UTS, cgroup and network namespaces, a read-only system, one
 * writable folder, a system call filter, limits, and no privilege. What each part is for: docs/decisions.
 *
 * As root, bwrap is started by root (it can then bind what only root may traverse), and `setpriv` inside becomes the
 * workspace's user before anything of the caller's is read. Otherwise a user namespace does, and all workspaces share
 * the service's user.
 */
export class BubblewrapSandbox implements Sandbox {
  readonly kind = "bubblewrap";
  readonly status: SandboxStatus;
  readonly #machine: SandboxMachine;
  readonly #view: SystemView;
  readonly #seccompFile: string;
  readonly #owner = ownerName();
  /** A host sees the sandboxes of its containers as well, whose owners have other numbers there. */
  readonly #mark = `${OWNER_MARK}${pidNamespace()}:`;
  readonly #staticArgs: readonly string[];
  /** Takes the place of descriptors that this service has inherited: a child would get them as well. */
  readonly #overInherited: readonly ("ignore" | number)[];
  #count = 0;

  /** `runtimeDir` holds what sandboxes see of the system; it may be lost between starts. One service per folder. */
  constructor(deps: { readonly machine: SandboxMachine; readonly runtimeDir: string; readonly nodePath?: string }) {
    this.#machine = deps.machine;
    this.#view = new SystemView({ runtimeDir: deps.runtimeDir, nodePath: deps.nodePath ?? process.execPath });
    this.#seccompFile = join(deps.runtimeDir, "seccomp.bpf");
    fs.writeFileSync(this.#seccompFile, seccompProgram(deps.machine.arch));
    this.#staticArgs = [
      ...namespaceArgs(deps.machine.isRoot),
      ...["--die-with-parent", "--new-session", "--hostname", "sandbox"],
      ...["--setenv", "PATH", "/usr/bin:/bin"],
      ...["--info-fd", String(INFO_FD), "--seccomp", String(SECCOMP_FD), "--args", String(ARGS_FD)],
    ];
    this.#overInherited = overInherited(SECCOMP_FD + 1);
    this.status = {
      kind: "bubblewrap",
      available: true,
      problem: null,
      limitedBy: deps.machine.cgroups?.version ?? "rlimits",
      userPerWorkspace: deps.machine.isRoot,
    };
  }

  async run(profile: SandboxProfile, command: SandboxCommand): Promise<SandboxExit> {
    const folder = [INSIDE.workspace, ...splitWorkspacePath(command.cwd)].join("/");
    checkArgv(command);
    if (profile.gateway !== undefined && !isSocket(profile.gateway.socketPath)) throw new GatewayUnreachableError();
    if (command.signal.aborted) return NOT_STARTED;
    const watch = new StopWatch(command.timeoutMs, command.signal);
    let cgroup: Cgroup | undefined;
    try {
      const user = this.#prepareWorkspace(profile);
      const files = this.#handedFiles(profile, command);
      cgroup = this.#machine.cgroups?.create(`${this.#owner}-${++this.#count}`, profile.limits);
      const overInherited = withOpened(this.#overInherited, SECCOMP_FD + 1);
      return await this.#runIn(cgroup, { profile, command, folder, user, watch, files, overInherited });
    } finally {
      watch.close();
      await cgroup?.remove();
    }
  }

  async recover(): Promise<number> {
    // --die-with-parent leaves nothing, but for a worker killed in the few instructions before it is in force.
    const orphans = findByArgument(this.#mark).filter(({ rest }) => !ownerIsAlive(rest));
    for (const { id } of orphans) kill(id);
    await Promise.all(orphans.map(({ id }) => waitUntilGone(id)));
    const inCgroups = (await this.#machine.cgroups?.removeLeftOvers()) ?? 0;
    return orphans.length + inCgroups;
  }

  async #runIn(cgroup: Cgroup | undefined, run: Run): Promise<SandboxExit> {
    const { command, watch } = run;
    const child = this.#spawn(cgroup, this.#commandArgs(run, cgroup === undefined), run);
    const exited = new Promise<{ code: number | null; signal: string | null }>((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", (code, signal) => resolve({ code, signal }));
    });
    exited.catch(() => undefined);
    const stderr = new HeldText((text) => command.onOutput("stderr", text));
    // As many as `stdio` above asks for; its type knows five.
    const streams = child.stdio as unknown as [
      ...[Writable | null, Readable | null, Readable | null], // null: a terminal
      ...[Duplex, Readable, Readable],
    ];
    const [stdin, stdout, stderrStream, args, infoStream, statusStream] = streams;
    // Those after what is inherited were asked for as pipes.
    handOver(run.files, child.stdio.slice(firstFileFd(run)) as unknown as Writable[]);
    args.on("error", () => undefined); // closed early: the exit says why

    let first: ProcessId | undefined; // the first process of the sandbox's PID namespace
    const info = collectText(infoStream, (text) => {
      const pid = /"child-pid":\s*(\d+)/.exec(text)?.[1];
      if (first === undefined && pid !== undefined) first = identify(Number(pid));
      if (watch.stopped) end();
    });
    const end = () => {
      if (first === undefined) return; // comes with `info`, or the sandbox never started
      kill(first);
    };
    const status = collectText(statusStream, (text) => {
      if (text.startsWith(STATUS.started)) stderr.release();
    });
    const output = [
      ...(stdout === null ? [] : [forwardOutput(stdout, command)]),
      ...(stderrStream === null ? [] : [forwardText(stderrStream, (text) => stderr.push(text))]),
    ];
    watch.onStop(end);

    try {
      if (child.pid !== undefined) cgroup?.place(child.pid); // bwrap still waits for its arguments
      args.end(
        this.#mountArgs(run)
          .map((argument) => `${argument}\0`)
          .join(""),
      );
      if (stdin !== null) giveInput(stdin, command.stdin);
    } catch (error) {
      child.kill("SIGKILL");
      await exited.catch(() => undefined);
      throw error;
    }
    const exit = await exited;
    await info;
    // The command has ended; what it left running has until here.
    if (first !== undefined) {
      kill(first);
      await waitUntilGone(first);
    }
    await Promise.all(output);
    const outOfMemory = (cgroup?.outOfMemoryKills() ?? 0) > 0 && exit.code !== 0;
    const told = await status;
    if (!watch.stopped && !outOfMemory) this.#checkStarted(told, command, exit, stderr.text);
    return watch.exit(exit, outOfMemory);
  }

  #checkStarted(
    status: string,
    command: SandboxCommand,
    exit: { code: number | null; signal: string | null },
    stderr: string,
  ) {
    if (status.startsWith(STATUS.started)) return;
    if (status.startsWith(STATUS.notFound)) throw new CommandNotFoundError(command.argv[0]);
    if (status.startsWith(STATUS.noFolder)) throw new FileNotFoundError(command.cwd);
    if (status.startsWith(STATUS.outside))
      throw new PathOutsideWorkspaceError(command.cwd, "leads out of the workspace");
    if (status.startsWith(STATUS.noProxy)) throw new GatewayUnreachableError();
    throw new SandboxFailedError(stderr || `it ended with ${exit.signal ?? exit.code ?? "?"}`);
  }

  #spawn(cgroup: Cgroup | undefined, args: readonly string[], { command, files, overInherited }: Run): ChildProcess {
    const seccomp = fs.openSync(this.#seccompFile, "r");
    const stream = command.terminalFd ?? "pipe";
    const filePipes = files.map(() => "pipe" as const);
    const entries = cgroup?.entryFiles ?? [];
    const [program, programArgs] =
      entries.length === 0
        ? [this.#machine.bwrap, args]
        : ["/bin/sh", ["-c", ENTER_CGROUPS, "sh", String(entries.length), ...entries, this.#machine.bwrap, ...args]];
    try {
      return spawn(program, programArgs, {
        env: {}, // stays readable inside as /proc/1/environ, --clearenv notwithstanding
        cwd: "/",
        detached: true, // Ctrl-C at the service's terminal is the service's to handle
        stdio: [stream, stream, stream, "pipe", "pipe", "pipe", seccomp, ...overInherited, ...filePipes],
      });
    } catch (error) {
      throw (error as NodeJS.ErrnoException).code === "E2BIG" ? new CommandTooLongError(error) : error;
    } finally {
      fs.closeSync(seccomp);
    }
  }

  /** What stands on bwrap's command line: all namespaces and rights, and the command. */
  #commandArgs({ profile, command, folder, user }: Run, byRlimits: boolean): string[] {
    const { isRoot, setpriv, processLimit } = this.#machine;
    const drop = isRoot
      ? [
          ...[setpriv, "--reuid", String(user.uid), "--regid", String(user.gid), "--clear-groups"],
          ...["--bounding-set", "-all", "--inh-caps", "-all", "--no-new-privs", "--"],
        ]
      : [];
    const { maxFileBytes, maxProcesses, memoryMb } = profile.limits;
    return [
      ...this.#staticArgs,
      ...["--", ...drop, "/bin/sh", "-c", innerScript(processLimit), this.#mark + this.#owner],
      String(Math.ceil(maxFileBytes / 512)),
      byRlimits ? String(maxProcesses) : "",
      byRlimits ? String((memoryMb + RESERVED_MB) * 1024) : "",
      profile.gateway === undefined ? "" : "net",
      folder,
      ...onTerminal(command),
    ];
  }

  /**
   * What is there, handed over by a descriptor, so that no path of the host is readable in /proc/1/cmdline. /usr comes
   * last: a list cut short by the death of this process gives a sandbox in which nothing can be executed.
   */
  #mountArgs(run: Run): string[] {
    const { profile, user, files } = run;
    const { memoryMb } = profile.limits;
    const tmpfs = (bytes: number, path: string) => ["--perms", "1777", "--size", String(bytes), "--tmpfs", path];
    return [
      ...this.#view.args(user.uid, user.gid),
      ...["--proc", "/proc", "--dev", "/dev"],
      ...tmpfs(Math.ceil(memoryMb / 4) * MIB, "/dev/shm"),
      ...tmpfs(Math.ceil(memoryMb / 2) * MIB, "/tmp"),
      ...["--bind", profile.workspaceDir, INSIDE.workspace],
      ...(profile.gateway === undefined ? [] : ["--ro-bind", profile.gateway.socketPath, INSIDE.gatewaySocket]),
      ...handedFileArgs(files, firstFileFd(run), this.#machine.isRoot),
      ...["--remount-ro", "/dev", "--ro-bind", "/usr", "/usr", "--remount-ro", "/"],
    ];
  }

  #handedFiles({ gateway, environment, credentials }: SandboxProfile, command: SandboxCommand): HandedFile[] {
    const variables = environmentList(
      baseEnvironment(INSIDE.workspace, this.#view.path),
      proxyEnvironment(gateway),
      environment,
      credentials?.environment ?? {},
      command.environment,
    );
    const secret = credentials?.files ?? [];
    const files = secret.map(({ path, content }) => ({
      path: `${INSIDE.credentials}/${path}`,
      content,
      isSecret: true,
    }));
    return [variablesFile(variables), ...files];
  }

  /** The user that the command runs as; the workspace's folder is his alone. */
  #prepareWorkspace({ workspaceDir, uid }: SandboxProfile): { uid: number; gid: number } {
    if (!this.#machine.isRoot) return { uid: process.getuid?.() ?? uid, gid: process.getgid?.() ?? uid };
    if (!Number.isInteger(uid) || uid < 1 || uid >= 2 ** 32 - 1) {
      throw new SandboxFailedError(`${uid} is no user id for a workspace`);
    }
    const folder = fs.openSync(workspaceDir, fs.constants.O_DIRECTORY | fs.constants.O_NOFOLLOW);
    try {
      const stats = fs.fstatSync(folder);
      if (stats.uid !== uid || stats.gid !== uid) fs.fchownSync(folder, uid, uid);
      if ((stats.mode & 0o7777) !== 0o700) fs.fchmodSync(folder, 0o700);
    } finally {
      fs.closeSync(folder);
    }
    return { uid, gid: uid };
  }
}

const isSocket = (path: string) => fs.statSync(path, { throwIfNoEntry: false })?.isSocket() === true;

interface Run {
  readonly profile: SandboxProfile;
  readonly command: SandboxCommand;
  /** Where the command starts, as a path inside. */
  readonly folder: string;
  readonly user: { readonly uid: number; readonly gid: number };
  readonly watch: StopWatch;
  readonly files: readonly HandedFile[];
  readonly overInherited: readonly ("ignore" | number)[];
}

/** Descriptors of files that a command is handed follow those that it must not have. */
const firstFileFd = ({ overInherited }: Run): number => SECCOMP_FD + 1 + overInherited.length;
