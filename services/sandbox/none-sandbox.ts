import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FileNotFoundError } from "../workspace/file-errors.ts";
import { splitWorkspacePath } from "../workspace/safe-path.ts";
import { baseEnvironment, checkArgv, environmentList, onTerminal } from "./environment.ts";
import { forwardOutput, forwardText, giveInput } from "./output.ts";
import { CommandNotFoundError, CommandTooLongError, CredentialFilesRefusedError } from "./sandbox-errors.ts";
import type { Sandbox, SandboxCommand, SandboxExit, SandboxProfile, SandboxStatus } from "./sandbox.ts";
import { NOT_STARTED, StopWatch } from "./stop-watch.ts";

/**
 * No sandbox at all: commands run bare, as the service's user, with the whole machine in reach. For development where
 * there is no bubblewrap, and only when AUTOMATOS_SANDBOX=none says so. Timeouts and cancellation kill the command's
 * process group; a background child that makes a session of its own escapes that, as nothing here can hold it.
 */
export class NoneSandbox implements Sandbox {
  readonly kind = "none";
  readonly status: SandboxStatus = {
    kind: "none",
    available: true,
    problem: null,
    limitedBy: "nothing",
    userPerWorkspace: false,
  };
  readonly #path: string;

  /** `path`: PATH of the commands. */
  constructor(deps: { readonly path: string }) {
    this.#path = deps.path;
  }

  async run(profile: SandboxProfile, command: SandboxCommand): Promise<SandboxExit> {
    const folder = join(profile.workspaceDir, ...splitWorkspacePath(command.cwd));
    checkArgv(command);
    if ((profile.credentials?.files.length ?? 0) > 0) throw new CredentialFilesRefusedError();
    if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) throw new FileNotFoundError(command.cwd);
    if (command.signal.aborted) return NOT_STARTED;
    const watch = new StopWatch(command.timeoutMs, command.signal);
    const temporary = mkdtempSync(join(tmpdir(), "automatos-command-"));
    try {
      return await this.#spawn(profile, command, { folder, temporary, watch });
    } finally {
      watch.close();
      rmSync(temporary, { recursive: true, force: true });
    }
  }

  async recover(): Promise<number> {
    return 0;
  }

  async #spawn(
    profile: SandboxProfile,
    command: SandboxCommand,
    { folder, temporary, watch }: { readonly folder: string; readonly temporary: string; readonly watch: StopWatch },
  ): Promise<SandboxExit> {
    const [program, ...args] = onTerminal(command);
    const environment = environmentList(
      baseEnvironment(profile.workspaceDir, this.#path),
      { TMPDIR: temporary },
      profile.environment,
      profile.credentials?.environment ?? {},
      command.environment,
    );
    const env = Object.fromEntries(
      environment.map((text) => [text.slice(0, text.indexOf("=")), text.slice(text.indexOf("=") + 1)]),
    );
    const child = start(program, args, { cwd: folder, env, terminalFd: command.terminalFd });
    const exited = new Promise<{ code: number | null; signal: string | null }>((resolve, reject) => {
      child.once("error", (error: NodeJS.ErrnoException) => {
        if (error.code === "ENOENT" || error.code === "EACCES") reject(new CommandNotFoundError(program));
        else reject(error);
      });
      child.once("exit", (code, signal) => resolve({ code, signal }));
    });
    const killGroup = () => {
      if (child.pid === undefined) return;
      try {
        process.kill(-child.pid, "SIGKILL");
      } catch {
        // nobody of the group is left
      }
    };
    watch.onStop(killGroup);
    const { stdin, stdout, stderr } = child; // none of them on a terminal
    const output = [
      ...(stdout === null ? [] : [forwardOutput(stdout, command)]),
      ...(stderr === null ? [] : [forwardText(stderr, (text) => command.onOutput("stderr", text))]),
    ];
    if (stdin !== null) giveInput(stdin, command.stdin);
    const exit = await exited;
    killGroup();
    await Promise.all(output);
    return watch.exit(exit);
  }
}

function start(
  program: string,
  args: readonly string[],
  {
    terminalFd: tty,
    ...options
  }: { readonly cwd: string; readonly env: NodeJS.ProcessEnv; readonly terminalFd: number | undefined },
): ChildProcess {
  try {
    const stdio = tty === undefined ? (["pipe", "pipe", "pipe"] as const) : ([tty, tty, tty] as const);
    return spawn(program, args, { ...options, detached: true, stdio: [...stdio] });
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === "E2BIG" ? new CommandTooLongError(error) : error;
  }
}
